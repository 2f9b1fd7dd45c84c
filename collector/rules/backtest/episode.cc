// Tested by tests/unit/collector/rules/backtest_test.cc.
#include "collector/rules/backtest/episode.h"

#include <utility>

namespace ronda::rules {

bool AlertPath::Step(const Rule& rule, const Observation& seen, int64_t t_ms,
                     std::vector<Episode>* episodes) {
  const std::optional<Transition> transition = Advance(rule, seen, t_ms, {}, &alert_);
  if (transition && transition->notify) {
    if (transition->alert.state == AlertState::kFiring) {
      open_ = {alert_.labels, transition->t_ms, 0, false, transition->value};
    } else if (open_.from_ms != 0) {
      open_.to_ms = transition->t_ms;
      episodes->push_back(std::exchange(open_, {}));
    }
  }
  return alert_.state != AlertState::kInactive && alert_.state != AlertState::kResolved;
}

void AlertPath::Finish(int64_t end_ms, std::vector<Episode>* episodes) {
  if (open_.from_ms != 0) {
    open_.to_ms = end_ms;
    open_.lasts = true;
    episodes->push_back(std::exchange(open_, {}));
  }
}

}  // namespace ronda::rules
