#include "collector/ingest/call_loop.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "collector/ingest/mailbox.h"
#include "collector/ingest/wire_message.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/rpc/status.h"
#include "ronda/v1/ingest.pb.h"

namespace ronda::ingest {
namespace {

constexpr size_t kQueues = 24;
constexpr size_t kCallsPerQueue = 1024;
constexpr int64_t kRoundMs = 4;
// Messages that wait for an agent that does not read. Acknowledgements come together; an agent this
// far behind is not listening.
constexpr size_t kMaxQueued = 10'000;
// A stream that says nothing for so long is taken for dead (agents send each second, and gRPC's own
// probes would cost a timer for each message); one that has not said Hello has less time.
constexpr int64_t kHelloMs = 30'000;
constexpr int64_t kIdleMs = 15 * 60'000;
constexpr int64_t kSweepMs = 5'000;
// A read that took longer than this waited for its message.
constexpr int64_t kSlowReadMs = 100;
// A read waits so long for an acknowledgement to go with.
constexpr int64_t kMaxDeferMs = 250;
constexpr uint64_t kEndAll = 0;  // instead of a call's number
constexpr uint64_t kNobody = UINT64_MAX;
constexpr const char* kMethod = "/ronda.v1.Ingest/Stream";

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

grpc::ByteBuffer ToBuffer(const v1::CollectorMessage& message) {
  const std::string bytes = message.SerializeAsString();
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

}  // namespace

class CallLoop::Impl {
 public:
  explicit Impl(NewSession new_session)
      : new_session_(std::move(new_session)), mailbox_(std::make_shared<Mailbox>()) {
    wake_tag_ = {nullptr, &Impl::OnWake};
  }
  ~Impl() { Stop(); }

  void Register(grpc::ServerBuilder* builder);
  void Start() {
    thread_ = StartThread("ronda-ingest", [this] { Run(); });
  }
  void EndCalls();
  void Stop();

 private:
  struct Call;
  // What an operation's completion is told to: the call, and which of its operations it was.
  struct Tag {
    Call* call = nullptr;
    void (Impl::*done)(Call*, bool ok) = nullptr;
  };
  struct Queue {
    std::unique_ptr<grpc::ServerCompletionQueue> queue;
    size_t calls = 0;  // accepted, or waited for
  };
  // One stream; the loop's thread alone touches it.
  struct Call {
    uint64_t number = 0;
    size_t queue = 0;
    grpc::GenericServerContext context;
    grpc::GenericServerAsyncReaderWriter stream{&context};
    std::shared_ptr<Session> session;
    grpc::ByteBuffer incoming;
    std::deque<v1::CollectorMessage> outgoing;
    int64_t asked_ms = 0;  // when the read was
    int64_t heard_ms = 0;
    bool reading = false;
    bool deferred = false;  // the next read waits for an acknowledgement
    bool paused = false;    // or because the agent sent more than its share
    bool writing = false;
    bool finishing = false;  // Finish() comes after the last write
    bool finished = false;   // it was called
    bool over = false;       // and is done
    grpc::Status why;
    Tag accepted;
    Tag read;
    Tag written;
    Tag done;
  };

  void Run();
  // From here on no operation may begin: gRPC aborts the program for one on a queue that is shut
  // down. So it is the loop's own thread that does this.
  void ShutDown();
  // Works off what the queue has, waiting for it `wait_ms` at most (-1: for ever). False: the queue
  // is shut down and drained.
  bool Next(size_t queue, int64_t wait_ms);
  void WaitForCall();
  void OnAccepted(Call* call, bool ok);
  void OnRead(Call* call, bool ok);
  void OnWritten(Call* call, bool ok);
  void OnFinished(Call* call, bool ok);
  void OnWake(Call* call, bool ok);
  void Read(Call* call);
  void DeliverLetters();
  void ReadDeferred();
  // Judges a message by its size, and hands it on.
  absl::StatusOr<MessageKind> Take(Call* call);
  int64_t WaitMs() const;
  void EndIdle();
  void Add(Call* call, v1::CollectorMessage message);
  void End(Call* call, const absl::Status& why);
  // Starts the next write, or the end after the last of them.
  void Pump(Call* call);
  void ForgetIfOver(Call* call);

  const NewSession new_session_;
  grpc::AsyncGenericService service_;
  std::vector<Queue> queues_;
  std::thread thread_;

  // The thread's.
  absl::flat_hash_map<uint64_t, std::unique_ptr<Call>> calls_;
  std::deque<std::pair<int64_t, uint64_t>> deferred_;  // until when, which call; in order of time
  std::set<std::pair<int64_t, uint64_t>> paused_;      // likewise
  uint64_t next_call_ = 1;
  size_t used_queues_ = 1;  // those after them hold no call
  int64_t now_ms_ = 0;      // of this round
  int64_t swept_ms_ = 0;
  bool ending_ = false;
  bool shut_down_ = false;

  std::atomic<bool> stop_ = false;
  Tag wake_tag_;
  const std::shared_ptr<Mailbox> mailbox_;
};

void CallLoop::Impl::Register(grpc::ServerBuilder* builder) {
  builder->RegisterAsyncGenericService(&service_);
  for (size_t i = 0; i < kQueues; ++i) {
    queues_.push_back({builder->AddCompletionQueue(), 0});
  }
}

void CallLoop::Impl::EndCalls() {
  mailbox_->Post({kEndAll, nullptr, absl::UnavailableError("the collector stops")});
}

void CallLoop::Impl::Stop() {
  if (!thread_.joinable()) {
    return;
  }
  stop_ = true;
  mailbox_->Post({kNobody, nullptr, {}});  // if it is not open yet, the loop has yet to look
  thread_.join();
}

void CallLoop::Impl::ShutDown() {
  shut_down_ = true;
  mailbox_->Close();
  for (const Queue& queue : queues_) {
    queue.queue->Shutdown();
  }
}

void CallLoop::Impl::Run() {
  mailbox_->Open(queues_[0].queue.get(), &wake_tag_);
  now_ms_ = swept_ms_ = NowMs();
  WaitForCall();
  // A queue that is shut down and drained says so each time it is asked.
  for (size_t drained = 0; drained < queues_.size();) {
    if (stop_ && !shut_down_) {
      ShutDown();
    }
    const bool open = Next(0, drained > 0 ? 0 : WaitMs());
    drained = open ? 0 : 1;
    for (size_t i = 1; i < (open ? used_queues_ : queues_.size()); ++i) {
      drained += Next(i, 0) ? 0 : 1;
    }
    now_ms_ = NowMs();
    DeliverLetters();
    ReadDeferred();
    if (now_ms_ - swept_ms_ >= kSweepMs) {
      swept_ms_ = now_ms_;
      EndIdle();
    }
  }
  for (const auto& [number, call] : calls_) {
    if (call->session != nullptr) {
      call->session->OnClosed();
    }
  }
  calls_.clear();
}

int64_t CallLoop::Impl::WaitMs() const {
  if (used_queues_ > 1) {
    return kRoundMs;
  }
  int64_t wait_ms = !deferred_.empty() ? kMaxDeferMs : !calls_.empty() ? kSweepMs : -1;
  if (!paused_.empty()) {
    wait_ms = std::min(wait_ms, std::max<int64_t>(1, paused_.begin()->first - now_ms_));
  }
  return wait_ms;
}

bool CallLoop::Impl::Next(size_t queue, int64_t wait_ms) {
  grpc::CompletionQueue& from = *queues_[queue].queue;
  gpr_timespec until = gpr_time_0(GPR_CLOCK_MONOTONIC);
  if (wait_ms < 0) {
    until = gpr_inf_future(GPR_CLOCK_MONOTONIC);
  } else if (wait_ms > 0) {
    until = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(wait_ms, GPR_TIMESPAN));
  }
  for (;;) {
    void* tag = nullptr;
    bool ok = false;
    switch (from.AsyncNext(&tag, &ok, until)) {
      case grpc::CompletionQueue::SHUTDOWN:
        return false;
      case grpc::CompletionQueue::TIMEOUT:
        return true;
      case grpc::CompletionQueue::GOT_EVENT:
        break;
    }
    const Tag& done = *static_cast<Tag*>(tag);
    (this->*done.done)(done.call, ok);
    if (wait_ms != kRoundMs) {
      until = gpr_time_0(GPR_CLOCK_MONOTONIC);  // what has come; then there may be letters
    }
  }
}

// Queues are filled from the first on, so that a small fleet needs no others.
void CallLoop::Impl::WaitForCall() {
  if (shut_down_) {
    return;
  }
  const auto free = std::find_if(queues_.begin(), queues_.end(),
                                 [](const Queue& q) { return q.calls < kCallsPerQueue; });
  const auto least =
      std::min_element(queues_.begin(), queues_.end(),
                       [](const Queue& a, const Queue& b) { return a.calls < b.calls; });
  auto call = std::make_unique<Call>();
  call->number = next_call_++;
  call->queue = static_cast<size_t>((free != queues_.end() ? free : least) - queues_.begin());
  call->accepted = {call.get(), &Impl::OnAccepted};
  call->read = {call.get(), &Impl::OnRead};
  call->written = {call.get(), &Impl::OnWritten};
  call->done = {call.get(), &Impl::OnFinished};
  call->heard_ms = INT64_MAX;
  Queue& queue = queues_[call->queue];
  ++queue.calls;
  used_queues_ = std::max(used_queues_, call->queue + 1);
  service_.RequestCall(&call->context, &call->stream, queue.queue.get(), queue.queue.get(),
                       &call->accepted);
  calls_[call->number] = std::move(call);
}

void CallLoop::Impl::OnAccepted(Call* call, bool ok) {
  if (!ok) {  // the server stops
    call->over = true;
    ForgetIfOver(call);
    return;
  }
  if (!ending_) {
    WaitForCall();
  }
  call->heard_ms = now_ms_;
  if (call->context.method() != kMethod) {
    End(call, absl::UnimplementedError("no such method: " + call->context.method()));
    return;
  }
  Session::Outlet outlet;
  outlet.send = [mailbox = mailbox_, number = call->number](v1::CollectorMessage message) {
    mailbox->Post({number, std::make_unique<v1::CollectorMessage>(std::move(message)), {}});
  };
  outlet.close = [mailbox = mailbox_, number = call->number](const absl::Status& why) {
    mailbox->Post({number, nullptr, why});
  };
  call->session = new_session_(call->context, std::move(outlet));
  Read(call);
}

void CallLoop::Impl::Read(Call* call) {
  call->deferred = false;
  call->paused = false;
  if (shut_down_) {
    return;
  }
  call->reading = true;
  call->asked_ms = now_ms_;
  call->stream.Read(&call->incoming, &call->read);
}

void CallLoop::Impl::OnRead(Call* call, bool ok) {
  call->reading = false;
  if (!ok) {
    if (call->session != nullptr) {
      std::exchange(call->session, nullptr)->OnClosed();
    }
    End(call, absl::OkStatus());
    ForgetIfOver(call);
    return;
  }
  call->heard_ms = now_ms_;
  MessageKind kind = MessageKind::kOther;
  if (call->session != nullptr && !call->finishing) {
    if (auto taken = Take(call); taken.ok()) {
      kind = *taken;
    }
  }
  call->incoming.Clear();
  const int64_t pause_ms = call->session != nullptr ? call->session->TakePause() : 0;
  if (pause_ms > 0 && !call->finishing) {
    call->paused = true;
    paused_.emplace(now_ms_ + pause_ms, call->number);
  } else if (kind == MessageKind::kLiveFrames && now_ms_ - call->asked_ms > kSlowReadMs) {
    call->deferred = true;
    deferred_.emplace_back(now_ms_ + kMaxDeferMs, call->number);
  } else {
    Read(call);
  }
}

absl::StatusOr<MessageKind> CallLoop::Impl::Take(Call* call) {
  const size_t size = call->incoming.Length();
  absl::StatusOr<MessageKind> taken = MessageKind::kOther;
  if (size > call->session->max_message_bytes()) {
    taken = Fail(absl::StatusCode::kResourceExhausted,
                 "a message of {} bytes, limits.max_message of collector.yml allows {}", size,
                 call->session->max_message_bytes());
    call->session->Refuse(Refusal::kMessageSize, taken.status());
  } else {
    taken = TakeMessage(call->incoming, call->session.get());
    if (!taken.ok()) {
      call->session->Refuse(Refusal::kDamaged, taken.status());
    }
  }
  return taken;
}

// Those whose acknowledgement did not come in time.
void CallLoop::Impl::ReadDeferred() {
  while (!deferred_.empty() && deferred_.front().first <= now_ms_) {
    const auto found = calls_.find(deferred_.front().second);
    deferred_.pop_front();
    if (found != calls_.end() && found->second->deferred) {
      Read(found->second.get());
    }
  }
  while (!paused_.empty() && paused_.begin()->first <= now_ms_) {
    const auto found = calls_.find(paused_.begin()->second);
    paused_.erase(paused_.begin());
    if (found != calls_.end() && found->second->paused) {
      Read(found->second.get());
    }
  }
}

void CallLoop::Impl::EndIdle() {
  for (const auto& [number, call] : calls_) {
    const bool greeted = call->session != nullptr && call->session->joined();
    const int64_t patience_ms = greeted ? kIdleMs : kHelloMs;
    if (call->heard_ms < now_ms_ - patience_ms) {
      End(call.get(), absl::DeadlineExceededError(greeted ? "nothing came for 15 minutes"
                                                          : "Hello did not come in 30 s"));
    }
  }
}

void CallLoop::Impl::Add(Call* call, v1::CollectorMessage message) {
  if (call->finishing) {
    return;
  }
  if (message.has_ack() && !call->outgoing.empty() && call->outgoing.back().has_ack() &&
      call->outgoing.back().ack().epoch() == message.ack().epoch()) {
    // One message for all that became durable meanwhile.
    v1::Ack* const before = call->outgoing.back().mutable_ack();
    before->mutable_range()->MergeFrom(message.ack().range());
    before->set_now_ms(message.ack().now_ms());
  } else if (call->outgoing.size() >= kMaxQueued) {
    call->outgoing.clear();
    End(call, absl::ResourceExhaustedError("the agent does not read what the collector answers"));
  } else {
    call->outgoing.push_back(std::move(message));
  }
}

void CallLoop::Impl::End(Call* call, const absl::Status& why) {
  if (call->finishing) {
    return;
  }
  call->finishing = true;
  call->why = rpc::ToGrpc(why);
  Pump(call);
}

void CallLoop::Impl::Pump(Call* call) {
  if (call->writing || call->finished || shut_down_) {
    return;
  }
  if (!call->outgoing.empty()) {
    call->writing = true;
    const grpc::ByteBuffer buffer = ToBuffer(call->outgoing.front());
    call->outgoing.pop_front();
    // Not with a buffer hint: the read that follows need not send anything, and the message would
    // wait for the next one, which may never come.
    call->stream.Write(buffer, &call->written);
    if (call->deferred) {
      Read(call);
    }
  } else if (call->finishing) {
    call->finished = true;
    call->stream.Finish(call->why, &call->done);
    if (call->deferred || call->paused) {
      Read(call);  // its end is how the session hears of it
    }
  }
}

void CallLoop::Impl::OnWritten(Call* call, bool ok) {
  call->writing = false;
  if (!ok) {
    call->outgoing.clear();
  }
  Pump(call);
  ForgetIfOver(call);
}

void CallLoop::Impl::OnFinished(Call* call, bool /*ok*/) {
  call->over = true;
  ForgetIfOver(call);
}

void CallLoop::Impl::OnWake(Call* /*call*/, bool /*ok*/) { mailbox_->Woken(); }

void CallLoop::Impl::ForgetIfOver(Call* call) {
  if (!call->over || call->reading || call->writing) {
    return;
  }
  if (call->session != nullptr) {
    call->session->OnClosed();
  }
  --queues_[call->queue].calls;
  calls_.erase(call->number);
  while (used_queues_ > 1 && queues_[used_queues_ - 1].calls == 0) {
    --used_queues_;
  }
}

void CallLoop::Impl::DeliverLetters() {
  std::vector<Call*> touched;
  for (Mailbox::Letter& letter : mailbox_->Take()) {
    if (letter.call == kEndAll) {
      ending_ = true;
      for (const auto& [number, call] : calls_) {
        if (call->session != nullptr) {
          End(call.get(), letter.why);
        }
      }
      continue;
    }
    const auto found = calls_.find(letter.call);
    if (found == calls_.end()) {
      continue;  // it is gone
    }
    Call* const call = found->second.get();
    if (letter.message == nullptr) {
      End(call, letter.why);
    } else {
      Add(call, std::move(*letter.message));
      touched.push_back(call);
    }
  }
  // Nothing was forgotten meanwhile: that happens at completions alone.
  for (Call* const call : touched) {
    Pump(call);
  }
}

CallLoop::CallLoop(NewSession new_session)
    : impl_(std::make_unique<Impl>(std::move(new_session))) {}
CallLoop::~CallLoop() = default;

void CallLoop::Register(grpc::ServerBuilder* builder) { impl_->Register(builder); }
void CallLoop::Start() { impl_->Start(); }
void CallLoop::EndCalls() { impl_->EndCalls(); }
void CallLoop::Stop() { impl_->Stop(); }

}  // namespace ronda::ingest
