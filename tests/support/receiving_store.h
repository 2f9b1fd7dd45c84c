// A store that takes remote-write, with everything between: no rules, no notifications.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "collector/ingest/pipeline.h"
#include "collector/mute/gate.h"
#include "collector/notify/outbox.h"
#include "collector/remote/receiver.h"
#include "collector/rules/engine.h"
#include "collector/store/store.h"
#include "common/base/status.h"

namespace ronda {

// Seals and compacts when it is told to. `clock` must outlive it.
class ReceivingStore {
 public:
  explicit ReceivingStore(const Clock& clock) : clock_(clock), gate_({}, clock) {}
  ~ReceivingStore() { Close(); }

  absl::Status Open(const std::string& dir, const remote::Receiver::Options& limits = {}) {
    Close();
    store::Store::Options options;
    options.dir = dir;
    options.commit_interval_ms = 1;
    options.manual_seal = true;
    RONDA_ASSIGN_OR_RETURN(store_, store::Store::Open(options, clock_));
    RONDA_ASSIGN_OR_RETURN(engine_, rules::Engine::New({}));
    RONDA_ASSIGN_OR_RETURN(outbox_, notify::Outbox::New({}, clock_, [](store::StateWrite) {}));
    pipeline_ = std::make_unique<ingest::Pipeline>(ingest::Pipeline::Options(), *store_, *engine_,
                                                   gate_, *outbox_, clock_);
    RONDA_RETURN_IF_ERROR(pipeline_->Restore());
    RONDA_ASSIGN_OR_RETURN(receiver_, remote::Receiver::New(limits, *pipeline_, *store_, clock_));
    return absl::OkStatus();
  }

  store::Store& store() { return *store_; }
  ingest::Pipeline& pipeline() { return *pipeline_; }
  remote::Receiver& receiver() { return *receiver_; }

 private:
  void Close() {
    receiver_.reset();
    pipeline_.reset();
    if (store_ != nullptr) {
      store_->Close();
    }
    store_.reset();
  }

  const Clock& clock_;
  mute::Gate gate_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<rules::Engine> engine_;
  std::unique_ptr<notify::Outbox> outbox_;
  std::unique_ptr<ingest::Pipeline> pipeline_;
  std::unique_ptr<remote::Receiver> receiver_;
};

}  // namespace ronda
