#include "collector/rules/durable.h"

#include <algorithm>
#include <string>
#include <utility>

namespace ronda::rules {
namespace {

constexpr int64_t kEvidenceMs = 5 * 60'000;  // before it began and after the transition

std::string Summary(const Alert& alert) {
  for (const Label& annotation : alert.annotations) {
    if (annotation.name == "summary") {
      return annotation.value;
    }
  }
  return "";
}

}  // namespace

void AppendDurable(const Transition& transition, std::vector<store::StateWrite>* writes,
                   std::vector<Record>* records) {
  const Alert& alert = transition.alert;
  const bool over = alert.state == AlertState::kInactive || alert.state == AlertState::kResolved;
  store::StateWrite write{std::string(kAlertSpace), AlertKey(alert), std::nullopt};
  if (!over) {
    write.value = EncodeAlert(alert);
  }
  writes->push_back(std::move(write));
  if (transition.from == alert.state) {
    return;
  }
  records->push_back(
      {transition.t_ms,
       {alert.rule, alert.group, std::string(alert.severity()), alert.labels.ToString(),
        std::string(ToString(transition.from)), std::string(ToString(alert.state)),
        transition.value, alert.active_at_ms, transition.reason, Summary(alert),
        transition.rule_version,
        (alert.active_at_ms > 0 ? std::min(alert.active_at_ms, transition.t_ms) : transition.t_ms) -
            kEvidenceMs,
        transition.t_ms + kEvidenceMs}});
}

}  // namespace ronda::rules
