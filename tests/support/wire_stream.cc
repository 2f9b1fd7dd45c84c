#include "tests/support/wire_stream.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "common/codec/schema_codec.h"
#include "ronda/v1/ingest.grpc.pb.h"

namespace ronda {

struct WireStream::Stream {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Ingest::Stub> stub;
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReaderWriter<v1::AgentMessage, v1::CollectorMessage>> call;
  std::thread reader;
  Mutex write_mu;

  bool Write(const v1::AgentMessage& message) {
    MutexLock lock(&write_mu);
    return call->Write(message);
  }
};

WireStream::WireStream(std::string node, uint64_t epoch, std::shared_ptr<const Schema> schema)
    : node_(std::move(node)), epoch_(epoch), schema_(std::move(schema)) {}

WireStream::~WireStream() { Disconnect(); }

std::string WireStream::Connect(const std::string& address) {
  Disconnect();
  stream_ = std::make_unique<Stream>();
  grpc::ChannelArguments args;
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  stream_->channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), args);
  if (!stream_->channel->WaitForConnected(std::chrono::system_clock::now() +
                                          std::chrono::seconds(5))) {
    stream_.reset();
    return "nobody answers at " + address;
  }
  stream_->stub = v1::Ingest::NewStub(stream_->channel);
  stream_->call = stream_->stub->Stream(&stream_->context);
  v1::AgentMessage hello;
  hello.mutable_hello()->mutable_versions()->set_min(1);
  hello.mutable_hello()->mutable_versions()->set_max(1);
  hello.mutable_hello()->set_node(node_);
  hello.mutable_hello()->set_epoch(epoch_);
  hello.mutable_hello()->set_epoch_started_ms(1);
  hello.mutable_hello()->set_boot_id("boot");
  v1::CollectorMessage answer;
  if (!stream_->call->Write(hello) || !stream_->call->Read(&answer) || !answer.has_welcome()) {
    const grpc::Status status = stream_->call->Finish();
    stream_.reset();
    return status.error_message().empty() ? "refused" : status.error_message();
  }
  {
    MutexLock lock(&mu_);
    for (const auto& range : answer.welcome().held()) {
      acknowledged_.AddRange({range.first(), range.last()});
    }
    credit_ = answer.welcome().credit().samples();
    end_reason_.clear();
  }
  stream_->reader = std::thread([this, stream = stream_.get()] { Read(stream); });
  return "";
}

void WireStream::Read(Stream* stream) {
  v1::CollectorMessage message;
  while (stream->call->Read(&message)) {
    if (message.has_schema_request()) {
      v1::AgentMessage reply;
      reply.mutable_schema()->set_content(codec::EncodeSchema(*schema_));
      stream->Write(reply);
    }
    MutexLock lock(&mu_);
    for (const auto& range : message.ack().range()) {
      acknowledged_.AddRange({range.first(), range.last()});
    }
    credit_ += message.credit().samples();
    if (message.has_reject()) {
      refusals_.push_back(v1::Reject::Reason_Name(message.reject().reason()) + ": " +
                          message.reject().detail());
    }
    if (message.has_new_epoch()) {
      refusals_.push_back("new epoch: " + message.new_epoch().detail());
    }
    changed_.SignalAll();
  }
  const grpc::Status status = stream->call->Finish();
  MutexLock lock(&mu_);
  end_reason_ = status.error_message().empty() ? "ended" : status.error_message();
  changed_.SignalAll();
}

bool WireStream::Send(bool live, std::span<const std::string> frames) {
  if (stream_ == nullptr) {
    return false;
  }
  v1::AgentMessage message;
  message.mutable_frames()->set_lane(live ? v1::LANE_LIVE : v1::LANE_BACKFILL);
  for (const std::string& frame : frames) {
    message.mutable_frames()->add_frame(frame);
  }
  return stream_->Write(message);
}

void WireStream::Disconnect() {
  if (stream_ == nullptr) {
    return;
  }
  stream_->context.TryCancel();
  stream_->reader.join();
  stream_.reset();
}

void WireStream::Cancel() { stream_->context.TryCancel(); }

codec::RangeSet WireStream::acknowledged() const {
  MutexLock lock(&mu_);
  return acknowledged_;
}

bool WireStream::WaitAcknowledged(uint64_t count, int64_t timeout_ms) const {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  MutexLock lock(&mu_);
  while (acknowledged_.count() < count && end_reason_.empty()) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= until) {
      return false;
    }
    changed_.WaitFor(&mu_, until - now);
  }
  return acknowledged_.count() >= count;
}

bool WireStream::TakeCredit(uint64_t samples, int64_t timeout_ms) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  MutexLock lock(&mu_);
  while (credit_ == 0 && end_reason_.empty()) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= until) {
      return false;
    }
    changed_.WaitFor(&mu_, until - now);
  }
  const bool granted = credit_ > 0;
  credit_ -= std::min(credit_, samples);
  return granted;
}

std::vector<std::string> WireStream::refusals() const {
  MutexLock lock(&mu_);
  return refusals_;
}

std::string WireStream::end_reason() const {
  MutexLock lock(&mu_);
  return end_reason_;
}

}  // namespace ronda
