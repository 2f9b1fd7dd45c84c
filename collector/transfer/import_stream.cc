// Tested by tests/e2e/transfer_test.cc.
#include "collector/transfer/import_stream.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <thread>
#include <utility>

#include "common/base/digest.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/codec/range_set.h"
#include "common/codec/sample_run.h"
#include "common/codec/schema_codec.h"
#include "common/rpc/status.h"
#include "ronda/v1/ingest.grpc.pb.h"

namespace ronda::transfer {
namespace {

// What may be on its way. The collector lets one stream have some MiB, frames and their cost
// together, before its journal counts as slow; and it grants 2,000,000 samples of backfill.
constexpr size_t kMaxFlyingBytes = 2 << 20;
constexpr int64_t kMaxFlyingSamples = 1'000'000;
constexpr size_t kFrameCost = 160;
// Of one message.
constexpr size_t kMessageBytes = 128 << 10;
// A collector takes so many groups and schemas of one stream, and twice as many.
constexpr size_t kStreamBlocks = 200;
constexpr int64_t kPollMs = 200;
constexpr int64_t kConnectMs = 5'000;
constexpr uint32_t kProtocolVersion = 1;

int64_t WallMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class Stream final : public ImportStream {
 public:
  explicit Stream(ImportStreamOptions options) : options_(std::move(options)) {}

  ~Stream() override {
    context_.TryCancel();
    if (reader_.joinable()) {
      reader_.join();
    }
  }

  absl::Status Connect() {
    RONDA_ASSIGN_OR_RETURN(channel_, query::NewChannel(options_.channel));
    stub_ = v1::Ingest::NewStub(channel_);
    RONDA_RETURN_IF_ERROR(query::WaitConnected(*channel_, options_.channel, kConnectMs));
    call_ = stub_->Stream(&context_);
    v1::AgentMessage hello;
    FillHello(hello.mutable_hello());
    v1::CollectorMessage answer;
    if (!call_->Write(hello) || !call_->Read(&answer) || !answer.has_welcome()) {
      const absl::Status ended = rpc::FromGrpc(call_->Finish());
      return ended.ok() ? Fail(absl::StatusCode::kUnavailable, "the collector ended the stream")
                        : ended;
    }
    const auto& capabilities = answer.welcome().capabilities();
    if (std::find(capabilities.begin(), capabilities.end(), "import") == capabilities.end()) {
      return Fail(absl::StatusCode::kUnimplemented,
                  "the collector at {} takes no imports: it is older than this program",
                  options_.channel.address);
    }
    reader_ = StartThread("import-reader", [this] { ReadAnswers(); });
    return absl::OkStatus();
  }

  absl::Status Send(const Block& block) override {
    {
      MutexLock lock(&mu_);
      schemas_[codec::HashSchema(*block.schema)] = block.schema;
    }
    codec::SampleRunEncoder encoder(next_group_++, block.group);
    encoder.StartRun(block.schema);
    v1::AgentMessage message;
    message.mutable_frames()->set_lane(v1::LANE_BACKFILL);
    size_t bytes = 0;
    std::vector<double> values(block.values.size());
    for (size_t tick = 0; tick < block.t_ms.size(); ++tick) {
      for (size_t i = 0; i < values.size(); ++i) {
        values[i] = block.values[i][tick];
      }
      std::string* frame = message.mutable_frames()->add_frame();
      encoder.Encode(next_seq_, block.t_ms[tick], values, frame);
      bytes += frame->size() + kFrameCost;
      Note(next_seq_++, frame->size() + kFrameCost, static_cast<int64_t>(values.size()));
      if (bytes >= kMessageBytes || tick + 1 == block.t_ms.size()) {
        RONDA_RETURN_IF_ERROR(Write(message));
        message.mutable_frames()->clear_frame();
        bytes = 0;
        RONDA_RETURN_IF_ERROR(WaitUntil(kMaxFlyingBytes, kMaxFlyingSamples));
      }
    }
    return absl::OkStatus();
  }

  absl::Status WaitDurable() override { return WaitUntil(0, 0); }

  int64_t durable_samples() const override {
    MutexLock lock(&mu_);
    return durable_samples_;
  }

 private:
  struct Flying {
    uint64_t seq;
    size_t cost;
    int64_t samples;
  };

  void FillHello(v1::Hello* hello) const {
    hello->mutable_versions()->set_min(kProtocolVersion);
    hello->mutable_versions()->set_max(kProtocolVersion);
    hello->add_capabilities("import");
    hello->set_node(options_.node);
    hello->set_epoch(RandomBits());
    hello->set_epoch_started_ms(WallMs());
    hello->set_now_ms(WallMs());
  }

  void Note(uint64_t seq, size_t cost, int64_t samples) {
    MutexLock lock(&mu_);
    flying_.push_back({seq, cost, samples});
    flying_bytes_ += cost;
    flying_samples_ += samples;
  }

  // The reader writes too, when it is asked for a schema.
  absl::Status Write(const v1::AgentMessage& message) {
    bool written = false;
    {
      MutexLock lock(&write_mu_);
      written = call_->Write(message);
    }
    // Why the stream ended is known once the reader has seen it.
    return written ? absl::OkStatus() : WaitUntil(0, 0);
  }

  absl::Status WaitUntil(size_t bytes, int64_t samples) {
    MutexLock lock(&mu_);
    int64_t waited_ms = 0;
    uint64_t heard = heard_;
    while (ended_.ok() && (flying_bytes_ > bytes || flying_samples_ > samples)) {
      changed_.WaitFor(&mu_, std::chrono::milliseconds(kPollMs));
      waited_ms = heard_ == heard ? waited_ms + kPollMs : 0;
      heard = heard_;
      if (options_.interrupted()) {
        return Fail(absl::StatusCode::kCancelled, "interrupted");
      }
      if (waited_ms > options_.patience_ms) {
        return Fail(absl::StatusCode::kDeadlineExceeded,
                    "the collector has acknowledged nothing for {} s: is its disk full? see "
                    "`ronda status`",
                    options_.patience_ms / 1000);
      }
    }
    return ended_;
  }

  void ReadAnswers() {
    v1::CollectorMessage message;
    while (call_->Read(&message)) {
      if (message.has_schema_request()) {
        AnswerSchema(message.schema_request().hash());
      }
      MutexLock lock(&mu_);
      ++heard_;
      for (const auto& range : message.ack().range()) {
        acknowledged_.AddRange({range.first(), range.last()});
      }
      if (message.has_reject()) {
        EndLocked(Fail(absl::StatusCode::kInvalidArgument, "the collector refused samples: {}",
                       message.reject().detail()));
      }
      if (message.has_new_epoch()) {
        EndLocked(Fail(absl::StatusCode::kAborted, "the collector ended the import: {}",
                       message.new_epoch().detail()));
      }
      while (!flying_.empty() && acknowledged_.Contains(flying_.front().seq)) {
        flying_bytes_ -= flying_.front().cost;
        flying_samples_ -= flying_.front().samples;
        durable_samples_ += flying_.front().samples;
        flying_.pop_front();
      }
      changed_.SignalAll();
    }
    const absl::Status why = rpc::FromGrpc(call_->Finish());
    MutexLock lock(&mu_);
    EndLocked(why.ok() ? Fail(absl::StatusCode::kUnavailable, "the collector ended the stream")
                       : why);
    changed_.SignalAll();
  }

  void EndLocked(absl::Status why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (ended_.ok()) {
      ended_ = std::move(why);
    }
  }

  void AnswerSchema(const std::string& hash) {
    SchemaHash key{};
    if (hash.size() != key.size()) {
      return;
    }
    std::copy(hash.begin(), hash.end(), key.begin());
    std::shared_ptr<const Schema> schema;
    {
      MutexLock lock(&mu_);
      const auto found = schemas_.find(key);
      schema = found == schemas_.end() ? nullptr : found->second;
    }
    if (schema != nullptr) {
      v1::AgentMessage reply;
      reply.mutable_schema()->set_content(codec::EncodeSchema(*schema));
      MutexLock lock(&write_mu_);
      call_->Write(reply);  // if the stream is over, Read() says so next
    }
  }

  const ImportStreamOptions options_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Ingest::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::AgentMessage, v1::CollectorMessage>> call_;
  uint32_t next_group_ = 1;
  uint64_t next_seq_ = 1;

  Mutex write_mu_;
  mutable Mutex mu_;
  CondVar changed_;
  std::map<SchemaHash, std::shared_ptr<const Schema>> schemas_ ABSL_GUARDED_BY(mu_);
  std::deque<Flying> flying_ ABSL_GUARDED_BY(mu_);
  size_t flying_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t flying_samples_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t durable_samples_ ABSL_GUARDED_BY(mu_) = 0;
  codec::RangeSet acknowledged_ ABSL_GUARDED_BY(mu_);
  uint64_t heard_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status ended_ ABSL_GUARDED_BY(mu_);
  std::thread reader_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ImportStream>> ImportStream::Open(
    const ImportStreamOptions& options) {
  auto stream = std::make_unique<Stream>(options);
  RONDA_RETURN_IF_ERROR(stream->Connect());
  return stream;
}

absl::Status SendBlocks(const ImportStreamOptions& options, std::span<const Block> blocks,
                        int64_t* durable) {
  while (!blocks.empty()) {
    const std::span<const Block> now = blocks.first(std::min(blocks.size(), kStreamBlocks));
    blocks = blocks.subspan(now.size());
    RONDA_ASSIGN_OR_RETURN(const std::unique_ptr<ImportStream> stream, ImportStream::Open(options));
    absl::Status status;
    for (const Block& block : now) {
      status = stream->Send(block);
      if (!status.ok()) {
        break;
      }
    }
    if (status.ok()) {
      status = stream->WaitDurable();
    }
    *durable += stream->durable_samples();
    RONDA_RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

}  // namespace ronda::transfer
