// The part of the gate about maintenance windows, and the end of silences that are long over.
// Tested by tests/unit/collector/mute/maintenance_test.cc.
#include <algorithm>

#include "collector/mute/gate.h"

namespace ronda::mute {
namespace {

std::string NameOf(const rules::Alert& alert) {
  return alert.node.empty() ? alert.rule : alert.rule + " " + alert.node;
}

}  // namespace

void Gate::NoteFired(const rules::Alert& alert, int64_t now_ms, Passed* out) {
  for (const Silence* silence : silences_.Matching(alert.labels, now_ms)) {
    if (silence->maintenance) {
      maintenance_.NoteFired(silence->id, NameOf(alert), &out->maintenance);
    }
  }
}

void Gate::MaintenanceDue(int64_t now_ms, Passed* out) {
  const auto still = [this](const Silence& silence) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::vector<std::string> names;
    for (const auto& [key, active] : active_) {
      if (silence.Matches(active.alert.labels)) {
        names.push_back(NameOf(active.alert));
      }
    }
    std::sort(names.begin(), names.end());
    return names;
  };
  maintenance_.Due(now_ms, silences_, still, &out->maintenance);
  for (const Silence& silence : out->maintenance.added) {
    silences_.Put(silence);
    out->state.push_back({std::string(kSilenceSpace), silence.id, EncodeSilence(silence)});
  }
  for (rules::Transition& message : out->maintenance.send) {
    out->send.push_back(std::move(message));
  }
}

void Gate::WriteMaintenance(Passed* out) {
  for (const auto& [id, before] : out->maintenance.before) {
    if (const Progress* progress = maintenance_.Find(id)) {
      out->state.push_back({std::string(kMaintenanceSpace), id, EncodeProgress(*progress)});
    }
  }
}

void Gate::ForgetOldSilences(int64_t now_ms, Passed* out) {
  std::vector<std::string> old;
  for (const auto& [id, silence] : silences_.all()) {
    if (now_ms - silence.ends_ms > kKeepSilencesMs) {
      old.push_back(id);
    }
  }
  for (const std::string& id : old) {
    silences_.Remove(id);
    out->state.push_back({std::string(kSilenceSpace), id, std::nullopt});
    if (maintenance_.Find(id) != nullptr) {
      maintenance_.Forget(id);
      out->state.push_back({std::string(kMaintenanceSpace), id, std::nullopt});
    }
  }
}

}  // namespace ronda::mute
