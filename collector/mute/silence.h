// A silence: for a time, nobody is told of the alerts that it matches.
//
// A maintenance window is one too, which says of itself when it begins and ends (maintenance.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/model/labels.h"
#include "common/model/matcher.h"

namespace ronda::mute {

// The space of StateWrite that holds the silences, by id.
inline constexpr std::string_view kSilenceSpace = "silence";
// A silence that is over is shown for so long.
inline constexpr int64_t kKeepSilencesMs = 5LL * 24 * 3'600 * 1'000;
// Longer is a mistake: such alerts want another rule.
inline constexpr int64_t kMaxSilenceMs = 366LL * 24 * 3'600 * 1'000;

enum class SilenceState { kPending, kActive, kExpired };
std::string_view ToString(SilenceState state);  // as Alertmanager says it

struct Silence {
  std::string id;                 // UUID
  std::vector<Matcher> matchers;  // all must match
  int64_t starts_ms = 0;          // wall time
  int64_t ends_ms = 0;
  int64_t updated_ms = 0;
  std::string created_by;
  std::string comment;
  bool maintenance = false;
  std::string name;         // of a maintenance window, for people
  int64_t announce_ms = 0;  // of a maintenance window: told so long before its start; 0: not

  SilenceState StateAt(int64_t now_ms) const;
  bool Matches(const Labels& labels) const { return MatchesAll(labels, matchers); }
};

// kInvalidArgument: what is wrong with a new silence at this time.
absl::Status CheckSilence(const Silence& silence, int64_t now_ms);

// A new random one.
std::string NewSilenceId();
// One that is always the same for the same text: for windows that a schedule makes.
std::string SilenceIdOf(std::string_view text);
// 8-4-4-4-12 hexadecimal digits.
bool IsSilenceId(std::string_view text);

// As StateWrite values. Decode: kDataLoss.
std::string EncodeSilence(const Silence& silence);
absl::StatusOr<Silence> DecodeSilence(std::string_view bytes);

}  // namespace ronda::mute
