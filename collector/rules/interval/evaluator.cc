// Tested by tests/unit/collector/rules/interval/evaluator_test.cc.
#include "collector/rules/interval/evaluator.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <tuple>
#include <utility>

#include "collector/rules/placement.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/model/sample.h"

namespace ronda::rules {
namespace {

// The clock may be set: it is looked at again after this at the latest.
constexpr int64_t kMaxWaitMs = 1000;
// A clock that is further behind than this was set back.
constexpr int64_t kSetBackMs = 2000;

bool RunsAtInterval(const std::vector<std::unique_ptr<GroupState>>& groups, const Alert& alert,
                    bool on_arrival, RuleState** found) {
  for (const auto& group : groups) {
    for (RuleState& rule : group->rules()) {
      if (rule.rule().on_arrival == on_arrival && CouldRaise(group->group(), rule.rule(), alert)) {
        *found = &rule;
        return true;
      }
    }
  }
  return false;
}

// Whether it is of a series that others push beside what the node's agent sends.
bool IsOfPushed(const PushedNodes& pushed, const Rule& rule, const Alert& alert) {
  const auto node = pushed.find(alert.node);
  return node != pushed.end() &&
         std::none_of(node->second.begin(), node->second.end(),
                      [&](const AgentSource& source) { return source.CouldRaise(rule, alert); });
}

// Ends an alert for a reason that is not in its data.
Transition EndAlert(Alert alert, int64_t t_ms) {
  static const Rule kNoRule;
  const Observation ended{.kind = Observation::Kind::kEnded, .reason = "rule removed or changed"};
  return *Advance(kNoRule, ended, t_ms, {}, &alert);
}

}  // namespace

Evaluator::Evaluator(std::vector<RuleFile> files, EvaluatorOptions options, RuleHost& host,
                     const store::Queryable& data, const Clock& clock)
    : options_(std::move(options)), host_(host), data_(data), clock_(clock) {
  MutexLock lock(&run_mu_);
  SetFiles(std::move(files));
  PublishAll();
}

Evaluator::~Evaluator() { Stop(); }

void Evaluator::SetFiles(std::vector<RuleFile> files) {
  PlaceRules(&files);
  groups_.clear();
  files_ = std::make_shared<const std::vector<RuleFile>>(std::move(files));
  scheduled_ms_ = clock_.NowMs();
  for (const RuleFile& file : *files_) {
    for (const RuleGroup& group : file.groups) {
      groups_.push_back(std::make_unique<GroupState>(file, group));
      groups_.back()->Schedule(scheduled_ms_);
    }
  }
}

void Evaluator::Restore(std::vector<Alert> alerts) {
  MutexLock lock(&run_mu_);
  RestoreLocked(std::move(alerts));
  PublishAll();
}

void Evaluator::RestoreLocked(std::vector<Alert> alerts) {
  for (Alert& alert : alerts) {
    RuleState* rule = nullptr;
    // Of a rule on arrival if its series is pushed.
    if (RunsAtInterval(groups_, alert, false, &rule) ||
        RunsAtInterval(groups_, alert, true, &rule)) {
      rule->Restore(std::move(alert));
    } else {
      over_.push_back(std::move(alert));
    }
  }
}

void Evaluator::Reload(std::vector<RuleFile> files, std::vector<Alert>* others) {
  ++waiting_;
  cancelled_ = true;
  MutexLock lock(&run_mu_);
  --waiting_;
  std::vector<Alert> alerts;
  std::vector<std::tuple<std::string, std::string, absl::flat_hash_set<Labels>>> recorded;
  const StringMap<NodeCondition> nodes = host_.NodeConditions();
  const PushedNodes pushed = host_.Pushed();
  for (const auto& group : groups_) {
    for (RuleState& rule : group->rules()) {
      for (Alert& alert : rule.TakeAlerts()) {
        alerts.push_back(std::move(alert));
      }
      recorded.emplace_back(group->group().name, rule.rule().name, rule.TakeRecorded());
    }
  }
  SetFiles(std::move(files));
  for (auto& [group_name, name, series] : recorded) {
    RuleState* heir = nullptr;
    for (const auto& group : groups_) {
      for (RuleState& rule : group->rules()) {
        if (group->group().name == group_name && rule.rule().record && rule.rule().name == name &&
            heir == nullptr) {
          heir = &rule;
        }
      }
    }
    if (heir != nullptr) {
      heir->RestoreRecorded(std::move(series));
      continue;
    }
    for (const Labels& labels : series) {
      over_series_.push_back({labels, StaleMarker()});
    }
  }
  const auto ours = std::partition(alerts.begin(), alerts.end(), [&](const Alert& alert) {
    RuleState* rule = nullptr;
    const auto node = nodes.find(alert.node);
    const bool has_agent =
        !alert.node.empty() && node != nodes.end() && node->second != NodeCondition::kPushed;
    return !has_agent || RunsAtInterval(groups_, alert, false, &rule) ||
           !RunsAtInterval(groups_, alert, true, &rule) || IsOfPushed(pushed, rule->rule(), alert);
  });
  others->insert(others->end(), std::make_move_iterator(ours),
                 std::make_move_iterator(alerts.end()));
  alerts.erase(ours, alerts.end());
  RestoreLocked(std::move(alerts));
  PublishAll();
}

void Evaluator::FlushOver(int64_t now_ms) {
  if (over_.empty() && over_series_.empty()) {
    return;
  }
  RuleCommit commit;
  commit.source = "ended";
  commit.t_ms = now_ms;
  commit.samples = std::exchange(over_series_, {});
  AlertSeries series;
  for (Alert& alert : over_) {
    series.Restore(alert);
    commit.transitions.push_back(EndAlert(std::move(alert), now_ms));
  }
  over_.clear();
  series.Update({}, &commit.samples);
  host_.Commit(std::move(commit))
      .IgnoreError();  // of samples alone: the series are not told to end
}

int64_t Evaluator::RunDue() {
  MutexLock lock(&run_mu_);
  cancelled_ = false;
  const int64_t now_ms = clock_.NowMs();
  FlushOver(now_ms);
  if (now_ms < scheduled_ms_ - kSetBackMs) {
    for (const auto& group : groups_) {
      group->Schedule(now_ms);
    }
  }
  scheduled_ms_ = now_ms;
  int64_t next_ms = std::numeric_limits<int64_t>::max();
  for (size_t i = 0; i < groups_.size(); ++i) {
    GroupState& group = *groups_[i];
    if (group.next_ms() <= clock_.NowMs() && !cancelled_ && waiting_ == 0) {
      EvaluateGroup(i, group.Due(clock_.NowMs()));
    }
    next_ms = std::min(next_ms, group.next_ms());
  }
  return next_ms;
}

void Evaluator::EvaluateGroup(size_t number, int64_t t_ms) {
  promql::QueryOptions query;
  query.timeout_ms = options_.timeout_ms;
  query.max_samples = options_.max_samples;
  query.max_bytes = options_.max_bytes;
  query.cancelled = &cancelled_;
  const GroupState::Tools tools{data_, host_, options_.texts, options_.unknown_for_ms, query};
  groups_[number]->Evaluate(t_ms, host_.NodeConditions(), tools,
                            [&](size_t rule)
                                ABSL_NO_THREAD_SAFETY_ANALYSIS { Publish(number, rule); });
  MutexLock lock(&mu_);
  reports_[number].health = groups_[number]->health();
}

void Evaluator::Publish(size_t group, size_t rule) {
  std::vector<Alert> alerts;
  groups_[group]->rules()[rule].AppendAlerts(&alerts);
  const RuleHealth& health = groups_[group]->health().rules[rule];
  MutexLock lock(&mu_);
  ++counters_.evaluations;
  counters_.failures += health.error.empty() ? 0 : 1;
  reports_[group].health.rules[rule] = health;
  alerts_[group][rule] = std::move(alerts);
}

void Evaluator::PublishAll() {
  MutexLock lock(&mu_);
  reports_.clear();
  alerts_.clear();
  for (const auto& group : groups_) {
    reports_.push_back({group->file().path, group->group().name, group->health()});
    auto& of_group = alerts_.emplace_back();
    for (const RuleState& rule : group->rules()) {
      rule.AppendAlerts(&of_group.emplace_back());
    }
  }
  wake_.SignalAll();
}

void Evaluator::Start() {
  thread_ = StartThread("ronda-rules", [this] { Run(); });
}

void Evaluator::Stop() {
  {
    MutexLock lock(&mu_);
    stop_ = true;
    wake_.SignalAll();
  }
  ++waiting_;
  cancelled_ = true;
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Evaluator::Run() {
  for (;;) {
    const int64_t wait_ms = std::clamp<int64_t>(RunDue() - clock_.NowMs(), 1, kMaxWaitMs);
    MutexLock lock(&mu_);
    if (!stop_) {
      wake_.WaitFor(&mu_, std::chrono::milliseconds(wait_ms));
    }
    if (stop_) {
      return;
    }
  }
}

std::vector<Alert> Evaluator::Active() const {
  std::vector<Alert> out;
  {
    MutexLock lock(&mu_);
    for (const auto& group : alerts_) {
      for (const auto& rule : group) {
        out.insert(out.end(), rule.begin(), rule.end());
      }
    }
  }
  std::sort(out.begin(), out.end(), [](const Alert& a, const Alert& b) {
    return std::tie(a.group, a.rule, a.labels) < std::tie(b.group, b.rule, b.labels);
  });
  return out;
}

std::vector<GroupReport> Evaluator::Reports() const {
  MutexLock lock(&mu_);
  return reports_;
}

EvaluatorCounters Evaluator::counters() const {
  MutexLock lock(&mu_);
  EvaluatorCounters out = counters_;
  for (const GroupReport& report : reports_) {
    out.missed += report.health.missed;
  }
  for (const auto& group : alerts_) {
    for (const auto& rule : group) {
      for (const Alert& alert : rule) {
        out.pending += alert.state == AlertState::kPending ? 1 : 0;
        out.firing += alert.state == AlertState::kFiring ? 1 : 0;
        out.unknown += alert.state == AlertState::kUnknown ? 1 : 0;
      }
    }
  }
  return out;
}

}  // namespace ronda::rules
