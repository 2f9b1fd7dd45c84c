// What people know of an alert, where that is not simply its state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/rules/transition.h"

namespace ronda::mute {

// The space of StateWrite, by rules::AlertKey().
inline constexpr std::string_view kHeldSpace = "held";

// An alert without such an entry is known as it is, and calm.
struct Held {
  bool told_firing = false;         // what people were told last: it fires
  bool due = false;                 // `last` is not what they were told
  bool unknown = false;             // its data is missing at present
  bool damped = false;              // people were told that it flaps
  rules::Transition last;           // the newest one that people are to be told; only while `due`
  std::vector<int64_t> changes_ms;  // wall times of the newest changes, for flapping
  std::string why;                  // it is held back, for people; "" while not due
};

// As StateWrite values. Decode: kDataLoss.
std::string EncodeHeld(const Held& held);
absl::StatusOr<Held> DecodeHeld(std::string_view bytes);

}  // namespace ronda::mute
