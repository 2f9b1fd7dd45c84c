#include "collector/rules/interval/alert_series.h"

#include <utility>

#include "common/model/sample.h"

namespace ronda::rules {
namespace {

constexpr int64_t kMsPerSecond = 1000;

Labels StateSeries(const Labels& alert, std::string_view state) {
  Labels labels = alert;
  labels.Set(kMetricName, "ALERTS");
  labels.Set("alertstate", state);
  return labels;
}

Labels ForSeries(const Labels& alert) {
  Labels labels = alert;
  labels.Set(kMetricName, "ALERTS_FOR_STATE");
  return labels;
}

}  // namespace

std::string_view AlertStateLabel(const Alert& alert) {
  const AlertState state = alert.state == AlertState::kUnknown ? alert.before_unknown : alert.state;
  return ToString(state);
}

void AlertSeries::Restore(const Alert& alert) { written_[alert.labels] = AlertStateLabel(alert); }

void AlertSeries::Update(const std::vector<const Alert*>& alerts, std::vector<RuleSample>* out) {
  absl::flat_hash_map<Labels, std::string_view> before = std::exchange(written_, {});
  for (const Alert* alert : alerts) {
    const std::string_view state = AlertStateLabel(*alert);
    if (const auto was = before.find(alert->labels); was != before.end()) {
      if (was->second != state) {
        out->push_back({StateSeries(alert->labels, was->second), StaleMarker()});
      }
      before.erase(was);
    }
    out->push_back({StateSeries(alert->labels, state), 1});
    out->push_back(
        {ForSeries(alert->labels), static_cast<double>(alert->active_at_ms / kMsPerSecond)});
    written_[alert->labels] = state;
  }
  for (const auto& [labels, state] : before) {
    out->push_back({StateSeries(labels, state), StaleMarker()});
    out->push_back({ForSeries(labels), StaleMarker()});
  }
}

}  // namespace ronda::rules
