#include "collector/query/local_api.h"

#include <algorithm>
#include <map>
#include <utility>

#include "collector/query/evaluate.h"
#include "collector/query/gap_series.h"
#include "collector/query/node_view.h"
#include "collector/query/record_view.h"
#include "collector/query/silence_view.h"
#include "collector/store/hole.h"
#include "common/base/status.h"
#include "common/base/version.h"

namespace ronda::query {
namespace {

constexpr int64_t kDayMs = 86'400'000;

void FillStore(const store::StoreStats& stats, CollectorStatus* out) {
  out->series = stats.series;
  out->journal_bytes = stats.journal_bytes;
  out->pending_bytes = stats.pending_bytes;
  out->blocks = stats.blocks;
  out->block_bytes = stats.block_bytes;
  out->fsync_p99_ms = stats.fsync_p99_ms;
  out->journal_error = std::string(Message(stats.journal_status));
  out->commits = stats.counters.commits;
  out->commit_failures = stats.counters.commit_failures;
  out->committed_frames = stats.counters.committed_frames;
  out->sealed_blocks = stats.counters.sealed_blocks;
  out->corrupt_journal_rows = stats.counters.corrupt_journal_rows;
  out->corrupt_blocks = stats.counters.corrupt_blocks;
  out->duplicate_samples = stats.counters.duplicate_samples;
  out->conflicting_samples = stats.counters.conflicting_samples;
}

// What the collector goes by; without one, what it would.
void FillDisk(const store::StoreStats& stats, const std::string& dir, CollectorStatus* out) {
  store::DiskUse use = stats.disk_use;
  out->disk = stats.disk;
  if (out->disk == DiskState::kUnknown) {
    use = store::MeasureDisk(dir).value_or(store::DiskUse{});
    out->disk = store::JudgeDisk(use);
  }
  out->disk_free_bytes = use.free_bytes;
  out->disk_total_bytes = use.total_bytes;
}

void CountNodes(const std::vector<NodeStatus>& nodes, CollectorStatus* out) {
  for (const NodeStatus& node : nodes) {
    switch (node.state) {
      case NodeState::kLive:
        ++out->nodes_live;
        break;
      case NodeState::kRetired:
        break;
      case NodeState::kMissing:
      case NodeState::kSilent:
        ++out->nodes_silent;
        break;
      case NodeState::kStopped:
        ++out->nodes_stopped;
        break;
      case NodeState::kUnknown:
        ++out->nodes_unknown;
        break;
    }
    out->newest_sample_ms = std::max(out->newest_sample_ms, node.last_sample_ms);
  }
}

void CountAlerts(const std::vector<ActiveAlert>& alerts, CollectorStatus* out) {
  for (const ActiveAlert& alert : alerts) {
    if (alert.state == "firing") {
      ++out->alerts_firing;
    } else if (alert.state == "unknown") {
      ++out->alerts_unknown;
    } else {
      ++out->alerts_pending;
    }
  }
}

}  // namespace

LocalApi::LocalApi(const store::Store& store, const LiveStatus* live, const Clock& clock,
                   Options options)
    : store_(store), live_(live), clock_(clock), options_(std::move(options)) {}

absl::StatusOr<TimeBase> LocalApi::Time() {
  if (live_ != nullptr) {
    return TimeBase{clock_.NowMs(), false, false};
  }
  if (store_.live()) {
    return TimeBase{clock_.NowMs(), false, true};
  }
  RONDA_ASSIGN_OR_RETURN(const int64_t newest_ms, NewestSampleMs(store_, clock_.NowMs()));
  return TimeBase{newest_ms > 0 ? newest_ms : clock_.NowMs(), true, false};
}

absl::StatusOr<CollectorStatus> LocalApi::Status() {
  CollectorStatus status;
  RONDA_ASSIGN_OR_RETURN(status.time, Time());
  status.version = Version();
  status.data_dir = options_.data_dir;
  if (live_ != nullptr) {
    const ProcessFacts facts = live_->Process();
    status.uptime_ms = status.time.now_ms - facts.started_ms;
    status.samples_per_second = facts.samples_per_second;
  }
  const store::StoreStats stats = store_.Stats();
  FillStore(stats, &status);
  FillDisk(stats, options_.data_dir, &status);
  RONDA_ASSIGN_OR_RETURN(const std::vector<NodeStatus> nodes,
                         ViewNodes(store_, live_, status.time, ""));
  CountNodes(nodes, &status);
  RONDA_ASSIGN_OR_RETURN(const std::vector<ActiveAlert> alerts,
                         ReadActiveAlerts(store_, status.time.now_ms));
  CountAlerts(alerts, &status);
  return status;
}

absl::StatusOr<std::vector<NodeStatus>> LocalApi::Nodes(std::string_view only) {
  RONDA_ASSIGN_OR_RETURN(const TimeBase time, Time());
  RONDA_ASSIGN_OR_RETURN(std::vector<NodeStatus> nodes, ViewNodes(store_, live_, time, only));
  RONDA_ASSIGN_OR_RETURN(std::vector<Gap> gaps,
                         ReadGaps(store_, time.now_ms - kDayMs, time.now_ms, only));
  RONDA_RETURN_IF_ERROR(AddHoles(store_, time.now_ms - kDayMs, time.now_ms, only, &gaps));
  AddOpenGaps(nodes, &gaps);
  std::map<std::string, int64_t, std::less<>> count;
  for (const Gap& gap : gaps) {
    count[gap.node] += gap.cause == store::kLateCause ? 0 : 1;
  }
  for (NodeStatus& node : nodes) {
    node.gaps_24h = count[node.name];
  }
  return nodes;
}

absl::StatusOr<std::vector<MetricStatus>> LocalApi::Metrics(std::string_view pattern,
                                                            bool count_series) {
  std::string anywhere;
  for (std::string_view part : {std::string_view(".*(?:"), pattern, std::string_view(").*")}) {
    anywhere += part;
  }
  absl::StatusOr<Matcher> matcher =
      Matcher::New(Matcher::Type::kRegex, std::string(kMetricName), anywhere);
  if (!matcher.ok()) {
    return Annotate(matcher.status(), "pattern of metric names");
  }
  const int64_t deadline_ms = clock_.MonotonicMs() + options_.limits.max_ms;
  std::vector<MetricStatus> result;
  for (MetricInfo& info : store_.Metrics()) {
    if (!matcher->Matches(info.name)) {
      continue;
    }
    if (clock_.MonotonicMs() > deadline_ms) {
      return Fail(absl::StatusCode::kDeadlineExceeded,
                  "counting series took longer than the limit of {} s: give a narrower pattern",
                  options_.limits.max_ms / 1000);
    }
    MetricStatus& status = result.emplace_back();
    if (count_series) {
      RONDA_ASSIGN_OR_RETURN(const std::vector<Labels> series,
                             store_.Series({Matcher::Equal(std::string(kMetricName), info.name)}, 0,
                                           clock_.NowMs() + kDayMs));
      status.series = static_cast<int64_t>(series.size());
    }
    status.info = std::move(info);
  }
  return result;
}

template <typename Ask>
auto LocalApi::AskData(bool gaps, Ask ask) -> decltype(ask(std::declval<const store::Store&>())) {
  if (!gaps) {
    return ask(store_);
  }
  RONDA_ASSIGN_OR_RETURN(const TimeBase time, Time());
  return ask(WithGaps(
      store_, [this](int64_t start_ms, int64_t end_ms) { return Gaps(start_ms, end_ms, ""); },
      time.now_ms));
}

absl::Status LocalApi::Select(const SelectSpec& spec, absl::FunctionRef<bool(SeriesData)> visit) {
  return AskData(SelectsGaps(spec.matchers), [&](const store::Queryable& data) {
    return SelectSeries(data, clock_, options_.limits, spec, visit);
  });
}

absl::StatusOr<std::vector<Labels>> LocalApi::Series(const std::vector<Matcher>& matchers,
                                                     int64_t start_ms, int64_t end_ms) {
  RONDA_RETURN_IF_ERROR(CheckNarrows(matchers));
  return AskData(SelectsGaps(matchers), [&](const store::Queryable& data) {
    return data.Series(matchers, start_ms, end_ms);
  });
}

absl::StatusOr<EvalResult> LocalApi::Evaluate(const EvalSpec& spec,
                                              const std::atomic<bool>* cancelled) {
  return AskData(MentionsGaps(spec.expr), [&](const store::Queryable& data) {
    return EvaluateExpression(data, clock_, options_.limits, spec, cancelled);
  });
}

absl::StatusOr<std::vector<std::string>> LocalApi::LabelValues(std::string_view name,
                                                               const std::vector<Matcher>& matchers,
                                                               int64_t start_ms, int64_t end_ms) {
  return AskData(SelectsGaps(matchers), [&](const store::Queryable& data) {
    return name.empty() ? data.LabelNames(matchers, start_ms, end_ms)
                        : data.LabelValues(name, matchers, start_ms, end_ms);
  });
}

absl::StatusOr<std::vector<ActiveAlert>> LocalApi::Alerts() {
  RONDA_ASSIGN_OR_RETURN(const TimeBase time, Time());
  return ReadActiveAlerts(store_, time.now_ms);
}

absl::StatusOr<std::vector<SilenceStatus>> LocalApi::Silences(bool expired) {
  RONDA_ASSIGN_OR_RETURN(const TimeBase time, Time());
  return ReadSilences(store_, time.now_ms, expired);
}

absl::Status LocalApi::AlertLog(int64_t start_ms, int64_t end_ms, std::string_view node,
                                absl::FunctionRef<bool(AlertEvent)> visit) {
  return ReadAlertLog(store_, start_ms, end_ms, node, visit);
}

absl::StatusOr<std::vector<Gap>> LocalApi::Gaps(int64_t start_ms, int64_t end_ms,
                                                std::string_view node) {
  RONDA_ASSIGN_OR_RETURN(const TimeBase time, Time());
  RONDA_ASSIGN_OR_RETURN(std::vector<Gap> gaps, ReadGaps(store_, start_ms, end_ms, node));
  RONDA_RETURN_IF_ERROR(AddHoles(store_, start_ms, end_ms, node, &gaps));
  RONDA_ASSIGN_OR_RETURN(std::vector<NodeStatus> nodes, ViewNodes(store_, live_, time, node));
  // A gap that is open now lasts beyond every window: it touches those that end after its begin.
  std::erase_if(nodes, [end_ms](const NodeStatus& n) { return n.last_sample_ms > end_ms; });
  AddOpenGaps(nodes, &gaps);
  return gaps;
}

}  // namespace ronda::query
