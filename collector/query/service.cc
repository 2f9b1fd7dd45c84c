#include "collector/query/service.h"

#include <grpcpp/server_context.h>
#include <grpcpp/support/sync_stream.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "collector/query/convert.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/rpc/status.h"
#include "ronda/v1/query.grpc.pb.h"

namespace ronda::query {
namespace {

// About 1 MB a message at worst: gRPC's default limit for a receiver is 4 MB.
constexpr size_t kChunkSamples = 64 << 10;

// While it lives, sets cancelled() when the client of a call has gone or the call was cancelled.
class CancelWatch {
 public:
  explicit CancelWatch(grpc::ServerContext* context)
      : context_(*context), thread_(StartThread("query-cancel", [this] { Watch(); })) {}
  ~CancelWatch() {
    {
      MutexLock lock(&mu_);
      done_ = true;
      wake_.SignalAll();
    }
    thread_.join();
  }
  const std::atomic<bool>* cancelled() const { return &cancelled_; }

 private:
  void Watch() {
    MutexLock lock(&mu_);
    while (!done_ && !cancelled_) {
      wake_.WaitFor(&mu_, std::chrono::milliseconds(50));
      cancelled_ = cancelled_ || context_.IsCancelled();
    }
  }

  grpc::ServerContext& context_;
  std::atomic<bool> cancelled_ = false;
  Mutex mu_;
  CondVar wake_;
  bool done_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: it uses the others
};

class QueryService final : public v1::Query::Service {
 public:
  QueryService(Api& api, const Gate::Options& gate) : api_(api), gate_(gate) {}

  grpc::Status GetTime(grpc::ServerContext* context, const v1::GetTimeRequest*,
                       v1::TimeReply* reply) override {
    return Run(context, [&]() -> absl::Status {
      RONDA_ASSIGN_OR_RETURN(const TimeBase time, api_.Time());
      reply->set_now_ms(time.now_ms);
      return absl::OkStatus();
    });
  }

  grpc::Status GetStatus(grpc::ServerContext* context, const v1::GetStatusRequest*,
                         v1::StatusReply* reply) override {
    return Run(context, [&]() -> absl::Status {
      RONDA_ASSIGN_OR_RETURN(const CollectorStatus status, api_.Status());
      ToProto(status, reply);
      return absl::OkStatus();
    });
  }

  grpc::Status ListNodes(grpc::ServerContext* context, const v1::ListNodesRequest* request,
                         grpc::ServerWriter<v1::NodeEntry>* writer) override {
    return Run(context, [&] { return WriteAll(api_.Nodes(request->name()), writer); });
  }

  grpc::Status ListMetrics(grpc::ServerContext* context, const v1::ListMetricsRequest* request,
                           grpc::ServerWriter<v1::MetricEntry>* writer) override {
    return Run(context, [&] {
      return WriteAll(api_.Metrics(request->pattern(), request->count_series()), writer);
    });
  }

  grpc::Status Select(grpc::ServerContext* context, const v1::SelectRequest* request,
                      grpc::ServerWriter<v1::SeriesChunk>* writer) override {
    return Run(context, [&]() -> absl::Status {
      RONDA_ASSIGN_OR_RETURN(const SelectSpec spec, FromProto(*request));
      v1::SeriesChunk chunk;
      return api_.Select(spec, [&](const SeriesData& series) {
        for (size_t first = 0; first < series.t_ms.size(); first += kChunkSamples) {
          chunk.Clear();
          ToProto(series, first, std::min(kChunkSamples, series.t_ms.size() - first), &chunk);
          if (!writer->Write(chunk)) {
            return false;  // the client went away
          }
        }
        return true;
      });
    });
  }

  grpc::Status ListSeries(grpc::ServerContext* context, const v1::ListSeriesRequest* request,
                          grpc::ServerWriter<v1::SeriesEntry>* writer) override {
    return Run(context, [&]() -> absl::Status {
      RONDA_ASSIGN_OR_RETURN(const SelectSpec spec, FromProto(*request));
      return WriteAll(api_.Series(spec.matchers, spec.start_ms, spec.end_ms), writer);
    });
  }

  grpc::Status Evaluate(grpc::ServerContext* context, const v1::EvaluateRequest* request,
                        grpc::ServerWriter<v1::EvaluateReply>* writer) override {
    return Run(context, [&]() -> absl::Status {
      absl::StatusOr<EvalResult> result = absl::CancelledError();
      {
        const CancelWatch watch(context);
        result = api_.Evaluate(FromProto(*request), watch.cancelled());
      }
      RONDA_RETURN_IF_ERROR(result.status());
      v1::EvaluateReply reply;
      ToProto(*result, reply.mutable_head());
      bool there = writer->Write(reply);
      for (const SeriesData& series : result->series) {
        for (size_t first = 0; there && first < series.t_ms.size(); first += kChunkSamples) {
          reply.Clear();
          ToProto(series, first, std::min(kChunkSamples, series.t_ms.size() - first),
                  reply.mutable_chunk());
          there = writer->Write(reply);
        }
      }
      return absl::OkStatus();
    });
  }

  grpc::Status ListLabels(grpc::ServerContext* context, const v1::ListLabelsRequest* request,
                          grpc::ServerWriter<v1::LabelText>* writer) override {
    return Run(context, [&]() -> absl::Status {
      RONDA_ASSIGN_OR_RETURN(const SelectSpec spec, FromProto(*request));
      return WriteAll(api_.LabelValues(request->name(), spec.matchers, spec.start_ms, spec.end_ms),
                      writer);
    });
  }

  grpc::Status ListAlerts(grpc::ServerContext* context, const v1::ListAlertsRequest*,
                          grpc::ServerWriter<v1::ActiveAlertEntry>* writer) override {
    return Run(context, [&] { return WriteAll(api_.Alerts(), writer); });
  }

  grpc::Status ListSilences(grpc::ServerContext* context, const v1::ListSilencesRequest* request,
                            grpc::ServerWriter<v1::SilenceEntry>* writer) override {
    return Run(context, [&] { return WriteAll(api_.Silences(request->expired()), writer); });
  }

  grpc::Status ReadAlertLog(grpc::ServerContext* context, const v1::ReadAlertLogRequest* request,
                            grpc::ServerWriter<v1::AlertTransition>* writer) override {
    return Run(context, [&] {
      v1::AlertTransition message;
      return api_.AlertLog(request->start_ms(), request->end_ms(), request->node(),
                           [&](const AlertEvent& event) {
                             message.Clear();
                             ToProto(event, &message);
                             return writer->Write(message);
                           });
    });
  }

  grpc::Status ListGaps(grpc::ServerContext* context, const v1::ListGapsRequest* request,
                        grpc::ServerWriter<v1::GapEntry>* writer) override {
    return Run(context, [&] {
      return WriteAll(api_.Gaps(request->start_ms(), request->end_ms(), request->node()), writer);
    });
  }

 private:
  template <typename Body>
  grpc::Status Run(grpc::ServerContext* context, const Body& body) {
    const absl::StatusOr<Gate::Ticket> ticket = gate_.Enter([context] { context->TryCancel(); });
    return rpc::ToGrpc(ticket.ok() ? body() : ticket.status());
  }

  template <typename T, typename Message>
  static absl::Status WriteAll(const absl::StatusOr<std::vector<T>>& entries,
                               grpc::ServerWriter<Message>* writer) {
    RONDA_RETURN_IF_ERROR(entries.status());
    Message message;
    for (const T& entry : *entries) {
      message.Clear();
      ToProto(entry, &message);
      if (!writer->Write(message)) {
        break;  // the client went away
      }
    }
    return absl::OkStatus();
  }

  Api& api_;
  Gate gate_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewQueryService(Api& api, const Gate::Options& gate) {
  return std::make_unique<QueryService>(api, gate);
}

}  // namespace ronda::query
