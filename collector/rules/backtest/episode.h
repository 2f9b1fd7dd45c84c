// Alerts on their way through history, and when they fired.
#pragma once

#include <cstdint>
#include <vector>

#include "collector/rules/alert.h"
#include "collector/rules/lifecycle.h"
#include "collector/rules/rule_file.h"
#include "common/model/labels.h"

namespace ronda::rules {

// One time that an alert would have fired.
struct Episode {
  Labels labels;  // of the alert
  int64_t from_ms = 0;
  int64_t to_ms = 0;   // when it would have resolved, or the end of the window
  bool lasts = false;  // it fires at the end of the window
  double value = 0;    // at the beginning
};

// One alert. Not thread-safe.
class AlertPath {
 public:
  explicit AlertPath(Labels labels) { alert_.labels = std::move(labels); }

  const Alert& alert() const { return alert_; }
  // Firing, and nothing but that its expression is true has been seen of late: it stays as it is
  // for as long as that is so.
  bool steady() const { return alert_.state == AlertState::kFiring && alert_.keep_since_ms == 0; }

  // Takes it a step on; episodes that are over are appended. False: the alert is over.
  bool Step(const Rule& rule, const Observation& seen, int64_t t_ms,
            std::vector<Episode>* episodes);
  // The history ends.
  void Finish(int64_t end_ms, std::vector<Episode>* episodes);

 private:
  Alert alert_;
  Episode open_;  // while it fires
};

}  // namespace ronda::rules
