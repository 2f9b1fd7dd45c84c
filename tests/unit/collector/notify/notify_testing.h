// Transitions for the tests of this folder.
#pragma once

#include <string>

#include "collector/rules/transition.h"

namespace ronda::notify {

inline constexpr int64_t kFiredAtMs = 1'795'132'800'123;  // 2026-11-20T00:00:00.123Z

inline rules::Transition Firing(const std::string& rule = "Hot") {
  rules::Transition t;
  t.alert.rule = rule;
  t.alert.group = "g";
  t.alert.node = "web1";
  t.alert.labels = Labels({{"alertname", rule}, {"node", "web1"}, {"severity", "critical"}});
  t.alert.annotations = {{"summary", "CPU of web1 at 96%"}};
  t.alert.state = rules::AlertState::kFiring;
  t.alert.fired_at_ms = kFiredAtMs;
  t.alert.changed_at_ms = kFiredAtMs;
  t.alert.value = 96;
  t.from = rules::AlertState::kPending;
  t.t_ms = kFiredAtMs;
  t.value = 96;
  t.notify = true;
  return t;
}

inline rules::Transition Resolved(const std::string& rule = "Hot") {
  rules::Transition t = Firing(rule);
  t.from = rules::AlertState::kFiring;
  t.alert.state = rules::AlertState::kResolved;
  t.t_ms = kFiredAtMs + 60'000;
  t.alert.changed_at_ms = t.t_ms;
  t.value = 50;
  return t;
}

}  // namespace ronda::notify
