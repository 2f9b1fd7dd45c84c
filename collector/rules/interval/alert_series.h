// ALERTS and ALERTS_FOR_STATE: alerts as series.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "collector/rules/alert.h"
#include "collector/rules/interval/host.h"

namespace ronda::rules {

// "pending" or "firing": of an unknown alert what it was before.
std::string_view AlertStateLabel(const Alert& alert);

// The series of a set of alerts. Not thread-safe.
class AlertSeries {
 public:
  // The series of this alert are there, from before a restart.
  void Restore(const Alert& alert);

  // The samples that tell of exactly these alerts: a value for each, and staleness markers for the
  // series that were there and are no more.
  void Update(const std::vector<const Alert*>& alerts, std::vector<RuleSample>* out);

 private:
  absl::flat_hash_map<Labels, std::string_view> written_;  // alert labels to alertstate
};

}  // namespace ronda::rules
