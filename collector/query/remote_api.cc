#include "collector/query/remote_api.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include <chrono>
#include <utility>

#include "collector/query/convert.h"
#include "common/base/status.h"
#include "common/rpc/status.h"
#include "ronda/v1/query.grpc.pb.h"

namespace ronda::query {
namespace {

std::chrono::system_clock::time_point After(int64_t ms) {
  return std::chrono::system_clock::now() + std::chrono::milliseconds(ms);
}

class RemoteApi final : public Api {
 public:
  explicit RemoteApi(RemoteOptions options) : options_(std::move(options)) {
    if (auto channel = NewChannel(TheChannel()); channel.ok()) {
      channel_ = *std::move(channel);
      stub_ = v1::Query::NewStub(channel_);
    } else {
      unusable_ = channel.status();
    }
  }

  absl::StatusOr<TimeBase> Time() override {
    v1::TimeReply reply;
    RONDA_RETURN_IF_ERROR(Call([&](grpc::ClientContext* context) {
      return stub_->GetTime(context, v1::GetTimeRequest(), &reply);
    }));
    return TimeBase{reply.now_ms(), false, false};
  }

  absl::StatusOr<CollectorStatus> Status() override {
    v1::StatusReply reply;
    RONDA_RETURN_IF_ERROR(Call([&](grpc::ClientContext* context) {
      return stub_->GetStatus(context, v1::GetStatusRequest(), &reply);
    }));
    return FromProto(reply);
  }

  absl::StatusOr<std::vector<NodeStatus>> Nodes(std::string_view only) override {
    v1::ListNodesRequest request;
    request.set_name(std::string(only));
    return ReadList<NodeStatus, v1::NodeEntry>(
        [&](grpc::ClientContext* context) { return stub_->ListNodes(context, request); });
  }

  absl::StatusOr<std::vector<MetricStatus>> Metrics(std::string_view pattern,
                                                    bool count_series) override {
    v1::ListMetricsRequest request;
    request.set_pattern(std::string(pattern));
    request.set_count_series(count_series);
    return ReadList<MetricStatus, v1::MetricEntry>(
        [&](grpc::ClientContext* context) { return stub_->ListMetrics(context, request); });
  }

  absl::Status Select(const SelectSpec& spec, absl::FunctionRef<bool(SeriesData)> visit) override {
    v1::SelectRequest request;
    ToProto(spec, &request);
    SeriesData series;
    absl::Status damage;
    bool wanted = true;
    auto take = [&](const v1::SeriesChunk& chunk) {
      if (chunk.first() && !series.t_ms.empty()) {
        wanted = visit(std::exchange(series, {}));
      }
      damage = AppendChunk(chunk, &series);
      return wanted && damage.ok();
    };
    const absl::Status status = ReadStream<v1::SeriesChunk>(
        [&](grpc::ClientContext* context) { return stub_->Select(context, request); }, take);
    RONDA_RETURN_IF_ERROR(damage);
    RONDA_RETURN_IF_ERROR(status);
    if (wanted && !series.t_ms.empty()) {
      visit(std::move(series));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<Labels>> Series(const std::vector<Matcher>& matchers, int64_t start_ms,
                                             int64_t end_ms) override {
    v1::ListSeriesRequest request;
    ToProto(SelectSpec{matchers, start_ms, end_ms}, &request);
    return ReadList<Labels, v1::SeriesEntry>(
        [&](grpc::ClientContext* context) { return stub_->ListSeries(context, request); });
  }

  // A client that goes away ends it at the collector: `cancelled` is looked at between chunks.
  absl::StatusOr<EvalResult> Evaluate(const EvalSpec& spec,
                                      const std::atomic<bool>* cancelled) override {
    v1::EvaluateRequest request;
    ToProto(spec, &request);
    EvalResult result;
    absl::Status damage;
    auto take = [&](const v1::EvaluateReply& reply) {
      if (reply.has_head()) {
        result = FromProto(reply.head());
      }
      if (reply.has_chunk()) {
        if (reply.chunk().first()) {
          result.series.emplace_back();
        }
        damage = result.series.empty()
                     ? Fail(absl::StatusCode::kDataLoss, "an answer begins within a series")
                     : AppendChunk(reply.chunk(), &result.series.back());
      }
      return damage.ok() && (cancelled == nullptr || !*cancelled);
    };
    const absl::Status status = ReadStream<v1::EvaluateReply>(
        [&](grpc::ClientContext* context) { return stub_->Evaluate(context, request); }, take);
    RONDA_RETURN_IF_ERROR(damage);
    RONDA_RETURN_IF_ERROR(status);
    return result;
  }

  absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                       const std::vector<Matcher>& matchers,
                                                       int64_t start_ms, int64_t end_ms) override {
    v1::ListLabelsRequest request;
    ToProto(SelectSpec{matchers, start_ms, end_ms}, &request);
    request.set_name(std::string(name));
    return ReadList<std::string, v1::LabelText>(
        [&](grpc::ClientContext* context) { return stub_->ListLabels(context, request); });
  }

  absl::StatusOr<std::vector<ActiveAlert>> Alerts() override {
    return ReadList<ActiveAlert, v1::ActiveAlertEntry>([&](grpc::ClientContext* context) {
      return stub_->ListAlerts(context, v1::ListAlertsRequest());
    });
  }

  absl::StatusOr<std::vector<SilenceStatus>> Silences(bool expired) override {
    v1::ListSilencesRequest request;
    request.set_expired(expired);
    return ReadList<SilenceStatus, v1::SilenceEntry>(
        [&](grpc::ClientContext* context) { return stub_->ListSilences(context, request); });
  }

  absl::Status AlertLog(int64_t start_ms, int64_t end_ms, std::string_view node,
                        absl::FunctionRef<bool(AlertEvent)> visit) override {
    v1::ReadAlertLogRequest request;
    request.set_start_ms(start_ms);
    request.set_end_ms(end_ms);
    request.set_node(std::string(node));
    return ReadStream<v1::AlertTransition>(
        [&](grpc::ClientContext* context) { return stub_->ReadAlertLog(context, request); },
        [&](const v1::AlertTransition& message) { return visit(FromProto(message)); });
  }

  absl::StatusOr<std::vector<Gap>> Gaps(int64_t start_ms, int64_t end_ms,
                                        std::string_view node) override {
    v1::ListGapsRequest request;
    request.set_start_ms(start_ms);
    request.set_end_ms(end_ms);
    request.set_node(std::string(node));
    return ReadList<Gap, v1::GapEntry>(
        [&](grpc::ClientContext* context) { return stub_->ListGaps(context, request); });
  }

 private:
  // Connects first, so that a collector that is not there is told apart from a slow query, and at
  // once where nobody listens.
  absl::Status Connect() {
    RONDA_RETURN_IF_ERROR(unusable_);
    return WaitConnected(*channel_, TheChannel(), options_.connect_timeout_ms);
  }

  ChannelOptions TheChannel() const { return {options_.address, options_.tls, options_.insecure}; }

  absl::Status Outcome(const grpc::Status& status) const {
    const absl::Status result = rpc::FromGrpc(status);
    if (result.code() == absl::StatusCode::kUnavailable ||
        result.code() == absl::StatusCode::kUnimplemented) {
      return Annotate(result, "asking the collector at " + options_.address);
    }
    return result;
  }

  template <typename Body>
  absl::Status Call(const Body& body) {
    RONDA_RETURN_IF_ERROR(Connect());
    grpc::ClientContext context;
    context.set_deadline(After(options_.timeout_ms));
    return Outcome(body(&context));
  }

  // `take` returns false when it wants no more.
  template <typename Message, typename Open, typename Take>
  absl::Status ReadStream(const Open& open, const Take& take) {
    RONDA_RETURN_IF_ERROR(Connect());
    grpc::ClientContext context;
    context.set_deadline(After(options_.timeout_ms));
    auto reader = open(&context);
    Message message;
    while (reader->Read(&message)) {
      if (!take(message)) {
        context.TryCancel();
        while (reader->Read(&message)) {
        }
        reader->Finish().IgnoreError();
        return absl::OkStatus();
      }
    }
    return Outcome(reader->Finish());
  }

  template <typename T, typename Message, typename Open>
  absl::StatusOr<std::vector<T>> ReadList(const Open& open) {
    std::vector<T> result;
    RONDA_RETURN_IF_ERROR(ReadStream<Message>(open, [&](const Message& message) {
      result.push_back(FromProto(message));
      return true;
    }));
    return result;
  }

  const RemoteOptions options_;
  absl::Status unusable_;  // why there is no channel
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Query::Stub> stub_;
};

}  // namespace

std::unique_ptr<Api> NewRemoteApi(const RemoteOptions& options) {
  return std::make_unique<RemoteApi>(options);
}

}  // namespace ronda::query
