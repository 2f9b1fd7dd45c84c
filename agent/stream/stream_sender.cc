// Tested by tests/unit/agent/stream/stream_client_test.cc.
#include "agent/stream/stream_sender.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "common/codec/schema_codec.h"
#include "ronda/v1/ingest.grpc.pb.h"

namespace ronda::agent {
namespace {

constexpr std::chrono::milliseconds kStep{1000};
// Longer than a frame waits for those of the other groups.
constexpr std::chrono::milliseconds kDrainStep{150};
// How long a collector may take to end the stream after goodbye; less than StreamClient::Stop()
// allows beyond the time to drain.
constexpr int64_t kGoodbyeMs = 800;
constexpr std::chrono::milliseconds kPoll{20};

}  // namespace

StreamSender::StreamSender(ReaderWriter& stream, uint64_t hello_epoch, RunQueue& queue,
                           StreamSession& session, const Clock& clock)
    : stream_(stream), hello_epoch_(hello_epoch), queue_(queue), session_(session), clock_(clock) {}

void StreamSender::Run() {
  for (bool sent = false; SendNext(kStep, &sent);) {
    MutexLock lock(&session_.mu);
    if (session_.stream_over || session_.stopping) {
      return;
    }
  }
}

bool StreamSender::SendNext(std::chrono::milliseconds timeout, bool* sent) {
  const std::optional<Outgoing> out = queue_.Next(timeout);
  *sent = out.has_value();
  return SendRequestedSchemas() && (!out.has_value() || SendOne(*out));
}

bool StreamSender::SendOne(const Outgoing& out) {
  v1::AgentMessage message;
  if (out.backfilled) {
    message.mutable_backfilled();
    return stream_.Write(message);
  }
  v1::Frames* frames = message.mutable_frames();
  frames->set_epoch(out.epoch == hello_epoch_ ? 0 : out.epoch);
  frames->set_lane(out.lane == Lane::kLive ? v1::LANE_LIVE : v1::LANE_BACKFILL);
  for (const auto& frame : out.frames) {
    frames->add_frame(*frame);
  }
  return stream_.Write(message);
}

bool StreamSender::SendRequestedSchemas() {
  std::vector<SchemaHash> hashes;
  {
    MutexLock lock(&session_.mu);
    hashes.swap(session_.wanted);
  }
  for (const SchemaHash& hash : hashes) {
    const std::shared_ptr<const Schema> schema = queue_.FindSchema(hash);
    if (schema == nullptr) {
      // Its run was given up meanwhile, and the collector waits for it with all that followed: the
      // next stream begins without that run.
      return false;
    }
    v1::AgentMessage message;
    message.mutable_schema()->set_content(codec::EncodeSchema(*schema));
    if (!stream_.Write(message)) {
      return false;
    }
  }
  return true;
}

bool StreamSender::WaitAcknowledged(int64_t until_mono_ms) {
  while (queue_.unacknowledged() > 0 && clock_.MonotonicMs() < until_mono_ms) {
    if (!SendRequestedSchemas()) {
      return false;
    }
    MutexLock lock(&session_.mu);
    if (session_.stream_over) {
      return false;
    }
    session_.cv.WaitFor(&session_.mu, kPoll);
  }
  return true;
}

bool StreamSender::Drain() {
  v1::AgentMessage goodbye;
  int64_t until = 0;
  {
    MutexLock lock(&session_.mu);
    if (!session_.stopping || session_.stream_over) {
      return false;
    }
    goodbye.mutable_goodbye()->set_reason(session_.stop_reason);
    until = clock_.MonotonicMs() + session_.drain_ms;
  }
  // Twice nothing: one may be a Wake(), and the last frames wait a moment for company.
  for (int quiet = 0; quiet < 2;) {
    bool sent = false;
    if (!SendNext(kDrainStep, &sent)) {
      return false;
    }
    quiet = sent ? 0 : quiet + 1;
  }
  if (!WaitAcknowledged(until) || !stream_.Write(goodbye) || !stream_.WritesDone()) {
    return false;
  }
  until = std::max(until, clock_.MonotonicMs() + kGoodbyeMs);
  MutexLock lock(&session_.mu);
  while (!session_.stream_over && clock_.MonotonicMs() < until) {
    session_.cv.WaitFor(&session_.mu, kPoll);
  }
  return session_.stream_over;
}

}  // namespace ronda::agent
