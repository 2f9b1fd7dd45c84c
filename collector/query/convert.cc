#include "collector/query/convert.h"

#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "ronda/v1/query.pb.h"

namespace ronda::query {
namespace {

// More would be an attack: the samplers' matchers are a handful.
constexpr int kMaxMatchers = 100;

using LabelList = google::protobuf::RepeatedPtrField<v1::LabelPair>;
using MatcherList = google::protobuf::RepeatedPtrField<v1::LabelMatcher>;

void LabelsToProto(const Labels& in, LabelList* out) {
  for (const Label& label : in.all()) {
    v1::LabelPair* pair = out->Add();
    pair->set_name(label.name);
    pair->set_value(label.value);
  }
}

Labels LabelsFromProto(const LabelList& in) {
  std::vector<Label> labels;
  labels.reserve(static_cast<size_t>(in.size()));
  for (const v1::LabelPair& pair : in) {
    labels.push_back({pair.name(), pair.value()});
  }
  return Labels(std::move(labels));
}

void MatchersToProto(const std::vector<Matcher>& in, MatcherList* out) {
  for (const Matcher& matcher : in) {
    v1::LabelMatcher* m = out->Add();
    m->set_type(static_cast<v1::LabelMatcher::Type>(matcher.type()));
    m->set_name(matcher.name());
    m->set_value(matcher.value());
  }
}

absl::StatusOr<std::vector<Matcher>> MatchersFromProto(const MatcherList& in) {
  if (in.size() > kMaxMatchers) {
    return Fail(absl::StatusCode::kInvalidArgument, "{} matchers are above the limit of {}",
                in.size(), kMaxMatchers);
  }
  std::vector<Matcher> out;
  for (const v1::LabelMatcher& m : in) {
    if (m.type() < v1::LabelMatcher::EQUAL || m.type() > v1::LabelMatcher::NOT_REGEX) {
      return Fail(absl::StatusCode::kInvalidArgument, "a matcher of type {}",
                  static_cast<int>(m.type()));
    }
    RONDA_ASSIGN_OR_RETURN(Matcher matcher,
                           Matcher::New(static_cast<Matcher::Type>(m.type()), m.name(), m.value()));
    out.push_back(std::move(matcher));
  }
  return out;
}

void InfoToProto(const MetricInfo& in, v1::MetricEntry* out) {
  out->set_name(in.name);
  out->set_type(static_cast<v1::MetricEntry::Type>(in.type));
  out->set_unit(in.unit);
  out->set_help(in.help);
}

MetricInfo InfoFromProto(const v1::MetricEntry& in) {
  MetricInfo out{in.name(), MetricType::kUnknown, in.unit(), in.help()};
  if (in.type() == v1::MetricEntry::COUNTER) {
    out.type = MetricType::kCounter;
  } else if (in.type() == v1::MetricEntry::GAUGE) {
    out.type = MetricType::kGauge;
  }
  return out;
}

DiskState DiskFromName(const std::string& name) {
  for (DiskState state : {DiskState::kOk, DiskState::kSoft, DiskState::kHard}) {
    if (ToString(state) == name) {
      return state;
    }
  }
  return DiskState::kUnknown;
}

void StoreToProto(const CollectorStatus& in, v1::StatusReply* out) {
  out->set_series(in.series);
  out->set_journal_bytes(in.journal_bytes);
  out->set_pending_bytes(in.pending_bytes);
  out->set_blocks(in.blocks);
  out->set_block_bytes(in.block_bytes);
  out->set_disk_free_bytes(in.disk_free_bytes);
  out->set_disk_total_bytes(in.disk_total_bytes);
  out->set_disk_state(std::string(ToString(in.disk)));
  out->set_journal_error(in.journal_error);
  out->set_fsync_p99_ms(in.fsync_p99_ms);
  out->set_commits(in.commits);
  out->set_commit_failures(in.commit_failures);
  out->set_committed_frames(in.committed_frames);
  out->set_sealed_blocks(in.sealed_blocks);
  out->set_corrupt_journal_rows(in.corrupt_journal_rows);
  out->set_corrupt_blocks(in.corrupt_blocks);
  out->set_duplicate_samples(in.duplicate_samples);
  out->set_conflicting_samples(in.conflicting_samples);
}

void StoreFromProto(const v1::StatusReply& in, CollectorStatus* out) {
  out->series = in.series();
  out->journal_bytes = in.journal_bytes();
  out->pending_bytes = in.pending_bytes();
  out->blocks = in.blocks();
  out->block_bytes = in.block_bytes();
  out->disk_free_bytes = in.disk_free_bytes();
  out->disk_total_bytes = in.disk_total_bytes();
  out->disk = DiskFromName(in.disk_state());
  out->journal_error = in.journal_error();
  out->fsync_p99_ms = in.fsync_p99_ms();
  out->commits = in.commits();
  out->commit_failures = in.commit_failures();
  out->committed_frames = in.committed_frames();
  out->sealed_blocks = in.sealed_blocks();
  out->corrupt_journal_rows = in.corrupt_journal_rows();
  out->corrupt_blocks = in.corrupt_blocks();
  out->duplicate_samples = in.duplicate_samples();
  out->conflicting_samples = in.conflicting_samples();
}

}  // namespace

void ToProto(const CollectorStatus& in, v1::StatusReply* out) {
  StoreToProto(in, out);
  out->set_version(in.version);
  out->set_data_dir(in.data_dir);
  out->set_now_ms(in.time.now_ms);
  if (in.uptime_ms.has_value()) {
    out->set_uptime_ms(*in.uptime_ms);
  }
  if (in.samples_per_second.has_value()) {
    out->set_samples_per_second(*in.samples_per_second);
  }
  out->set_newest_sample_ms(in.newest_sample_ms);
  out->set_nodes_live(in.nodes_live);
  out->set_nodes_silent(in.nodes_silent);
  out->set_nodes_stopped(in.nodes_stopped);
  out->set_nodes_unknown(in.nodes_unknown);
  out->set_alerts_pending(in.alerts_pending);
  out->set_alerts_firing(in.alerts_firing);
  out->set_alerts_unknown(in.alerts_unknown);
}

CollectorStatus FromProto(const v1::StatusReply& in) {
  CollectorStatus out;
  StoreFromProto(in, &out);
  out.version = in.version();
  out.data_dir = in.data_dir();
  out.time.now_ms = in.now_ms();
  if (in.has_uptime_ms()) {
    out.uptime_ms = in.uptime_ms();
  }
  if (in.has_samples_per_second()) {
    out.samples_per_second = in.samples_per_second();
  }
  out.newest_sample_ms = in.newest_sample_ms();
  out.nodes_live = in.nodes_live();
  out.nodes_silent = in.nodes_silent();
  out.nodes_stopped = in.nodes_stopped();
  out.nodes_unknown = in.nodes_unknown();
  out.alerts_pending = in.alerts_pending();
  out.alerts_firing = in.alerts_firing();
  out.alerts_unknown = in.alerts_unknown();
  return out;
}

void ToProto(const NodeStatus& in, v1::NodeEntry* out) {
  out->set_name(in.name);
  out->set_state(static_cast<v1::NodeEntry::State>(in.state));
  out->set_last_sample_ms(in.last_sample_ms);
  out->set_first_seen_ms(in.first_seen_ms);
  out->set_agent_version(in.agent_version);
  LabelsToProto(in.labels, out->mutable_label());
  for (const SourceStatus& source : in.sources) {
    v1::SourceEntry* entry = out->add_source();
    entry->set_job(source.job);
    entry->set_instance(source.instance);
    if (source.up.has_value()) {
      entry->set_up(*source.up);
    }
  }
  if (in.clock_offset_ms.has_value()) {
    out->set_clock_offset_ms(*in.clock_offset_ms);
  }
  out->set_gaps_24h(in.gaps_24h);
  out->set_machine_changed_ms(in.machine_changed_ms);
  for (const Refused& refused : in.refused) {
    v1::RefusedEntry* entry = out->add_refused();
    entry->set_cause(refused.cause);
    entry->set_count(refused.count);
    entry->set_last_ms(refused.last_ms);
    entry->set_detail(refused.detail);
  }
}

NodeStatus FromProto(const v1::NodeEntry& in) {
  NodeStatus out;
  out.name = in.name();
  for (NodeState state : {NodeState::kLive, NodeState::kSilent, NodeState::kStopped,
                          NodeState::kMissing, NodeState::kRetired}) {
    if (static_cast<int>(state) == in.state()) {
      out.state = state;
    }
  }
  out.last_sample_ms = in.last_sample_ms();
  out.first_seen_ms = in.first_seen_ms();
  out.agent_version = in.agent_version();
  out.labels = LabelsFromProto(in.label());
  for (const v1::SourceEntry& entry : in.source()) {
    SourceStatus& source = out.sources.emplace_back();
    source.job = entry.job();
    source.instance = entry.instance();
    if (entry.has_up()) {
      source.up = entry.up();
    }
  }
  if (in.has_clock_offset_ms()) {
    out.clock_offset_ms = in.clock_offset_ms();
  }
  out.gaps_24h = in.gaps_24h();
  out.machine_changed_ms = in.machine_changed_ms();
  for (const v1::RefusedEntry& entry : in.refused()) {
    out.refused.push_back({entry.cause(), entry.count(), entry.last_ms(), entry.detail()});
  }
  return out;
}

void ToProto(const MetricStatus& in, v1::MetricEntry* out) {
  InfoToProto(in.info, out);
  out->set_series(in.series);
}

MetricStatus FromProto(const v1::MetricEntry& in) { return {InfoFromProto(in), in.series()}; }

void ToProto(const SelectSpec& in, v1::SelectRequest* out) {
  MatchersToProto(in.matchers, out->mutable_matcher());
  out->set_start_ms(in.start_ms);
  out->set_end_ms(in.end_ms);
  out->set_step_ms(in.step_ms);
  out->set_instant(in.instant);
}

absl::StatusOr<SelectSpec> FromProto(const v1::SelectRequest& in) {
  SelectSpec out;
  RONDA_ASSIGN_OR_RETURN(out.matchers, MatchersFromProto(in.matcher()));
  out.start_ms = in.start_ms();
  out.end_ms = in.end_ms();
  out.step_ms = in.step_ms();
  out.instant = in.instant();
  return out;
}

void ToProto(const SelectSpec& in, v1::ListSeriesRequest* out) {
  MatchersToProto(in.matchers, out->mutable_matcher());
  out->set_start_ms(in.start_ms);
  out->set_end_ms(in.end_ms);
}

absl::StatusOr<SelectSpec> FromProto(const v1::ListSeriesRequest& in) {
  SelectSpec out;
  RONDA_ASSIGN_OR_RETURN(out.matchers, MatchersFromProto(in.matcher()));
  out.start_ms = in.start_ms();
  out.end_ms = in.end_ms();
  return out;
}

void ToProto(const SelectSpec& in, v1::ListLabelsRequest* out) {
  MatchersToProto(in.matchers, out->mutable_matcher());
  out->set_start_ms(in.start_ms);
  out->set_end_ms(in.end_ms);
}

absl::StatusOr<SelectSpec> FromProto(const v1::ListLabelsRequest& in) {
  SelectSpec out;
  RONDA_ASSIGN_OR_RETURN(out.matchers, MatchersFromProto(in.matcher()));
  out.start_ms = in.start_ms();
  out.end_ms = in.end_ms();
  return out;
}

void ToProto(const std::string& in, v1::LabelText* out) { out->set_text(in); }

std::string FromProto(const v1::LabelText& in) { return in.text(); }

void ToProto(const EvalSpec& in, v1::EvaluateRequest* out) {
  out->set_expr(in.expr);
  out->set_start_ms(in.start_ms);
  out->set_end_ms(in.end_ms);
  out->set_step_ms(in.step_ms);
}

EvalSpec FromProto(const v1::EvaluateRequest& in) {
  return {in.expr(), in.start_ms(), in.end_ms(), in.step_ms()};
}

void ToProto(const EvalResult& in, v1::EvaluateHead* out) {
  out->set_type(in.type);
  out->set_text(in.text);
  for (const std::string& warning : in.warnings) {
    out->add_warning(warning);
  }
  for (const std::string& info : in.infos) {
    out->add_info(info);
  }
  out->set_series_read(in.series_read);
  out->set_samples_read(in.samples_read);
  out->set_minutes_read(in.minutes_read);
  out->set_hours_read(in.hours_read);
  out->set_selects(in.selects);
  out->set_peak_bytes(in.peak_bytes);
  out->set_elapsed_us(in.elapsed_us);
  out->set_thinned_to_ms(in.thinned_to_ms);
  out->set_thinned_ms(in.thinned_ms);
}

EvalResult FromProto(const v1::EvaluateHead& in) {
  EvalResult out;
  out.type = in.type();
  out.text = in.text();
  out.warnings.assign(in.warning().begin(), in.warning().end());
  out.infos.assign(in.info().begin(), in.info().end());
  out.series_read = in.series_read();
  out.samples_read = in.samples_read();
  out.minutes_read = in.minutes_read();
  out.hours_read = in.hours_read();
  out.selects = in.selects();
  out.peak_bytes = in.peak_bytes();
  out.elapsed_us = in.elapsed_us();
  out.thinned_to_ms = in.thinned_to_ms();
  out.thinned_ms = in.thinned_ms();
  return out;
}

void ToProto(const Labels& in, v1::SeriesEntry* out) { LabelsToProto(in, out->mutable_label()); }

Labels FromProto(const v1::SeriesEntry& in) { return LabelsFromProto(in.label()); }

void ToProto(const ActiveAlert& in, v1::ActiveAlertEntry* out) {
  out->set_rule(in.rule);
  out->set_group(in.group);
  out->set_node(in.node);
  out->set_state(in.state);
  out->set_severity(in.severity);
  LabelsToProto(in.labels, out->mutable_label());
  out->set_active_at_ms(in.active_at_ms);
  out->set_fired_at_ms(in.fired_at_ms);
  out->set_changed_at_ms(in.changed_at_ms);
  out->set_value(in.value);
  out->set_reason(in.reason);
  out->set_summary(in.summary);
  for (const std::string& id : in.silenced_by) {
    out->add_silenced_by(id);
  }
  out->set_held(in.held);
}

ActiveAlert FromProto(const v1::ActiveAlertEntry& in) {
  return {in.rule(),
          in.group(),
          in.node(),
          in.state(),
          in.severity(),
          LabelsFromProto(in.label()),
          in.active_at_ms(),
          in.fired_at_ms(),
          in.changed_at_ms(),
          in.value(),
          in.reason(),
          in.summary(),
          {in.silenced_by().begin(), in.silenced_by().end()},
          in.held()};
}

void ToProto(const SilenceStatus& in, v1::SilenceEntry* out) {
  out->set_id(in.id);
  out->set_state(in.state);
  for (const std::string& matcher : in.matchers) {
    out->add_matcher(matcher);
  }
  out->set_starts_ms(in.starts_ms);
  out->set_ends_ms(in.ends_ms);
  out->set_updated_ms(in.updated_ms);
  out->set_created_by(in.created_by);
  out->set_comment(in.comment);
  out->set_maintenance(in.maintenance);
  out->set_name(in.name);
  out->set_matching(in.matching);
}

SilenceStatus FromProto(const v1::SilenceEntry& in) {
  return {in.id(),         in.state(),   {in.matcher().begin(), in.matcher().end()},
          in.starts_ms(),  in.ends_ms(), in.updated_ms(),
          in.created_by(), in.comment(), in.maintenance(),
          in.name(),       in.matching()};
}

void ToProto(const AlertEvent& in, v1::AlertTransition* out) {
  out->set_t_ms(in.t_ms);
  out->set_node(in.node);
  out->set_rule(in.rule);
  out->set_group(in.group);
  out->set_severity(in.severity);
  out->set_labels(in.labels);
  out->set_from(in.from);
  out->set_to(in.to);
  out->set_value(in.value);
  out->set_active_at_ms(in.active_at_ms);
  out->set_reason(in.reason);
  out->set_summary(in.summary);
  out->set_rule_version(in.rule_version);
  out->set_evidence_from_ms(in.evidence_from_ms);
  out->set_evidence_to_ms(in.evidence_to_ms);
}

AlertEvent FromProto(const v1::AlertTransition& in) {
  return {in.t_ms(),          in.node(),
          in.rule(),          in.group(),
          in.severity(),      in.labels(),
          in.from(),          in.to(),
          in.value(),         in.active_at_ms(),
          in.reason(),        in.summary(),
          in.rule_version(),  in.evidence_from_ms(),
          in.evidence_to_ms()};
}

void ToProto(const Gap& in, v1::GapEntry* out) {
  out->set_node(in.node);
  out->set_from_ms(in.from_ms);
  out->set_to_ms(in.to_ms);
  out->set_group(in.group);
  out->set_cause(in.cause);
  out->set_detail(in.detail);
}

Gap FromProto(const v1::GapEntry& in) {
  return {in.node(), in.from_ms(), in.to_ms(), in.group(), in.cause(), in.detail()};
}

void ToProto(const SeriesData& in, size_t first, size_t count, v1::SeriesChunk* out) {
  if (first == 0) {
    out->set_first(true);
    LabelsToProto(in.labels, out->mutable_label());
    InfoToProto(in.metric, out->mutable_metric());
    out->set_thinned_to_ms(in.thinned_to_ms);
    out->set_thinned_ms(in.thinned_ms);
  }
  int64_t previous = 0;
  for (size_t i = first; i < first + count; ++i) {
    out->add_t_delta_ms(in.t_ms[i] - previous);
    previous = in.t_ms[i];
    out->add_value(in.values[i]);
  }
}

absl::Status AppendChunk(const v1::SeriesChunk& in, SeriesData* out) {
  if (in.t_delta_ms_size() != in.value_size()) {
    return Fail(absl::StatusCode::kDataLoss, "a part of a series has {} times and {} values",
                in.t_delta_ms_size(), in.value_size());
  }
  if (in.first()) {
    out->labels = LabelsFromProto(in.label());
    out->metric = InfoFromProto(in.metric());
    out->thinned_to_ms = in.thinned_to_ms();
    out->thinned_ms = in.thinned_ms();
  }
  int64_t t_ms = 0;
  for (int i = 0; i < in.value_size(); ++i) {
    if (__builtin_add_overflow(t_ms, in.t_delta_ms(i), &t_ms) ||
        (!out->t_ms.empty() && t_ms <= out->t_ms.back())) {
      return Fail(absl::StatusCode::kDataLoss, "the times of series {} do not ascend",
                  out->labels.ToString());
    }
    out->t_ms.push_back(t_ms);
    out->values.push_back(in.value(i));
  }
  return absl::OkStatus();
}

}  // namespace ronda::query
