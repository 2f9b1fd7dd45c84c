#include "tests/support/test_agent.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cmath>
#include <thread>
#include <utility>

#include "common/codec/schema_codec.h"
#include "ronda/v1/ingest.grpc.pb.h"

namespace ronda {

struct TestAgent::Stream {
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

TestAgent::TestAgent(std::string node, uint64_t epoch, int series, int64_t first_t_ms)
    : node_(std::move(node)),
      epoch_(epoch),
      encoder_(1, {"test", "node", ""}),
      next_t_ms_(first_t_ms) {
  auto schema = std::make_shared<Schema>();
  schema->metrics = {{"up", MetricType::kGauge, "", ""},
                     {"test_gauge", MetricType::kGauge, "", ""},
                     {"test_total", MetricType::kCounter, "", ""}};
  schema->series.push_back({0, Labels()});
  for (int i = 0; i < series; ++i) {
    schema->series.push_back(
        {static_cast<uint32_t>(1 + i % 2), Labels({{"i", std::to_string(i)}})});
  }
  schema_ = schema;
  values_.assign(schema->series.size(), 1);
}

TestAgent::~TestAgent() { Disconnect(); }

std::string TestAgent::Connect(const std::string& address) {
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
    end_reason_.clear();
  }
  Stream* stream = stream_.get();
  stream->reader = std::thread([this, stream] {
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
      if (message.has_reject()) {
        refusals_.push_back(v1::Reject::Reason_Name(message.reject().reason()) + ": " +
                            message.reject().detail());
      }
      if (message.has_new_epoch()) {
        refusals_.push_back("new epoch: " + message.new_epoch().detail());
      }
    }
    const grpc::Status status = stream->call->Finish();
    MutexLock lock(&mu_);
    end_reason_ = status.error_message().empty() ? "ended" : status.error_message();
  });
  start_run_ = true;
  for (const Run& run : runs_) {
    v1::AgentMessage message;
    message.mutable_frames()->set_lane(v1::LANE_BACKFILL);
    bool wanted = false;
    const codec::RangeSet held = acknowledged();
    for (size_t i = 0; i < run.seqs.size(); ++i) {
      wanted = wanted || !held.Contains(run.seqs[i]);
      message.mutable_frames()->add_frame(run.frames[i]);
    }
    if (wanted && !stream_->Write(message)) {
      break;
    }
  }
  return "";
}

bool TestAgent::Tick() {
  SentTick tick;
  tick.seq = next_seq_++;
  tick.t_ms = next_t_ms_;
  next_t_ms_ += 1000;
  for (size_t i = 1; i < values_.size(); ++i) {
    // Some constant, some slow, some busy; different in each agent and tick.
    if ((tick.seq + i) % 3 != 0) {
      values_[i] =
          std::round(
              (static_cast<double>(tick.seq * (i % 7)) + static_cast<double>(epoch_ % 1000)) * 10) /
          10;
    }
  }
  tick.values = values_;
  if (start_run_ || runs_.empty() || runs_.back().seqs.size() >= codec::kMaxRunFrames) {
    encoder_.StartRun(schema_);
    runs_.emplace_back();
    start_run_ = false;
  }
  std::string frame;
  encoder_.Encode(tick.seq, tick.t_ms, tick.values, &frame);
  last_frame_ = frame;
  runs_.back().seqs.push_back(tick.seq);
  runs_.back().frames.push_back(frame);
  sent_.push_back(std::move(tick));
  return SendRaw(frame);
}

bool TestAgent::SendRaw(const std::string& frame) {
  if (stream_ == nullptr) {
    return false;
  }
  v1::AgentMessage message;
  message.mutable_frames()->set_lane(v1::LANE_LIVE);
  message.mutable_frames()->add_frame(frame);
  return stream_->Write(message);
}

void TestAgent::Disconnect() {
  if (stream_ == nullptr) {
    return;
  }
  stream_->context.TryCancel();
  stream_->reader.join();
  stream_.reset();
}

bool TestAgent::WaitAcknowledged(int64_t timeout_ms) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  while (acknowledged().count() < sent_.size()) {
    if (std::chrono::steady_clock::now() > until) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

codec::RangeSet TestAgent::acknowledged() const {
  MutexLock lock(&mu_);
  return acknowledged_;
}

std::vector<std::string> TestAgent::refusals() const {
  MutexLock lock(&mu_);
  return refusals_;
}

std::string TestAgent::end_reason() const {
  MutexLock lock(&mu_);
  return end_reason_;
}

}  // namespace ronda
