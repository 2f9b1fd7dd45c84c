// The life of one alert, as a function: what one more reading makes of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "collector/rules/alert.h"
#include "collector/rules/rule_file.h"
#include "collector/rules/texts.h"
#include "collector/rules/transition.h"

namespace ronda::rules {

struct Observation {
  enum class Kind {
    kValue,    // a sample, or the answer of an expression
    kMissing,  // no sample, and nobody says that the series is over
    kEnded,    // no sample, and its source is up: the thing it measured is gone
  };
  Kind kind = Kind::kValue;
  double value = 0;         // of kValue
  std::string_view reason;  // of kMissing and kEnded
  // Of kValue: whether the rule's expression is true, and if it is not, whether its ronda_clear is
  // (true without one).
  bool holds = false;
  bool cleared = true;
  SeriesName series = {};  // of kValue, for the texts
};

// A value of the series of a rule on arrival, judged by its condition.
Observation Compared(const Rule& rule, double value, const SeriesName& series);

struct LifeOptions {
  int64_t unknown_for_ms = 24LL * 3600 * 1000;  // an unknown alert ends after this
  const TextContext* texts = nullptr;           // null: as if there were no external labels
};

// Takes `alert` one step on and returns the transition if there is one. An alert that is kInactive
// or kResolved afterwards is over. Times are sample times; a `t_ms` before the alert's own times
// (data that arrived late, or a clock that was set back) counts as no time passed.
//
//   inactive  true          pending (active_at = t), or firing at once where `for` is 0
//   pending   true          firing when t - active_at >= for (notify)
//             false, ended  inactive
//   firing    true          stays; so it does while ronda_clear does not hold
//             false         resolved (notify), after keep_firing_for
//             ended         resolved, reason "ended" (notify)
//   pending, firing  missing  unknown
//   unknown   true          what it was. If that was pending: `for` goes on if the hole was shorter
//                           than `for`, else it starts anew
//             false, ended  as what it was: resolved (notify) if firing, else inactive
//             missing       stays, at most unknown_for_ms: then resolved or inactive
std::optional<Transition> Advance(const Rule& rule, const Observation& seen, int64_t t_ms,
                                  const LifeOptions& options, Alert* alert);

}  // namespace ronda::rules
