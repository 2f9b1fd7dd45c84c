// When an alert flaps: people are told so once, and then nothing until it is calm.
#pragma once

#include <cstdint>
#include <string>

#include "collector/mute/held.h"

namespace ronda::mute {

struct FlapOptions {
  int64_t changes = 6;          // more than so many within the window is flapping; 0: nothing is
  int64_t window_ms = 600'000;  // of wall time
  int64_t calm_ms = 600'000;    // without a change for so long it is over

  bool enabled() const { return changes > 0; }
};

// Notes that the alert fired or ended at `now_ms`; forgets what is too old or too many.
void NoteChange(const FlapOptions& options, int64_t now_ms, Held* held);

// More changes than may be are in the window that ends with the last one.
bool Flaps(const FlapOptions& options, const Held& held);

// When what is known of its changes is of no use any more; when the calm after them is long enough.
int64_t ForgetAtMs(const FlapOptions& options, const Held& held);
int64_t CalmAtMs(const FlapOptions& options, const Held& held);

// "flapping: 7 changes in 10 min; next message when it was calm for 10 min"
std::string FlapNote(const FlapOptions& options, const Held& held);

// "10 min", "1 h 30 min", "45 s".
std::string LengthText(int64_t ms);

}  // namespace ronda::mute
