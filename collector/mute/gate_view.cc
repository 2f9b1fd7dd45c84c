// The part of the gate that answers.
// Tested by tests/unit/collector/mute/gate_test.cc.
#include <algorithm>
#include <tuple>

#include "collector/mute/gate.h"
#include "collector/rules/alert.h"

namespace ronda::mute {

void Gate::Apply(const Silence& silence) {
  MutexLock lock(&mu_);
  silences_.Put(silence);
  next_due_ms_ = 0;
}

void Gate::Reload(Options options) {
  MutexLock lock(&mu_);
  options_ = std::move(options);
  maintenance_.Reload(options_.maintenance, options_.zone);
  inhibitor_ = Inhibitor(options_.inhibit);
  for (const auto& [key, active] : active_) {
    inhibitor_.Add(key, active.alert.labels);
  }
  next_due_ms_ = 0;
}

void Gate::SetNode(std::string_view node, bool is_up) {
  MutexLock lock(&mu_);
  if (dependencies_.SetNode(node, is_up)) {
    next_due_ms_ = 0;
  }
}

std::vector<Silence> Gate::AllSilences() const {
  MutexLock lock(&mu_);
  std::vector<Silence> all;
  for (const auto& [id, silence] : silences_.all()) {
    all.push_back(silence);
  }
  return all;
}

std::optional<Silence> Gate::FindSilence(const std::string& id) const {
  MutexLock lock(&mu_);
  const Silence* silence = silences_.Find(id);
  return silence == nullptr ? std::nullopt : std::optional<Silence>(*silence);
}

absl::StatusOr<Silence> Gate::FindByPrefix(std::string_view prefix) const {
  MutexLock lock(&mu_);
  return silences_.FindByPrefix(prefix);
}

size_t Gate::CountMatching(const std::vector<Matcher>& matchers) const {
  MutexLock lock(&mu_);
  return static_cast<size_t>(std::count_if(active_.begin(), active_.end(), [&](const auto& active) {
    return MatchesAll(active.second.alert.labels, matchers);
  }));
}

std::vector<AlertView> Gate::Alerts() const {
  MutexLock lock(&mu_);
  const int64_t now_ms = clock_.NowMs();
  std::vector<AlertView> out;
  for (const auto& [key, active] : active_) {
    AlertView view{active.alert, active.updated_ms, {}, {}, ""};
    for (const Silence* silence : silences_.Matching(active.alert.labels, now_ms)) {
      view.silenced_by.push_back(silence->id);
    }
    for (const std::string& source : inhibitor_.SourcesOf(active.alert.labels)) {
      view.inhibited_by.push_back(rules::Fingerprint(active_.find(source)->second.alert.labels));
    }
    if (const std::string source = dependencies_.MissingOf(active.alert).alert; !source.empty()) {
      view.inhibited_by.push_back(rules::Fingerprint(active_.find(source)->second.alert.labels));
    }
    if (const auto held = held_.find(key); held != held_.end()) {
      view.held = held->second.why;
    }
    out.push_back(std::move(view));
  }
  std::sort(out.begin(), out.end(), [](const AlertView& a, const AlertView& b) {
    return std::tie(a.alert.labels, a.alert.group) < std::tie(b.alert.labels, b.alert.group);
  });
  return out;
}

GateCounters Gate::counters() const {
  MutexLock lock(&mu_);
  return counters_;
}

size_t Gate::waiting() const {
  MutexLock lock(&mu_);
  return static_cast<size_t>(
      std::count_if(held_.begin(), held_.end(), [](const auto& held) { return held.second.due; }));
}

}  // namespace ronda::mute
