// Tested by tests/unit/collector/mute/flapping_test.cc.
#include "collector/mute/flapping.h"

#include <fmt/format.h>

#include <algorithm>

namespace ronda::mute {

void NoteChange(const FlapOptions& options, int64_t now_ms, Held* held) {
  if (!options.enabled()) {
    return;
  }
  std::vector<int64_t>& changes = held->changes_ms;
  // A clock that was set back leaves times that are to come: they are no older than now.
  for (int64_t& t_ms : changes) {
    t_ms = std::min(t_ms, now_ms);
  }
  changes.push_back(now_ms);
  std::erase_if(changes, [&](int64_t t_ms) { return now_ms - t_ms > options.window_ms; });
  const auto most = static_cast<size_t>(options.changes) + 1;
  if (changes.size() > most) {
    changes.erase(changes.begin(), changes.end() - static_cast<std::ptrdiff_t>(most));
  }
}

bool Flaps(const FlapOptions& options, const Held& held) {
  return options.enabled() && static_cast<int64_t>(held.changes_ms.size()) > options.changes;
}

int64_t ForgetAtMs(const FlapOptions& options, const Held& held) {
  return held.changes_ms.empty() ? 0 : held.changes_ms.back() + options.window_ms;
}

int64_t CalmAtMs(const FlapOptions& options, const Held& held) {
  return held.changes_ms.empty() ? 0 : held.changes_ms.back() + options.calm_ms;
}

std::string LengthText(int64_t ms) {
  const int64_t s = ms / 1000;
  if (s >= 3600 && s % 60 == 0) {
    return s % 3600 == 0 ? fmt::format("{} h", s / 3600)
                         : fmt::format("{} h {} min", s / 3600, s % 3600 / 60);
  }
  return s >= 60 && s % 60 == 0 ? fmt::format("{} min", s / 60) : fmt::format("{} s", s);
}

std::string FlapNote(const FlapOptions& options, const Held& held) {
  return fmt::format("flapping: {} changes in {}; next message when it was calm for {}",
                     held.changes_ms.size(), LengthText(options.window_ms),
                     LengthText(options.calm_ms));
}

}  // namespace ronda::mute
