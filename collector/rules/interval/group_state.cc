#include "collector/rules/interval/group_state.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/status.h"

namespace ronda::rules {
namespace {

int64_t SteadyUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

uint64_t Hash(std::string_view text) {
  uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) {
    hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211ULL;
  }
  return hash ^ (hash >> 29);
}

// What query() of a template gives.
absl::StatusOr<tmpl::Value::Samples> QueryForText(std::string_view expr, int64_t t_ms,
                                                  const GroupState::Tools& tools) {
  RONDA_ASSIGN_OR_RETURN(const promql::QueryResult result,
                         promql::Engine(tools.data).Instant(expr, t_ms, tools.query));
  tmpl::Value::Samples samples;
  for (const promql::Series& series : result.series) {
    if (!series.values.empty()) {
      samples.push_back({series.labels, series.values.back()});
    }
  }
  return samples;
}

}  // namespace

GroupState::GroupState(const RuleFile& file, const RuleGroup& group) : file_(file), group_(group) {
  rules_.reserve(group.rules.size());
  for (const Rule& rule : group.rules) {
    rules_.emplace_back(group, rule);
  }
  health_.rules.resize(rules_.size());
}

int64_t GroupState::OffsetMs() const {
  return static_cast<int64_t>(Hash(file_.path + ";" + group_.name) %
                              static_cast<uint64_t>(group_.IntervalMs()));
}

void GroupState::Schedule(int64_t now_ms) {
  const int64_t interval_ms = group_.IntervalMs();
  const int64_t offset_ms = OffsetMs();
  next_ms_ = (now_ms - offset_ms) / interval_ms * interval_ms + offset_ms;
  next_ms_ += next_ms_ <= now_ms ? interval_ms : 0;
}

int64_t GroupState::Due(int64_t now_ms) {
  const int64_t interval_ms = group_.IntervalMs();
  const int64_t late = (now_ms - next_ms_) / interval_ms;
  const int64_t t_ms = next_ms_ + late * interval_ms;
  health_.missed += late;
  next_ms_ = t_ms + interval_ms;
  return t_ms;
}

absl::Status GroupState::EvaluateRule(size_t number, int64_t t_ms,
                                      const StringMap<NodeCondition>& nodes,
                                      const PushedNodes& pushed, const Tools& tools) {
  TextContext texts = tools.texts;
  texts.environment.query = [&](std::string_view expr) {
    return QueryForText(expr, t_ms - group_.query_offset_ms, tools);
  };
  const EvaluationContext context{tools.data, t_ms, nodes, pushed, {tools.unknown_for_ms, &texts},
                                  tools.query};
  RuleCommit commit;
  commit.source = fmt::format("{}/{}", group_.name, number);
  commit.t_ms = t_ms;
  RONDA_RETURN_IF_ERROR(rules_[number].Evaluate(context, &commit));
  if (commit.samples.empty() && commit.transitions.empty()) {
    return absl::OkStatus();
  }
  return tools.host.Commit(std::move(commit));
}

void GroupState::Evaluate(int64_t t_ms, const StringMap<NodeCondition>& nodes, const Tools& tools,
                          absl::FunctionRef<void(size_t rule)> evaluated) {
  const int64_t began_us = SteadyUs();
  const bool asks = std::any_of(group_.rules.begin(), group_.rules.end(),
                                [](const Rule& rule) { return rule.on_arrival; });
  const PushedNodes pushed = asks ? tools.host.Pushed() : PushedNodes();
  for (size_t i = 0; i < rules_.size(); ++i) {
    const int64_t rule_began_us = SteadyUs();
    const absl::Status status = EvaluateRule(i, t_ms, nodes, pushed, tools);
    if (status.code() == absl::StatusCode::kCancelled) {
      return;
    }
    health_.rules[i] = {true, std::string(Message(status)), t_ms, SteadyUs() - rule_began_us};
    evaluated(i);
  }
  health_.last_ms = t_ms;
  health_.duration_us = SteadyUs() - began_us;
}

}  // namespace ronda::rules
