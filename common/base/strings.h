// Crossing between std::string_view (all Ronda signatures) and absl::string_view (a different
// type on Debian 12, the same one on Debian 13), and maps that are keyed by strings.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace ronda {

inline absl::string_view ToAbsl(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view ToStd(absl::string_view s) { return {s.data(), s.size()}; }

struct TransparentStringHash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
};

// A hash map from string to V that is looked up by std::string_view without a copy.
template <typename V>
using StringMap = absl::flat_hash_map<std::string, V, TransparentStringHash, std::equal_to<>>;

}  // namespace ronda
