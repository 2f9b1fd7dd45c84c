// The part of a session that holds an agent to its limits, and says what it refuses.
// Tested by tests/unit/collector/ingest/limits_test.cc.
#include <algorithm>
#include <utility>

#include "collector/ingest/session.h"
#include "common/base/status.h"
#include "common/obs/log.h"
#include "ronda/v1/ingest.pb.h"

namespace ronda::ingest {
namespace {

constexpr int64_t kPauseToldMs = 60'000;
// What is owed beyond is waited for after the next message: the end of a stream is only heard
// between pauses.
constexpr int64_t kMaxPauseMs = 10'000;
// After each message of an import, while backfill has to wait; far below the pace of sealing.
constexpr int64_t kImportPauseMs = 200;
constexpr int64_t kRefusedLogMs = 60'000;
// What the work for a message costs beside its samples, in samples.
constexpr double kMessageCost = 100;

v1::Reject::Reason ReasonOf(Refusal refusal, const absl::Status& why) {
  switch (refusal) {
    case Refusal::kVersion:
      return v1::Reject::UNSUPPORTED_VERSION;
    case Refusal::kMessageSize:
      return v1::Reject::TOO_LARGE;
    case Refusal::kLabels:
      return why.code() == absl::StatusCode::kResourceExhausted ? v1::Reject::TOO_LARGE
                                                                : v1::Reject::RESERVED_LABEL;
    case Refusal::kSeries:
    case Refusal::kNewSeries:
      return v1::Reject::TOO_MANY_SERIES;
    case Refusal::kRate:
      return v1::Reject::RATE;
    case Refusal::kClock:
      return v1::Reject::FROM_THE_FUTURE;
    case Refusal::kOutOfOrder:
      return v1::Reject::OUT_OF_ORDER;
    default:
      return v1::Reject::DAMAGED;
  }
}

}  // namespace

absl::Status Session::CheckSchema(const Schema& schema, Refusal* refusal) const {
  *refusal = Refusal::kSeries;
  if (schema.series.size() > limits_.max_series) {
    return Fail(absl::StatusCode::kResourceExhausted,
                "{} series, limits.max_series of collector.yml allows {}", schema.series.size(),
                limits_.max_series);
  }
  *refusal = Refusal::kLabels;
  for (const MetricInfo& metric : schema.metrics) {
    if (metric.name.size() > limits_.max_label_name_bytes) {
      return Fail(absl::StatusCode::kResourceExhausted,
                  "the metric {} has a name of {} bytes, limits.max_label_name of collector.yml "
                  "allows {}",
                  metric.name, metric.name.size(), limits_.max_label_name_bytes);
    }
  }
  for (const Schema::Series& series : schema.series) {
    const std::string& metric = schema.metrics[series.metric].name;
    if (series.labels.size() > limits_.max_labels) {
      return Fail(absl::StatusCode::kResourceExhausted,
                  "a series of {} has {} labels, limits.max_labels of collector.yml allows {}",
                  metric, series.labels.size(), limits_.max_labels);
    }
    for (const Label& label : series.labels.all()) {
      if (label.name.size() > limits_.max_label_name_bytes) {
        return Fail(absl::StatusCode::kResourceExhausted,
                    "the label {} of {} has a name of {} bytes, limits.max_label_name of "
                    "collector.yml allows {}",
                    label.name, metric, label.name.size(), limits_.max_label_name_bytes);
      }
      if (label.value.size() > limits_.max_label_value_bytes) {
        return Fail(absl::StatusCode::kResourceExhausted,
                    "the label {} of {} has a value of {} bytes, limits.max_label_value of "
                    "collector.yml allows {}",
                    label.name, metric, label.value.size(), limits_.max_label_value_bytes);
      }
      if (!node_labels_.Get(label.name).empty()) {
        return Fail(absl::StatusCode::kInvalidArgument,
                    "the node's label {} is also a label of {}: rename it in agent.yml", label.name,
                    metric);
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Session::CheckRun(const GroupIdentity& group, const SchemaHash& hash,
                               const std::shared_ptr<const Schema>& schema, Refusal* refusal) {
  const auto before = series_.find(group);
  *refusal = Refusal::kSeries;
  if (before == series_.end() && series_.size() >= limits_.max_groups) {
    return Fail(absl::StatusCode::kResourceExhausted, "more than {} groups", limits_.max_groups);
  }
  if (import_) {
    return absl::OkStatus();
  }
  const size_t had = before == series_.end() ? 0 : before->second;
  if (const size_t all = all_series_ - had + schema->series.size(); all > limits_.max_series) {
    return Fail(absl::StatusCode::kResourceExhausted,
                "with the {} series of the group {} the node has {}, limits.max_series of "
                "collector.yml allows {}",
                schema->series.size(), group.name, all, limits_.max_series);
  }
  if (account_->Had(group, hash)) {
    return absl::OkStatus();
  }
  *refusal = Refusal::kNewSeries;
  const size_t added = account_->CountNew(group, *schema, pipeline_.LastSchema(node_, group).get());
  int64_t wait_ms = 0;
  if (!account_->TakeNewSeries(added, static_cast<double>(limits_.max_new_series),
                               static_cast<double>(limits_.max_series + limits_.max_new_series),
                               clock_.MonotonicMs(), &wait_ms)) {
    absl::Status why =
        Fail(absl::StatusCode::kResourceExhausted,
             "{} new series of the group {}, limits.max_new_series of collector.yml allows {} a "
             "minute: taken in {} s at the earliest",
             added, group.name, limits_.max_new_series, (wait_ms + 999) / 1000);
    RefuseSchema(hash, {Refusal::kNewSeries, why, clock_.MonotonicMs() + wait_ms});
    return why;
  }
  account_->Remember(group, hash, schema);
  return absl::OkStatus();
}

void Session::RefuseSchema(const SchemaHash& hash, RefusedSchema refused) {
  if (refused_schemas_.size() >= limits_.max_schemas) {
    refused_schemas_.clear();  // they are judged again
  }
  refused_schemas_[hash] = std::move(refused);
}

absl::Status Session::BeginRun(const codec::SampleRunDecoder& frame, Group& group,
                               Refusal* refusal) {
  const SchemaHash& hash = frame.schema_hash();
  const GroupIdentity& identity = frame.identity();
  *refusal = Refusal::kDamaged;
  if (frame.values().size() != group.schema->series.size()) {
    return Fail(absl::StatusCode::kDataLoss, "{} values for a schema of {} series",
                frame.values().size(), group.schema->series.size());
  }
  if (!checked_.contains(hash)) {
    if (absl::Status fits = CheckSchema(*group.schema, refusal); !fits.ok()) {
      RefuseSchema(hash, {*refusal, fits});
      return fits;
    }
  }
  if (identity.job.empty() || identity.name.empty()) {
    *refusal = Refusal::kLabels;
    return Fail(absl::StatusCode::kInvalidArgument, "a group without a name or a job");
  }
  RONDA_RETURN_IF_ERROR(CheckRun(identity, hash, group.schema, refusal));
  checked_.insert(hash);
  size_t& series = series_[identity];
  all_series_ += group.schema->series.size() - series;
  series = group.schema->series.size();
  return absl::OkStatus();
}

// Frames of one message that are refused for one reason are one answer, so that a message of a
// hundred thousand bad ones is no hundred thousand answers.
void Session::RejectFrame(uint64_t epoch, uint64_t seq, Refusal refusal, const absl::Status& why) {
  const v1::Reject::Reason reason = ReasonOf(refusal, why);
  const uint64_t said_epoch = epoch == epoch_.id ? 0 : epoch;
  if (rejects_.empty() || rejects_.back().reject().reason() != reason ||
      rejects_.back().reject().epoch() != said_epoch ||
      rejects_.back().reject().range().empty() != (seq == 0)) {
    v1::Reject* reject = rejects_.emplace_back().mutable_reject();
    reject->set_reason(reason);
    reject->set_detail(std::string(Message(why)));
    reject->set_epoch(said_epoch);
  }
  v1::Reject* reject = rejects_.back().mutable_reject();
  if (seq != 0) {
    if (reject->range().empty() || seq != reject->range().rbegin()->last() + 1) {
      reject->add_range()->set_first(seq);
    }
    reject->mutable_range()->rbegin()->set_last(seq);
  }
  Note(refusal, why);
  // The first at once, then one line a minute with their number.
  ++refused_since_log_;
  const int64_t now = clock_.MonotonicMs();
  if (refused_log_ms_ != 0 && now - refused_log_ms_ < kRefusedLogMs) {
    return;
  }
  obs::Warn("ingest", "refused frames node={} peer={} count={} last_seq={} cause={} detail=\"{}\"",
            node_name_, peer_, refused_since_log_, seq, ToString(refusal), Message(why));
  refused_log_ms_ = now;
  refused_since_log_ = 0;
}

void Session::SendRejects() {
  for (v1::CollectorMessage& message : rejects_) {
    outlet_.send(std::move(message));
  }
  rejects_.clear();
}

void Session::Note(Refusal refusal, const absl::Status& why) {
  if (account_ == nullptr) {
    pipeline_.NoteRefusal(node_name_, refusal, Message(why));
    return;
  }
  pipeline_.refusals().Add(refusal, 1);
  account_->Note(refusal, 1, Message(why), clock_.NowMs());
}

void Session::Refuse(Refusal refusal, const absl::Status& why) {
  SendRejects();
  Note(refusal, why);
  if (joined_) {
    obs::Warn("ingest", "ended a stream node={} peer={} cause={} detail=\"{}\"", node_name_, peer_,
              ToString(refusal), Message(why));
  }
  Close(why);
}

void Session::BeginMessage() {
  message_ = ++messages_;
  message_samples_ = 0;
  Charge(kMessageCost);
}

void Session::Charge(double samples) { charged_ += samples; }

int64_t Session::TakePause() {
  const double charged = std::exchange(charged_, 0);
  if (import_) {
    // It has no credit that could be kept back: it stops when nobody reads.
    return pipeline_.TakesBackfill() ? 0 : kImportPauseMs;
  }
  if (account_ == nullptr || over_) {
    return 0;
  }
  const int64_t now = clock_.MonotonicMs();
  const int64_t pause_ms = account_->Charge(charged, limits_.max_samples, now);
  if (pause_ms > 0 && (pause_told_ms_ == 0 || now - pause_told_ms_ >= kPauseToldMs)) {
    pause_told_ms_ = now;
    const absl::Status why =
        Fail(absl::StatusCode::kResourceExhausted,
             "the node sends more than the {} samples a second that limits.max_samples of "
             "collector.yml allows: it is read more slowly, and keeps the rest",
             limits_.max_samples);
    RejectFrame(epoch_.id, 0, Refusal::kRate, why);
    SendRejects();
  }
  return std::min(pause_ms, kMaxPauseMs);
}

}  // namespace ronda::ingest
