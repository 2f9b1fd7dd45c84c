// The part of the pipeline between the gate and the outbox: what people are told, and when.
// Tested by tests/unit/collector/ingest/held_test.cc.
#include <utility>

#include "collector/ingest/pipeline.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::ingest {

absl::Status Pipeline::RestoreGateLocked() {
  std::vector<rules::Alert> alerts;
  RONDA_RETURN_IF_ERROR(
      store_.ScanState(rules::kAlertSpace, [&](std::string_view, std::string_view value) {
        if (auto alert = rules::DecodeAlert(value); alert.ok()) {
          alerts.push_back(*std::move(alert));  // another is logged where the rules take it back
        }
      }));
  const auto read = [this](std::string_view space, mute::Gate::Entries* out) {
    return store_.ScanState(space, [out](std::string_view key, std::string_view value) {
      out->emplace_back(std::string(key), std::string(value));
    });
  };
  mute::Gate::Entries held;
  mute::Gate::Entries silences;
  mute::Gate::Entries maintenance;
  RONDA_RETURN_IF_ERROR(read(mute::kHeldSpace, &held));
  RONDA_RETURN_IF_ERROR(read(mute::kSilenceSpace, &silences));
  RONDA_RETURN_IF_ERROR(read(mute::kMaintenanceSpace, &maintenance));
  gate_.Restore(alerts, held, silences, maintenance);
  return absl::OkStatus();
}

void Pipeline::AddPassedLocked(const mute::Passed& passed, store::Batch* batch) {
  batch->state.insert(batch->state.end(), passed.state.begin(), passed.state.end());
  std::vector<store::StateWrite> messages;
  for (const rules::Transition& transition : passed.send) {
    for (store::StateWrite& entry : outbox_.MakeEntries(transition)) {
      messages.push_back(std::move(entry));
    }
  }
  batch->state.insert(batch->state.end(), messages.begin(), messages.end());
  if (!messages.empty()) {
    batch->on_commit = [&outbox = outbox_, messages = std::move(messages)] {
      outbox.Release(messages);
    };
  }
}

void Pipeline::ReleaseHeldLocked() {
  mute::Passed due = gate_.Due();
  if (due.empty()) {
    return;
  }
  store::Batch batch;
  batch.epoch = own_.epoch();
  batch.essential = true;
  AddPassedLocked(due, &batch);
  if (absl::Status status = store_.Append(std::move(batch)); !status.ok()) {
    obs::Warn("ingest", "messages that were held back wait for the store: {}", Message(status));
    gate_.Undo(std::move(due));
  }
}

}  // namespace ronda::ingest
