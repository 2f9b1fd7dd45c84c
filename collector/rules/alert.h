// One alert: an instance of a rule for one label set, and its life.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/labels.h"

namespace ronda::rules {

// The space of StateWrite (collector/store/store.h) that holds the active alerts.
inline constexpr std::string_view kAlertSpace = "alert";

// On disk: do not change the numbers.
enum class AlertState : uint8_t {
  kInactive = 0,
  kPending = 1,  // the expression is true, not yet for long enough
  kFiring = 2,
  kUnknown = 3,   // its data is missing: neither firing for sure nor resolved
  kResolved = 4,  // only in the log and in messages; a resolved instance is forgotten
};

std::string_view ToString(AlertState state);  // "pending", ...

// An instance that is pending, firing or unknown. Durable: written in the commit of the samples
// that changed it, so that a restart neither forgets nor repeats.
struct Alert {
  std::string rule;                // alertname
  std::string group;               // rule group
  std::string node;                // whose data it is; "" if of none
  Labels labels;                   // of the series without __name__, the rule's labels, alertname
  std::vector<Label> annotations;  // expanded
  AlertState state = AlertState::kInactive;
  AlertState before_unknown = AlertState::kInactive;  // what it returns to
  int64_t active_at_ms = 0;   // since when the expression is true (sample time)
  int64_t fired_at_ms = 0;    // 0 while it never fired
  int64_t changed_at_ms = 0;  // of the last transition
  double value = 0;           // at the last transition
  std::string reason;         // why unknown: "node silent", "source failing"
  int64_t keep_since_ms = 0;  // since when keep_firing_for alone holds it; 0 if it does not

  bool operator==(const Alert&) const = default;

  std::string_view severity() const { return labels.Get("severity"); }
};

// Stable key of an alert: a hash of rule group, rule and label set, 32 hexadecimal digits.
std::string AlertKey(const Alert& alert);
// FNV-1a (64 bits) over the labels in order, 16 hexadecimal digits: the same as Prometheus' and
// Alertmanager's for the same labels.
std::string Fingerprint(const Labels& labels);

// As StateWrite values. Decode: kDataLoss.
std::string EncodeAlert(const Alert& alert);
absl::StatusOr<Alert> DecodeAlert(std::string_view bytes);

}  // namespace ronda::rules
