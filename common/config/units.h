// Durations and sizes as people write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace ronda::config {

// Milliseconds of "500ms", "30s", "5m", "1h30m", "28d", "2w", "1y" (365 d): whole numbers with
// units from large to small, each at most once, as in Prometheus; "0" needs no unit.
// kInvalidArgument otherwise, or when it is more than int64 milliseconds hold.
absl::StatusOr<int64_t> ParseDuration(std::string_view text);
// The shortest such text: "1h30m", "28d", "0s". `ms` is not negative.
std::string FormatDuration(int64_t ms);

// Bytes of "4096", "64KiB", "256MiB", "2GiB", "1TiB", and of the decimal "1kB", "1MB", "1GB",
// "1TB"; "B" may be written too.
absl::StatusOr<int64_t> ParseSize(std::string_view text);
// With the largest binary unit that divides it: "256MiB", "1000B".
std::string FormatSize(int64_t bytes);

// The candidate that `word` most probably meant: the nearest by edit distance (insert, remove,
// replace, swap neighbours), if it is near enough for its length; "" if none is.
template <typename Strings>
std::string_view Nearest(std::string_view word, const Strings& candidates);

size_t EditDistance(std::string_view a, std::string_view b);

template <typename Strings>
std::string_view Nearest(std::string_view word, const Strings& candidates) {
  std::string_view best;
  size_t best_distance = word.size() / 3 + 1;  // farther than this is another word
  for (const auto& candidate : candidates) {
    const size_t distance = EditDistance(word, candidate);
    if (distance < best_distance || (distance == best_distance && best.empty())) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace ronda::config
