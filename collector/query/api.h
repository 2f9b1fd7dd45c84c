// What can be asked of a collector or of its data folder. The CLI and everything like it use this
// one interface; LocalApi answers from a store, RemoteApi asks a collector over gRPC.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/query/live_status.h"
#include "collector/store/disk_space.h"
#include "common/model/labels.h"
#include "common/model/matcher.h"
#include "common/model/metric.h"

namespace ronda::query {

// A sample counts as a series' present value for so long.
inline constexpr int64_t kLookbackMs = 300'000;

// What "now" is for the data.
struct TimeBase {
  // The collector's clock; without a collector the time of the newest sample.
  int64_t now_ms = 0;
  // Read from a folder whose collector does not run: now_ms stands still.
  bool offline = false;
  // Read from a folder beside a collector that runs.
  bool beside_collector = false;
};

// See there what each state means.
using store::DiskState;
// "unknown", "ok", "soft", "hard".
std::string_view ToString(DiskState state);

struct CollectorStatus {
  std::string version;
  std::string data_dir;
  TimeBase time;
  std::optional<int64_t> uptime_ms;          // only of a running collector
  std::optional<double> samples_per_second;  // likewise
  int64_t newest_sample_ms = 0;              // 0: no data
  int64_t nodes_live = 0;
  int64_t nodes_silent = 0;
  int64_t nodes_stopped = 0;
  int64_t nodes_unknown = 0;
  int64_t series = 0;
  int64_t journal_bytes = 0;
  int64_t pending_bytes = 0;
  int64_t blocks = 0;
  int64_t block_bytes = 0;
  int64_t disk_free_bytes = 0;
  int64_t disk_total_bytes = 0;
  DiskState disk = DiskState::kUnknown;
  std::string journal_error;  // of the last commit; "" if it was fine
  double fsync_p99_ms = 0;
  int64_t commits = 0;
  int64_t commit_failures = 0;
  int64_t committed_frames = 0;
  int64_t sealed_blocks = 0;
  int64_t corrupt_journal_rows = 0;
  int64_t corrupt_blocks = 0;
  int64_t duplicate_samples = 0;
  int64_t conflicting_samples = 0;
  int64_t alerts_pending = 0;
  int64_t alerts_firing = 0;
  int64_t alerts_unknown = 0;
};

enum class NodeState {
  kUnknown = 0,
  kLive = 1,
  kSilent = 2,
  kStopped = 3,
  kMissing = 4,  // expected, and never came
  kRetired = 5,  // gone for good: nothing of it is alerted
};
// "unknown", "live", "silent", "stopped", "missing", "retired".
std::string_view ToString(NodeState state);

struct SourceStatus {
  std::string job;
  std::string instance;
  std::optional<bool> up;  // newest `up` of the last 5 minutes, if any
  bool operator==(const SourceStatus&) const = default;
};

struct NodeStatus {
  std::string name;
  NodeState state = NodeState::kUnknown;
  int64_t last_sample_ms = 0;  // 0: none
  int64_t first_seen_ms = 0;
  std::string agent_version;
  Labels labels;  // the node's own
  std::vector<SourceStatus> sources;
  std::optional<int64_t> clock_offset_ms;  // its clock minus the collector's
  int64_t gaps_24h = 0;                    // gaps that touch the last 24 h
  int64_t machine_changed_ms = 0;     // since when it is another machine than before; 0: it is not
  std::vector<Refused> refused = {};  // of a running collector
  bool operator==(const NodeStatus&) const = default;
};

struct MetricStatus {
  MetricInfo info;
  int64_t series = 0;
  bool operator==(const MetricStatus&) const = default;
};

struct SelectSpec {
  std::vector<Matcher> matchers;  // at least one that does not match the empty value
  int64_t start_ms = 0;  // raw: start < t <= end; with a step: start, start + step, ... <= end
  int64_t end_ms = 0;
  int64_t step_ms = 0;  // 0: raw samples
  bool instant =
      false;  // the newest sample in (end - kLookbackMs, end], unless stale; start unused
};

// Columns of equal length, times ascending. Raw columns hold the staleness markers (IsStale), which
// say where the series ended; stepped and instant ones do not.
struct SeriesData {
  Labels labels;
  MetricInfo metric;
  std::vector<int64_t> t_ms;
  std::vector<double> values;
  // Up to this time the samples are gone, and what is there is the last one of each minute or hour
  // (`thinned_ms`); of the whole answer. 0: none is.
  int64_t thinned_to_ms = 0;
  int64_t thinned_ms = 0;
};

// A PromQL expression: at one instant, or at start, start + step, ... <= end.
struct EvalSpec {
  std::string expr;
  int64_t start_ms = 0;
  int64_t end_ms = 0;   // of an instant, the instant
  int64_t step_ms = 0;  // 0: an instant
};

struct EvalResult {
  std::string type;  // "scalar", "string", "vector", "matrix"
  // In the expression's order (sort(), topk()), else by labels. A vector has a point a series.
  std::vector<SeriesData> series;
  std::string text;  // of a string
  std::vector<std::string> warnings;
  std::vector<std::string> infos;
  // What it cost.
  int64_t series_read = 0;
  int64_t samples_read = 0;
  int64_t minutes_read = 0;  // roll-ups of a minute, instead of the samples under them
  int64_t hours_read = 0;
  int64_t selects = 0;
  int64_t peak_bytes = 0;
  int64_t elapsed_us = 0;  // where it was evaluated
  // As in SeriesData.
  int64_t thinned_to_ms = 0;
  int64_t thinned_ms = 0;
};

struct ActiveAlert {
  std::string rule;
  std::string group;
  std::string node;
  std::string state;  // "pending", "firing", "unknown"
  std::string severity;
  Labels labels;
  int64_t active_at_ms = 0;
  int64_t fired_at_ms = 0;  // 0: never
  int64_t changed_at_ms = 0;
  double value = 0;
  std::string reason;
  std::string summary;
  std::vector<std::string> silenced_by = {};  // ids of the silences that match it now
  std::string held = {};                      // why its message is held back; "": it is not
  bool operator==(const ActiveAlert&) const = default;
};

// A silence, or a maintenance window (collector/mute/silence.h).
struct SilenceStatus {
  std::string id;
  std::string state;                  // "pending", "active", "expired"
  std::vector<std::string> matchers;  // node="web1"
  int64_t starts_ms = 0;
  int64_t ends_ms = 0;
  int64_t updated_ms = 0;
  std::string created_by;
  std::string comment;
  bool maintenance = false;
  std::string name;      // of a maintenance window
  int64_t matching = 0;  // alerts that fire now and that it matches
  bool operator==(const SilenceStatus&) const = default;
};

// A row of the alert log (AlertRecord() in common/model/record.h).
struct AlertEvent {
  int64_t t_ms = 0;
  std::string node;
  std::string rule;
  std::string group;
  std::string severity;
  std::string labels;  // as printed
  std::string from;
  std::string to;
  double value = 0;
  int64_t active_at_ms = 0;
  std::string reason;
  std::string summary;
  std::string rule_version = {};  // "": not known
  int64_t evidence_from_ms = 0;   // the time whose data says why; 0: not known
  int64_t evidence_to_ms = 0;
  bool operator==(const AlertEvent&) const = default;
};

// A hole in a node's samples (GapRecord() in common/model/record.h).
struct Gap {
  std::string node;
  int64_t from_ms = 0;
  int64_t to_ms = 0;  // 0: it lasts
  std::string group;  // "": all of the node
  std::string cause;
  std::string detail;
  bool operator==(const Gap&) const = default;
};

// Thread-safe. Errors: kInvalidArgument (the request), kResourceExhausted and kDeadlineExceeded
// (which limit was hit), kUnavailable (no collector there; the message says what to do).
class Api {
 public:
  virtual ~Api() = default;

  virtual absl::StatusOr<TimeBase> Time() = 0;
  virtual absl::StatusOr<CollectorStatus> Status() = 0;
  // By name; `only` "" means all. A name that is not known gives an empty list.
  virtual absl::StatusOr<std::vector<NodeStatus>> Nodes(std::string_view only) = 0;
  // By name; those of which a part of the name matches the regular expression ("" means all).
  virtual absl::StatusOr<std::vector<MetricStatus>> Metrics(std::string_view pattern,
                                                            bool count_series) = 0;
  // Calls `visit` once a series, in the order of their labels, until it returns false. Series
  // without samples are left out.
  virtual absl::Status Select(const SelectSpec& spec,
                              absl::FunctionRef<bool(SeriesData)> visit) = 0;
  // The series that match and may have samples with start <= t <= end, sorted. At least one matcher
  // must not match the empty value.
  virtual absl::StatusOr<std::vector<Labels>> Series(const std::vector<Matcher>& matchers,
                                                     int64_t start_ms, int64_t end_ms) = 0;
  // The value of an expression. `cancelled` may be null; set to true it ends the evaluation soon.
  // More errors: kInvalidArgument "LINE:COLUMN: ..." (the expression), kFailedPrecondition (it
  // cannot be evaluated on this data), kCancelled.
  virtual absl::StatusOr<EvalResult> Evaluate(const EvalSpec& spec,
                                              const std::atomic<bool>* cancelled) = 0;
  // The values of label `name` of the series that match and may have samples in the window, or, if
  // it is "", the names of their labels; sorted. No matchers: of all series.
  virtual absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                               const std::vector<Matcher>& matchers,
                                                               int64_t start_ms,
                                                               int64_t end_ms) = 0;
  // Firing first, then by rule and node.
  virtual absl::StatusOr<std::vector<ActiveAlert>> Alerts() = 0;
  // By their begin, then id; those that are over too with `expired`.
  virtual absl::StatusOr<std::vector<SilenceStatus>> Silences(bool expired) = 0;
  // Transitions with start <= t <= end, in order of time, until `visit` returns false.
  virtual absl::Status AlertLog(int64_t start_ms, int64_t end_ms, std::string_view node,
                                absl::FunctionRef<bool(AlertEvent)> visit) = 0;
  // Gaps that touch [start, end], by their begin.
  virtual absl::StatusOr<std::vector<Gap>> Gaps(int64_t start_ms, int64_t end_ms,
                                                std::string_view node) = 0;
};

}  // namespace ronda::query
