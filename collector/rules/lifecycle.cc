#include "collector/rules/lifecycle.h"

#include <algorithm>
#include <string>

namespace ronda::rules {
namespace {

class Step {
 public:
  Step(const Rule& rule, const Observation& seen, int64_t t_ms, const LifeOptions& options,
       Alert* alert)
      : rule_(rule), seen_(seen), t_ms_(t_ms), options_(options), alert_(*alert) {}

  std::optional<Transition> Run() {
    switch (seen_.kind) {
      case Observation::Kind::kValue:
        return Value();
      case Observation::Kind::kMissing:
        return Missing();
      case Observation::Kind::kEnded:
        return Over(seen_.reason);
    }
    return std::nullopt;
  }

 private:
  std::optional<Transition> Value() {
    const bool was_unknown = alert_.state == AlertState::kUnknown;
    switch (was_unknown ? alert_.before_unknown : alert_.state) {
      case AlertState::kFiring:
        return Fired(was_unknown);
      case AlertState::kPending:
        return Pending(was_unknown);
      default:
        if (!seen_.holds) {
          return std::nullopt;
        }
        alert_.active_at_ms = t_ms_;
        return rule_.for_ms == 0 ? Fire() : To(AlertState::kPending);
    }
  }

  std::optional<Transition> Pending(bool was_unknown) {
    if (!seen_.holds) {
      return Over("");
    }
    const bool long_hole = was_unknown && t_ms_ - alert_.changed_at_ms >= rule_.for_ms;
    if (long_hole || alert_.active_at_ms > t_ms_) {
      alert_.active_at_ms = t_ms_;
    }
    if (t_ms_ - alert_.active_at_ms >= rule_.for_ms) {
      return Fire();
    }
    return was_unknown ? To(AlertState::kPending) : std::nullopt;
  }

  std::optional<Transition> Fired(bool was_unknown) {
    const int64_t kept_before = alert_.keep_since_ms;
    if (seen_.holds || !seen_.cleared) {
      alert_.keep_since_ms = 0;
    } else if (rule_.keep_firing_for_ms > 0) {
      if (alert_.keep_since_ms == 0 || alert_.keep_since_ms > t_ms_) {
        alert_.keep_since_ms = t_ms_;
      }
      if (t_ms_ - alert_.keep_since_ms >= rule_.keep_firing_for_ms) {
        return Over("");
      }
    } else {
      return Over("");
    }
    if (was_unknown) {
      return To(AlertState::kFiring);
    }
    // Nothing to tell, but a restart must know since when it is kept.
    return kept_before != alert_.keep_since_ms ? std::optional(Make(AlertState::kFiring, ""))
                                               : std::nullopt;
  }

  std::optional<Transition> Missing() {
    if (alert_.state == AlertState::kUnknown) {
      if (t_ms_ - alert_.changed_at_ms < options_.unknown_for_ms) {
        return std::nullopt;
      }
      return Over("unknown for too long");
    }
    alert_.before_unknown = alert_.state;
    return To(AlertState::kUnknown, seen_.reason);
  }

  std::optional<Transition> Over(std::string_view reason) {
    const bool fired = alert_.fired_at_ms != 0;
    auto transition = To(fired ? AlertState::kResolved : AlertState::kInactive, reason);
    transition->notify = fired;
    return transition;
  }

  std::optional<Transition> Fire() {
    alert_.fired_at_ms = std::max(t_ms_, alert_.changed_at_ms);
    Explain();
    auto transition = To(AlertState::kFiring);
    transition->notify = true;
    return transition;
  }

  std::optional<Transition> To(AlertState state, std::string_view reason = "") {
    const AlertState from = alert_.state;
    alert_.state = state;
    if (state != AlertState::kUnknown) {
      alert_.before_unknown = AlertState::kInactive;
    }
    alert_.reason = state == AlertState::kUnknown ? std::string(reason) : "";
    alert_.changed_at_ms = std::max(t_ms_, alert_.changed_at_ms);
    if (seen_.kind == Observation::Kind::kValue) {
      alert_.value = seen_.value;
    }
    if (state == AlertState::kPending) {
      Explain();
    }
    return Make(from, reason);
  }

  void Explain() {
    if (seen_.kind == Observation::Kind::kValue && seen_.series.series != nullptr) {
      static const TextContext kNone;
      alert_.annotations =
          AlertAnnotations(rule_, seen_.series.All(), seen_.value, alert_.changed_at_ms,
                           options_.texts != nullptr ? *options_.texts : kNone);
    }
  }

  Transition Make(AlertState from, std::string_view reason) const {
    return {alert_,
            from,
            std::max(t_ms_, alert_.changed_at_ms),
            alert_.value,
            std::string(reason),
            false,
            rule_.version};
  }

  const Rule& rule_;
  const Observation& seen_;
  const int64_t t_ms_;
  const LifeOptions& options_;
  Alert& alert_;
};

}  // namespace

Observation Compared(const Rule& rule, double value, const SeriesName& series) {
  return {.kind = Observation::Kind::kValue,
          .value = value,
          .reason = "",
          .holds = rule.condition->Holds(value),
          .cleared = !rule.clear || rule.clear->Holds(value),
          .series = series};
}

std::optional<Transition> Advance(const Rule& rule, const Observation& seen, int64_t t_ms,
                                  const LifeOptions& options, Alert* alert) {
  return Step(rule, seen, t_ms, options, alert).Run();
}

}  // namespace ronda::rules
