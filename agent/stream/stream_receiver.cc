// Tested by tests/unit/agent/stream/stream_receiver_test.cc.
#include "agent/stream/stream_receiver.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>

#include "agent/stream/hello.h"
#include "common/obs/log.h"
#include "ronda/v1/ingest.grpc.pb.h"

namespace ronda::agent {
namespace {

constexpr int64_t kRejectionLogMs = 60'000;

}  // namespace

StreamReceiver::StreamReceiver(RunQueue& queue, StreamSession& session, const Clock& clock)
    : queue_(queue), session_(session), clock_(clock) {}

void StreamReceiver::Run(ReaderWriter& stream) {
  v1::CollectorMessage message;
  while (stream.Read(&message)) {
    Handle(message);
    if (message.message_case() == v1::CollectorMessage::kNewEpoch) {
      break;  // what is still under way speaks of the old numbers
    }
  }
  MutexLock lock(&session_.mu);
  session_.stream_over = true;
  session_.cv.SignalAll();
  queue_.Wake();
}

void StreamReceiver::LogRejection(const v1::Reject& reject) {
  Rejections& of_reason = rejections_[reject.reason()];
  ++of_reason.since_log;
  const int64_t now = clock_.MonotonicMs();
  if (of_reason.logged_mono_ms != 0 && now - of_reason.logged_mono_ms < kRejectionLogMs) {
    return;
  }
  obs::Warn("stream", "the collector refused frames reason={} times={} detail=\"{}\"",
            v1::Reject::Reason_Name(reject.reason()), of_reason.since_log, reject.detail());
  of_reason = {now, 0};
}

void StreamReceiver::Handle(const v1::CollectorMessage& message) {
  switch (message.message_case()) {
    case v1::CollectorMessage::kAck: {
      queue_.Acknowledge(message.ack().epoch(), ToRanges(message.ack().range()));
      MutexLock lock(&session_.mu);
      session_.acknowledged = true;
      session_.heard_mono_ms = clock_.MonotonicMs();
      session_.acknowledged_by = session_.state.collector;
      session_.state.clock_offset_ms = message.ack().now_ms() - clock_.NowMs();
      break;
    }
    case v1::CollectorMessage::kSchemaRequest: {
      SchemaHash hash{};
      if (message.schema_request().hash().size() == hash.size()) {
        std::copy_n(message.schema_request().hash().begin(), hash.size(), hash.begin());
        MutexLock lock(&session_.mu);
        session_.wanted.push_back(hash);
      }
      queue_.Wake();
      break;
    }
    case v1::CollectorMessage::kReject:
      LogRejection(message.reject());
      // Of what comes too fast nothing is lost: it is read more slowly.
      if (message.reject().reason() != v1::Reject::RATE) {
        queue_.Reject(message.reject().epoch(), ToRanges(message.reject().range()),
                      message.reject().detail());
      }
      break;
    case v1::CollectorMessage::kNewEpoch: {
      obs::Warn("stream", "the collector orders new numbers detail=\"{}\"",
                message.new_epoch().detail());
      queue_.Renumber(message.new_epoch().detail());
      MutexLock lock(&session_.mu);
      session_.acknowledged_by.clear();
      if (session_.context != nullptr) {
        session_.context->TryCancel();
      }
      break;
    }
    case v1::CollectorMessage::kCredit:
      queue_.SetHold(message.credit().hold());
      queue_.AddCredit(message.credit().samples());
      break;
    default:
      // A later collector's message: what this agent cannot do it did not offer in Hello.
      break;
  }
}

}  // namespace ronda::agent
