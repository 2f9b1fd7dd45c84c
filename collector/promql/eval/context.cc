#include "collector/promql/eval/context.h"

#include <fmt/format.h>

#include <algorithm>

#include "absl/time/time.h"
#include "collector/promql/eval/go_format.h"
#include "common/base/status.h"

namespace ronda::promql {
namespace {

constexpr std::string_view kMonotonicityText =
    "input to histogram_quantile needed to be fixed for monotonicity (see "
    "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";

std::chrono::steady_clock::time_point DeadlineIn(int64_t timeout_ms) {
  if (timeout_ms <= 0) {
    return std::chrono::steady_clock::time_point::max();
  }
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
}

std::string Annotation(std::string_view kind, Position at, std::string_view text) {
  return fmt::format("PromQL {}: {} ({}:{})", kind, text, at.line, at.column);
}

std::string TimeText(int64_t t_ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(t_ms / 1000 * 1000),
                          absl::UTCTimeZone());
}

}  // namespace

EvalContext::EvalContext(const store::Queryable& store, const QueryOptions& options,
                         int64_t start_ms, int64_t end_ms)
    : store_(store),
      options_(options),
      start_ms_(start_ms),
      end_ms_(end_ms),
      deadline_(DeadlineIn(options.timeout_ms)) {}

absl::Status EvalContext::Check() {
  if (options_.cancelled != nullptr && options_.cancelled->load(std::memory_order_relaxed)) {
    return absl::CancelledError("query was canceled in expression evaluation");
  }
  if (deadline_ != std::chrono::steady_clock::time_point::max() &&
      std::chrono::steady_clock::now() >= deadline_) {
    return Fail(absl::StatusCode::kDeadlineExceeded,
                "query timed out in expression evaluation (timeout {} ms)", options_.timeout_ms);
  }
  return absl::OkStatus();
}

absl::Status EvalContext::Select(const std::vector<Matcher>& matchers, int64_t start_ms,
                                 int64_t end_ms,
                                 absl::FunctionRef<absl::Status(const store::SeriesView&)> visit) {
  return SelectBy(&store::Queryable::Select, matchers, start_ms, end_ms, visit);
}

absl::Status EvalContext::SelectNewest(
    const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
    absl::FunctionRef<absl::Status(const store::SeriesView&)> visit) {
  return SelectBy(&store::Queryable::SelectNewest, matchers, start_ms, end_ms, visit);
}

absl::Status EvalContext::SelectBy(
    StoreSelect select, const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
    absl::FunctionRef<absl::Status(const store::SeriesView&)> visit) {
  ++stats_.selects;
  if (end_ms < start_ms) {
    return absl::OkStatus();
  }
  absl::Status status = Check();
  RONDA_RETURN_IF_ERROR(status);
  const absl::Status read =
      (store_.*select)(matchers, start_ms, end_ms, [&](const store::SeriesView& series) {
        const auto samples = static_cast<int64_t>(series.t_ms.size());
        status = Admit(samples, 16);
        if (status.ok()) {
          ++stats_.series_read;
          stats_.samples_read += samples;
          status = visit(series);
        }
        return status.ok();
      });
  RONDA_RETURN_IF_ERROR(status);
  return read;
}

absl::Status EvalContext::SelectBuckets(
    const std::vector<Matcher>& matchers, store::Resolution resolution, int64_t start_ms,
    int64_t end_ms, absl::FunctionRef<absl::Status(const store::BucketsView&)> visit) {
  ++stats_.selects;
  absl::Status status = Check();
  RONDA_RETURN_IF_ERROR(status);
  const absl::Status read = store_.SelectBuckets(
      matchers, resolution, start_ms, end_ms, [&](const store::BucketsView& series) {
        const auto buckets = static_cast<int64_t>(series.buckets.size());
        status = Admit(buckets, sizeof(store::Bucket));
        if (status.ok()) {
          ++stats_.series_read;
          (resolution == store::Resolution::kHour ? stats_.hours_read : stats_.minutes_read) +=
              buckets;
          status = visit(series);
        }
        return status.ok();
      });
  RONDA_RETURN_IF_ERROR(status);
  return read;
}

absl::Status EvalContext::Admit(int64_t items, int64_t bytes_each) {
  RONDA_RETURN_IF_ERROR(Check());
  RONDA_RETURN_IF_ERROR(CheckRoom(items, items * bytes_each));
  stats_.peak_samples = std::max(stats_.peak_samples, held_samples_ + items);
  return absl::OkStatus();
}

std::optional<MetricInfo> EvalContext::Metric(std::string_view name) const {
  std::vector<MetricInfo> metrics = store_.Metrics();
  const auto at = std::lower_bound(
      metrics.begin(), metrics.end(), name,
      [](const MetricInfo& metric, std::string_view wanted) { return metric.name < wanted; });
  return at != metrics.end() && at->name == name ? std::optional(std::move(*at)) : std::nullopt;
}

absl::Status EvalContext::CheckRoom(int64_t samples, int64_t bytes) const {
  if (options_.max_samples > 0 && held_samples_ + samples > options_.max_samples) {
    return Fail(absl::StatusCode::kResourceExhausted,
                "query processing would load too many samples into memory in query execution: more "
                "than {} (max_samples)",
                options_.max_samples);
  }
  if (options_.max_bytes > 0 && held_bytes_ + bytes > options_.max_bytes) {
    return Fail(absl::StatusCode::kResourceExhausted,
                "query processing would need too much memory: more than {} bytes (max_bytes)",
                options_.max_bytes);
  }
  return absl::OkStatus();
}

void EvalContext::Warn(Position at, std::string_view text) {
  warnings_.insert(Annotation("warning", at, text));
}

void EvalContext::Inform(Position at, std::string_view text) {
  infos_.insert(Annotation("info", at, text));
}

void EvalContext::ForcedMonotonicity(Position at, std::string_view name, int64_t t_ms,
                                     double min_bucket, double max_bucket, double max_diff) {
  for (Forced& known : forced_) {
    if (known.at == at && known.name == name) {
      known.min_t_ms = std::min(known.min_t_ms, t_ms);
      known.max_t_ms = std::max(known.max_t_ms, t_ms);
      known.min_bucket = std::min(known.min_bucket, min_bucket);
      known.max_bucket = std::max(known.max_bucket, max_bucket);
      known.max_diff = std::max(known.max_diff, max_diff);
      ++known.count;
      return;
    }
  }
  forced_.push_back({at, std::string(name), t_ms, t_ms, min_bucket, max_bucket, max_diff, 1});
}

void EvalContext::Finish(QueryResult* result) {
  for (const Forced& forced : forced_) {
    const std::string name =
        forced.name.empty() ? "" : fmt::format(" for metric name {}", GoQuote(forced.name));
    Inform(
        forced.at,
        fmt::format("{}{}, from buckets {} to {}, with a max diff of {}, over {} samples from {} "
                    "to {}",
                    kMonotonicityText, name, GoG(forced.min_bucket), GoG(forced.max_bucket),
                    GoG(forced.max_diff, 2), forced.count, TimeText(forced.min_t_ms),
                    TimeText(forced.max_t_ms)));
  }
  result->warnings.assign(warnings_.begin(), warnings_.end());
  result->infos.assign(infos_.begin(), infos_.end());
  result->stats = stats_;
}

Charge& Charge::operator=(Charge&& other) noexcept {
  if (this != &other) {
    Release();
    context_ = other.context_;
    samples_ = std::exchange(other.samples_, 0);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

absl::Status Charge::Add(int64_t samples, int64_t bytes) {
  RONDA_RETURN_IF_ERROR(context_->CheckRoom(samples, bytes));
  samples_ += samples;
  bytes_ += bytes;
  context_->held_samples_ += samples;
  context_->held_bytes_ += bytes;
  QueryStats& stats = context_->stats_;
  stats.peak_samples = std::max(stats.peak_samples, context_->held_samples_);
  stats.peak_bytes = std::max(stats.peak_bytes, context_->held_bytes_);
  return absl::OkStatus();
}

void Charge::Release() {
  context_->held_samples_ -= samples_;
  context_->held_bytes_ -= bytes_;
  samples_ = 0;
  bytes_ = 0;
}

}  // namespace ronda::promql
