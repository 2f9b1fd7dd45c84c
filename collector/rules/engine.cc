#include "collector/rules/engine.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "collector/rules/placement.h"
#include "common/base/status.h"
#include "common/model/sample.h"

namespace ronda::rules {
namespace {

bool IsOver(const Alert& alert) {
  return alert.state == AlertState::kInactive || alert.state == AlertState::kResolved;
}

// The series of a plan's entry.
SeriesName NameOf(const SourceTick& tick, const Plan& plan, uint32_t entry) {
  const uint32_t column = plan.entries[entry].column;
  return {plan.schema->metric_of(column).name, &plan.schema->series[column].labels,
          &tick.target_labels};
}

// Ends an alert for a reason that is not in its data.
Transition EndAlert(Alert alert, int64_t t_ms, std::string_view reason) {
  static const Rule kNoRule;
  const Observation ended{.kind = Observation::Kind::kEnded, .reason = reason};
  return *Advance(kNoRule, ended, t_ms, {}, &alert);
}

bool ReadsUp(const Rule& rule) {
  bool named = false;
  for (const Matcher& matcher : rule.condition->matchers) {
    if (matcher.name() == kMetricName) {
      named = true;
      if (!matcher.Matches("up")) {
        return false;
      }
    }
  }
  return named;
}

absl::Status CheckFiles(const std::vector<RuleFile>& files) {
  using Identity = std::tuple<std::string, std::string, std::vector<Label>>;
  std::set<Identity> seen;
  for (const RuleFile& file : files) {
    for (const RuleGroup& group : file.groups) {
      std::set<Identity> here;  // twice in one group is a warning of ReadRules()
      for (const Rule& rule : group.rules) {
        if (rule.record) {
          continue;
        }
        std::vector<Label> labels;
        for (const TemplatedLabel& label : rule.labels) {
          labels.push_back({label.name, label.value.text()});
        }
        const auto [mine, is_new] = here.emplace(group.name, rule.name, std::move(labels));
        if (is_new && !seen.insert(*mine).second) {
          return Fail(absl::StatusCode::kInvalidArgument,
                      "{}:{}: another file has the rule \"{}\" in a group \"{}\" with these labels",
                      file.path, rule.line, rule.name, group.name);
        }
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::New(std::vector<RuleFile> files,
                                                    EngineOptions options) {
  RONDA_RETURN_IF_ERROR(CheckFiles(files));
  std::unique_ptr<Engine> engine(new Engine(std::move(options)));
  MutexLock lock(&engine->mu_);
  engine->SetFiles(std::move(files));
  return engine;
}

void Engine::SetFiles(std::vector<RuleFile> files) {
  PlaceRules(&files);
  files_ = std::make_shared<const std::vector<RuleFile>>(std::move(files));
  rules_.clear();
  for (const RuleFile& file : *files_) {
    for (const RuleGroup& group : file.groups) {
      for (const Rule& rule : group.rules) {
        if (rule.on_arrival) {
          rules_.push_back({&rule, &group, ReadsUp(rule)});
        }
      }
    }
  }
  active_of_rule_.assign(rules_.size(), 0);
}

void Engine::ForgetPlansLocked() {
  instances_.clear();
  unclaimed_.clear();
  plans_.clear();
  active_of_rule_.assign(rules_.size(), 0);
  for (auto& [number, source] : sources_) {
    source.plan = nullptr;
    source.watches.clear();
    source.watched.clear();
  }
}

absl::Status Engine::Reload(std::vector<RuleFile> files, std::vector<Alert>* others) {
  RONDA_RETURN_IF_ERROR(CheckFiles(files));
  MutexLock lock(&mu_);
  std::vector<Alert> alerts;
  for (auto& [key, instance] : instances_) {
    alerts.push_back(std::move(instance->alert));
  }
  ForgetPlansLocked();
  SetFiles(std::move(files));
  if (others != nullptr) {
    const auto ours = std::partition(alerts.begin(), alerts.end(), [this](const Alert& alert) {
      return FindRuleLocked(alert) != rules_.end() || !HasIntervalRuleLocked(alert);
    });
    others->insert(others->end(), std::make_move_iterator(ours),
                   std::make_move_iterator(alerts.end()));
    alerts.erase(ours, alerts.end());
  }
  RestoreLocked(std::move(alerts));
  return absl::OkStatus();
}

std::vector<PlacedRule>::const_iterator Engine::FindRuleLocked(const Alert& alert) const {
  return std::find_if(rules_.begin(), rules_.end(), [&](const PlacedRule& placed) {
    return CouldRaise(*placed.group, *placed.rule, alert);
  });
}

bool Engine::HasIntervalRuleLocked(const Alert& alert) const {
  for (const RuleFile& file : *files_) {
    for (const RuleGroup& group : file.groups) {
      if (std::any_of(group.rules.begin(), group.rules.end(), [&](const Rule& rule) {
            return !rule.on_arrival && CouldRaise(group, rule, alert);
          })) {
        return true;
      }
    }
  }
  return false;
}

// Between ticks: all plans are made anew, so that the sources' next ticks claim them.
void Engine::Adopt(std::vector<Alert> alerts) {
  MutexLock lock(&mu_);
  for (auto& [key, instance] : instances_) {
    alerts.push_back(std::move(instance->alert));
  }
  ForgetPlansLocked();
  RestoreLocked(std::move(alerts));
}

void Engine::Restore(std::vector<Alert> alerts) {
  MutexLock lock(&mu_);
  RestoreLocked(std::move(alerts));
}

void Engine::RestoreLocked(std::vector<Alert> alerts) {
  for (Alert& alert : alerts) {
    const auto rule = FindRuleLocked(alert);
    std::string key = AlertKey(alert);
    if (IsOver(alert) || instances_.contains(key)) {
      continue;
    }
    if (rule == rules_.end()) {
      over_.push_back(std::move(alert));
      continue;
    }
    auto instance = std::make_unique<Instance>();
    instance->key = key;
    instance->rule = static_cast<uint32_t>(rule - rules_.begin());
    instance->alert = std::move(alert);
    ++active_of_rule_[instance->rule];
    unclaimed_[instance->alert.node].push_back(instance.get());
    instances_.emplace(std::move(key), std::move(instance));
  }
}

void Engine::FlushOver(int64_t t_ms, std::vector<Transition>* out) {
  for (Alert& alert : over_) {
    out->push_back(EndAlert(std::move(alert), t_ms, "rule removed or changed"));
    ++counters_.transitions;
  }
  over_.clear();
}

bool Engine::IsLate(const SourceTick& tick, Source* source) {
  if (tick.synthetic) {
    return false;
  }
  if (source->seen && tick.t_ms <= source->last_t_ms &&
      ++source->late_in_a_row < kLateTicksUntilReset) {
    ++counters_.late_ticks;
    return true;
  }
  source->late_in_a_row = 0;
  source->last_t_ms = tick.t_ms;
  source->seen = true;
  return false;
}

void Engine::OnTick(const SourceTick& tick, std::vector<Transition>* out) {
  MutexLock lock(&mu_);
  ++counters_.ticks;
  FlushOver(tick.t_ms, out);
  if (tick.values.size() != tick.schema->series.size()) {
    ++counters_.bad_ticks;
    return;
  }
  Source& source = sources_[tick.source];
  if (IsLate(tick, &source)) {
    return;
  }
  const bool rebuild = source.plan == nullptr || source.plan->schema != tick.schema;
  if (rebuild) {
    Rebuild(tick, &source);
  }
  StepWatches(tick, &source, out);
  if (rebuild || tick.all_changed) {
    for (uint32_t column = 0; column < tick.values.size(); ++column) {
      CompareColumn(tick, column, &source, out);
    }
  } else {
    for (const uint32_t column : tick.changed) {
      if (column < tick.values.size()) {
        CompareColumn(tick, column, &source, out);
      }
    }
  }
  AgeUnclaimed(tick, out);
}

// A new plan; the source's alerts move to their entries in it, and alerts from before a restart or
// reload that are the source's come to it.
void Engine::Rebuild(const SourceTick& tick, Source* source) {
  std::vector<Instance*> claimed;
  for (const Watch& watch : source->watches) {
    if (watch.instance != nullptr) {
      claimed.push_back(watch.instance);
    }
  }
  source->node = tick.node;
  source->plan = PlanFor(tick);
  source->watches.clear();
  source->watched.clear();
  if (const auto waiting = unclaimed_.find(tick.node); waiting != unclaimed_.end()) {
    std::vector<Instance*> left;
    for (Instance* instance : waiting->second) {
      (Owns(tick, *instance) ? claimed : left).push_back(instance);
    }
    if (left.empty()) {
      unclaimed_.erase(waiting);
    } else {
      waiting->second = std::move(left);
    }
  }
  Claim(tick, claimed, source);
}

std::shared_ptr<const Plan> Engine::PlanFor(const SourceTick& tick) {
  const std::vector<uint32_t> candidates = RulesFor(rules_, tick.target_labels);
  const auto pointer = reinterpret_cast<uintptr_t>(tick.schema.get());
  std::string key(reinterpret_cast<const char*>(&pointer), sizeof(pointer));
  key.append(reinterpret_cast<const char*>(candidates.data()),
             candidates.size() * sizeof(uint32_t));
  for (const Label& label : tick.target_labels.all()) {
    key += '\n' + label.name;
  }
  std::weak_ptr<const Plan>& slot = plans_[key];
  if (auto plan = slot.lock()) {
    return plan;
  }
  auto plan = CompilePlan(rules_, candidates, tick.target_labels, tick.schema);
  slot = plan;
  ++counters_.plans_compiled;
  if (plans_.size() > plans_swept_at_) {
    absl::erase_if(plans_, [](const auto& entry) { return entry.second.expired(); });
    plans_swept_at_ = std::max<size_t>(64, plans_.size() * 2);
  }
  return plan;
}

// Whether a restored alert is about this source: it has the target's labels, except where its rule
// sets them otherwise.
bool Engine::Owns(const SourceTick& tick, const Instance& instance) const {
  const std::vector<TemplatedLabel>& own = rules_[instance.rule].rule->labels;
  for (const Label& label : tick.target_labels.all()) {
    const bool overridden = std::any_of(
        own.begin(), own.end(), [&](const TemplatedLabel& l) { return l.name == label.name; });
    if (!overridden && instance.alert.labels.Get(label.name) != label.value) {
      return false;
    }
  }
  return true;
}

// By a table of the labels that the entries would raise: many alerts may meet many entries.
void Engine::Claim(const SourceTick& tick, const std::vector<Instance*>& claimed, Source* source) {
  using Name = std::pair<std::string_view, std::string_view>;  // group, rule
  absl::flat_hash_set<Name> wanted;
  for (const Instance* instance : claimed) {
    wanted.emplace(instance->alert.group, instance->alert.rule);
  }
  const Plan& plan = *source->plan;
  absl::flat_hash_map<std::pair<std::string_view, Labels>, uint32_t> entries;
  for (uint32_t i = 0; i < plan.entries.size() && !claimed.empty(); ++i) {
    const PlacedRule& placed = rules_[plan.entries[i].rule];
    if (wanted.contains(Name(placed.group->name, placed.rule->name))) {
      const Labels series = NameOf(tick, plan, i).All();
      entries.try_emplace(
          {placed.group->name, AlertLabels(*placed.rule, series, 0, tick.t_ms, options_.texts)}, i);
    }
  }
  for (Instance* instance : claimed) {
    Watch watch{kNoEntry, instance};
    instance->unclaimed_since_ms = -1;
    const auto found = entries.find({instance->alert.group, instance->alert.labels});
    if (found != entries.end()) {
      watch.entry = found->second;
      --active_of_rule_[instance->rule];
      instance->rule = plan.entries[watch.entry].rule;
      ++active_of_rule_[instance->rule];
    }
    SetWatch(source, watch);
  }
}

void Engine::SetWatch(Source* source, Watch watch) {
  source->watches.push_back(watch);
  if (watch.entry != kNoEntry) {
    source->watched.resize(source->plan->entries.size());
    source->watched[watch.entry] = true;
  }
}

void Engine::StepWatches(const SourceTick& tick, Source* source, std::vector<Transition>* out) {
  const Plan& plan = *source->plan;
  const bool up = plan.up_column >= 0 && tick.values[static_cast<size_t>(plan.up_column)] == 1;
  const Observation absent = up && !tick.starts
                                 ? Observation{.kind = Observation::Kind::kEnded, .reason = "ended"}
                                 : Observation{.kind = Observation::Kind::kMissing,
                                               .reason = up ? "agent started" : "source failing"};
  size_t kept = 0;
  for (Watch watch : source->watches) {
    const bool has_entry = watch.entry != kNoEntry;
    const double value = has_entry ? tick.values[plan.entries[watch.entry].column] : StaleMarker();
    bool keep = false;
    if (watch.instance != nullptr) {
      keep = IsStale(value) ? Step(absent, tick.t_ms, watch.instance, out)
                            : Step(Compared(*rules_[watch.instance->rule].rule, value,
                                            NameOf(tick, plan, watch.entry)),
                                   tick.t_ms, watch.instance, out);
    } else if (!IsStale(value) && plan.Holds(watch.entry, value)) {
      watch.instance = Raise(tick, plan, watch.entry, out);
      keep = true;
    }
    if (keep) {
      source->watches[kept++] = watch;
    } else if (has_entry) {
      source->watched[watch.entry] = false;
    }
  }
  source->watches.resize(kept);
}

void Engine::CompareColumn(const SourceTick& tick, uint32_t column, Source* source,
                           std::vector<Transition>* out) {
  const Plan& plan = *source->plan;
  const double value = tick.values[column];
  counters_.comparisons += plan.first[column + 1] - plan.first[column];
  for (uint32_t i = plan.first[column]; i < plan.first[column + 1]; ++i) {
    if (!plan.Holds(i, value) || IsStale(value) ||
        (!source->watched.empty() && source->watched[i])) {
      continue;
    }
    SetWatch(source, {i, Raise(tick, plan, i, out)});
  }
}

Engine::Instance* Engine::Raise(const SourceTick& tick, const Plan& plan, uint32_t entry,
                                std::vector<Transition>* out) {
  const Plan::Entry& e = plan.entries[entry];
  const PlacedRule& placed = rules_[e.rule];
  if (placed.group->limit > 0 && active_of_rule_[e.rule] >= placed.group->limit) {
    ++counters_.limited;
    return nullptr;
  }
  auto instance = std::make_unique<Instance>();
  Alert& alert = instance->alert;
  alert.rule = placed.rule->name;
  alert.group = placed.group->name;
  alert.node = tick.node;
  const SeriesName name = NameOf(tick, plan, entry);
  alert.labels = AlertLabels(*placed.rule, name.All(), 0, tick.t_ms, options_.texts);
  instance->key = AlertKey(alert);
  instance->rule = e.rule;
  if (instances_.contains(instance->key)) {
    ++counters_.duplicates;
    return nullptr;
  }
  Instance* const raised = instance.get();
  ++active_of_rule_[e.rule];
  instances_.emplace(raised->key, std::move(instance));
  Step(Compared(*placed.rule, tick.values[e.column], name), tick.t_ms, raised, out);
  return raised;
}

bool Engine::Step(const Observation& seen, int64_t t_ms, Instance* instance,
                  std::vector<Transition>* out) {
  const LifeOptions life{options_.unknown_for_ms, &options_.texts};
  auto transition = Advance(*rules_[instance->rule].rule, seen, t_ms, life, &instance->alert);
  if (transition) {
    ++counters_.transitions;
    out->push_back(*std::move(transition));
  }
  if (!IsOver(instance->alert)) {
    return true;
  }
  --active_of_rule_[instance->rule];
  instances_.erase(instances_.find(instance->key));
  return false;
}

void Engine::AgeUnclaimed(const SourceTick& tick, std::vector<Transition>* out) {
  if (unclaimed_.empty()) {
    return;
  }
  const auto found = unclaimed_.find(tick.node);
  if (found == unclaimed_.end()) {
    return;
  }
  const Observation missing{.kind = Observation::Kind::kMissing, .reason = "its source is gone"};
  std::vector<Instance*>& waiting = found->second;
  size_t kept = 0;
  for (Instance* instance : waiting) {
    if (instance->unclaimed_since_ms < 0) {
      instance->unclaimed_since_ms = tick.t_ms;
    }
    const bool aged = tick.t_ms - instance->unclaimed_since_ms >= options_.unclaimed_for_ms;
    if (!aged || Step(missing, tick.t_ms, instance, out)) {
      waiting[kept++] = instance;
    }
  }
  waiting.resize(kept);
  if (waiting.empty()) {
    unclaimed_.erase(found);
  }
}

void Engine::OnNodeSilent(std::string_view node, int64_t t_ms, std::vector<Transition>* out) {
  MutexLock lock(&mu_);
  FlushOver(t_ms, out);
  const Observation missing{.kind = Observation::Kind::kMissing, .reason = "node silent"};
  for (auto& [key, instance] : instances_) {
    // Those that are unknown already stay as they are: their end is the ticks' affair.
    if (instance->alert.node == node && instance->alert.state != AlertState::kUnknown &&
        !rules_[instance->rule].reads_up) {
      Step(missing, t_ms, instance.get(), out);
    }
  }
}

void Engine::Forget(Instance* instance, int64_t t_ms, std::string_view reason,
                    std::vector<Transition>* out) {
  Step({.kind = Observation::Kind::kEnded, .reason = reason}, t_ms, instance, out);
}

void Engine::OnSourceForgotten(uint64_t source, int64_t t_ms, std::string_view reason,
                               std::vector<Transition>* out) {
  MutexLock lock(&mu_);
  const auto found = sources_.find(source);
  if (found == sources_.end()) {
    return;
  }
  for (const Watch& watch : found->second.watches) {
    if (watch.instance != nullptr) {
      Forget(watch.instance, t_ms, reason, out);
    }
  }
  sources_.erase(found);
}

void Engine::OnNodeForgotten(std::string_view node, int64_t t_ms, std::string_view reason,
                             std::vector<Transition>* out) {
  MutexLock lock(&mu_);
  absl::erase_if(sources_, [&](const auto& entry) { return entry.second.node == node; });
  if (const auto waiting = unclaimed_.find(node); waiting != unclaimed_.end()) {
    unclaimed_.erase(waiting);
  }
  std::vector<Instance*> gone;
  for (auto& [key, instance] : instances_) {
    if (instance->alert.node == node) {
      gone.push_back(instance.get());
    }
  }
  for (Instance* instance : gone) {
    Forget(instance, t_ms, reason, out);
  }
}

std::vector<Alert> Engine::Active() const {
  std::vector<Alert> alerts;
  {
    MutexLock lock(&mu_);
    alerts.reserve(instances_.size());
    for (const auto& [key, instance] : instances_) {
      alerts.push_back(instance->alert);
    }
  }
  std::sort(alerts.begin(), alerts.end(), [](const Alert& a, const Alert& b) {
    return std::tie(a.group, a.rule, a.labels) < std::tie(b.group, b.rule, b.labels);
  });
  return alerts;
}

std::shared_ptr<const std::vector<RuleFile>> Engine::files() const {
  MutexLock lock(&mu_);
  return files_;
}

RuleCounters Engine::counters() const {
  MutexLock lock(&mu_);
  RuleCounters out = counters_;
  out.sources = sources_.size();
  for (const auto& [key, instance] : instances_) {
    const AlertState state = instance->alert.state;
    out.pending += state == AlertState::kPending ? 1 : 0;
    out.firing += state == AlertState::kFiring ? 1 : 0;
    out.unknown += state == AlertState::kUnknown ? 1 : 0;
  }
  return out;
}

}  // namespace ronda::rules
