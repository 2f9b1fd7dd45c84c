// The transport below ingest/session.h: gRPC's callback API. It measured 20-30 % more CPU a message
// than completion queues and is a third of the code; sessions know nothing of it.
#include "collector/ingest/service.h"

#include <grpcpp/grpcpp.h>

#include <deque>
#include <utility>

#include "common/base/mutex.h"
#include "common/rpc/status.h"
#include "ronda/v1/ingest.grpc.pb.h"

namespace ronda::ingest {
namespace {

// Messages that wait for an agent that does not read. Acks are small; an agent this far behind is
// not listening.
constexpr size_t kMaxQueued = 10'000;

class Stream;

// Outlives the stream, so that late acknowledgements find nobody instead of a dangling pointer.
struct Mailbox {
  Mutex mu;
  Stream* stream ABSL_GUARDED_BY(mu) = nullptr;
  std::deque<v1::CollectorMessage> queue ABSL_GUARDED_BY(mu);
  bool writing ABSL_GUARDED_BY(mu) = false;
  bool finishing ABSL_GUARDED_BY(mu) = false;
  bool finished ABSL_GUARDED_BY(mu) = false;
  grpc::Status why ABSL_GUARDED_BY(mu);
  v1::CollectorMessage current ABSL_GUARDED_BY(mu);
};

class Stream : public grpc::ServerBidiReactor<v1::AgentMessage, v1::CollectorMessage> {
 public:
  Stream(Pipeline& pipeline, store::Store& store, const Clock& clock, SessionLimits limits,
         std::string peer)
      : mailbox_(std::make_shared<Mailbox>()) {
    {
      MutexLock lock(&mailbox_->mu);
      mailbox_->stream = this;
    }
    Session::Outlet outlet;
    outlet.send = [mailbox = mailbox_](v1::CollectorMessage m) { Post(*mailbox, std::move(m)); };
    outlet.close = [mailbox = mailbox_](const absl::Status& why) { End(*mailbox, why); };
    session_ = std::make_shared<Session>(pipeline, store, clock, limits, std::move(peer),
                                         std::move(outlet));
    StartRead(&incoming_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      End(*mailbox_, absl::OkStatus());
      return;
    }
    session_->OnMessage(incoming_);
    StartRead(&incoming_);
  }

  void OnWriteDone(bool ok) override {
    MutexLock lock(&mailbox_->mu);
    mailbox_->writing = false;
    if (!ok) {
      mailbox_->queue.clear();
    }
    PumpLocked(*mailbox_);
  }

  void OnDone() override {
    {
      MutexLock lock(&mailbox_->mu);
      mailbox_->stream = nullptr;
      mailbox_->queue.clear();
    }
    session_->OnClosed();
    delete this;
  }

 private:
  static void Post(Mailbox& box, v1::CollectorMessage message) {
    MutexLock lock(&box.mu);
    if (box.stream == nullptr || box.finishing) {
      return;
    }
    if (box.queue.size() >= kMaxQueued) {
      box.queue.clear();
      box.finishing = true;
      box.why = grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED,
                             "the agent does not read what the collector answers");
    } else {
      box.queue.push_back(std::move(message));
    }
    PumpLocked(box);
  }

  static void End(Mailbox& box, const absl::Status& why) {
    MutexLock lock(&box.mu);
    if (box.stream == nullptr || box.finishing) {
      return;
    }
    box.finishing = true;
    box.why = rpc::ToGrpc(why);
    PumpLocked(box);
  }

  // One write at a time; the end after the last of them.
  static void PumpLocked(Mailbox& box) ABSL_EXCLUSIVE_LOCKS_REQUIRED(box.mu) {
    if (box.stream == nullptr || box.writing || box.finished) {
      return;
    }
    if (!box.queue.empty()) {
      box.current = std::move(box.queue.front());
      box.queue.pop_front();
      box.writing = true;
      box.stream->StartWrite(&box.current);
    } else if (box.finishing) {
      box.finished = true;
      box.stream->Finish(box.why);
    }
  }

  std::shared_ptr<Mailbox> mailbox_;
  std::shared_ptr<Session> session_;
  v1::AgentMessage incoming_;
};

class IngestService : public v1::Ingest::CallbackService {
 public:
  IngestService(Pipeline& pipeline, store::Store& store, const Clock& clock, SessionLimits limits)
      : pipeline_(pipeline), store_(store), clock_(clock), limits_(limits) {}

  grpc::ServerBidiReactor<v1::AgentMessage, v1::CollectorMessage>* Stream(
      grpc::CallbackServerContext* context) override {
    return new ingest::Stream(pipeline_, store_, clock_, limits_, context->peer());
  }

 private:
  Pipeline& pipeline_;
  store::Store& store_;
  const Clock& clock_;
  const SessionLimits limits_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewIngestService(Pipeline& pipeline, store::Store& store,
                                                const Clock& clock, SessionLimits limits) {
  return std::make_unique<IngestService>(pipeline, store, clock, limits);
}

}  // namespace ronda::ingest
