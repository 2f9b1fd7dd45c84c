// A step in an alert's life: what the log keeps and the channels tell.
#pragma once

#include <cstdint>
#include <string>

#include "collector/rules/alert.h"

namespace ronda::rules {

struct Transition {
  Alert alert;  // after it; kInactive and kResolved alerts are forgotten with it
  // Equal to alert.state if only the stored alert changes: not for the log.
  AlertState from = AlertState::kInactive;
  int64_t t_ms = 0;     // sample time; never before the alert's previous transition
  double value = 0;     // that caused it, or the last one known
  std::string reason;   // "", "ended", "source failing", "node silent", ...
  bool notify = false;  // true for what people are told: it fires, or what had fired is over
  std::string rule_version = {};  // of the rule that said so; "" if that is gone
};

}  // namespace ronda::rules
