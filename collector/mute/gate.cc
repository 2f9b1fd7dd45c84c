// Tested by tests/unit/collector/mute/gate_test.cc.
#include "collector/mute/gate.h"

#include <algorithm>

#include "collector/rules/alert.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::mute {
namespace {

using rules::AlertState;

bool Fires(const rules::Alert& alert) {
  return alert.state == AlertState::kFiring ||
         (alert.state == AlertState::kUnknown && alert.before_unknown == AlertState::kFiring);
}

// A message that comes late says so.
rules::Transition WithNote(rules::Transition transition, const std::string& note) {
  if (!note.empty()) {
    transition.reason += (transition.reason.empty() ? "" : "; ") + note;
  }
  return transition;
}

}  // namespace

Gate::Gate(Options options, const Clock& clock)
    : clock_(clock),
      options_(std::move(options)),
      maintenance_(options_.maintenance, options_.zone),
      inhibitor_(options_.inhibit) {}

void Gate::Restore(const std::vector<rules::Alert>& alerts, const Entries& held,
                   const Entries& silences, const Entries& maintenance) {
  MutexLock lock(&mu_);
  for (const rules::Alert& alert : alerts) {
    if (Fires(alert)) {
      const std::string key = rules::AlertKey(alert);
      Enter(key, alert, alert.changed_at_ms);
    }
  }
  for (const auto& [id, value] : silences) {
    if (auto silence = DecodeSilence(value); silence.ok()) {
      silences_.Put(*std::move(silence));
    } else {
      obs::Error("mute", "a silence is left out id={} error=\"{}\"", id, Message(silence.status()));
    }
  }
  for (const auto& [id, value] : maintenance) {
    if (auto progress = DecodeProgress(value); progress.ok()) {
      maintenance_.Restore(id, *std::move(progress));
    } else {
      obs::Error("mute", "what a maintenance window said is forgotten id={} error=\"{}\"", id,
                 Message(progress.status()));
    }
  }
  for (const auto& [key, value] : held) {
    if (auto entry = DecodeHeld(value); entry.ok()) {
      held_[key] = *std::move(entry);
    } else {
      obs::Error("mute", "a held message is left out key={} error=\"{}\"", key,
                 Message(entry.status()));
    }
  }
}

Passed Gate::Pass(std::span<const rules::Transition> transitions) {
  Passed out;
  MutexLock lock(&mu_);
  out.counters_before = counters_;
  const int64_t now_ms = clock_.NowMs();
  // All of them first: what explains another one may come after it in the same commit.
  for (const rules::Transition& transition : transitions) {
    Follow(transition, now_ms);
  }
  for (const rules::Transition& transition : transitions) {
    PassOne(transition, now_ms, &out);
  }
  WriteMaintenance(&out);
  return out;
}

void Gate::Follow(const rules::Transition& transition, int64_t now_ms) {
  const std::string key = rules::AlertKey(transition.alert);
  if (Fires(transition.alert)) {
    Enter(key, transition.alert, now_ms);
  } else if (active_.erase(key) > 0) {
    const bool explained = inhibitor_.Remove(key, transition.alert.labels);
    if (dependencies_.Remove(key, transition.alert.labels) || explained) {
      next_due_ms_ = 0;  // what it explained may be told
    }
  }
}

void Gate::Enter(const std::string& key, const rules::Alert& alert, int64_t now_ms) {
  const bool is_new = !active_.contains(key);
  active_[key] = {alert, now_ms};
  if (is_new) {
    inhibitor_.Add(key, alert.labels);
    dependencies_.Add(key, alert.labels);
  }
  dependencies_.Learn(alert,
                      [this](absl::FunctionRef<void(const std::string&, const Labels&)> firing)
                          ABSL_NO_THREAD_SAFETY_ANALYSIS {
                            for (const auto& [other, active] : active_) {
                              firing(other, active.alert.labels);
                            }
                          });
}

void Gate::PassOne(const rules::Transition& transition, int64_t now_ms, Passed* out) {
  const std::string key = rules::AlertKey(transition.alert);
  const bool unknown = transition.alert.state == AlertState::kUnknown;
  if (!transition.notify) {
    const auto found = held_.find(key);
    if (found != held_.end() && found->second.unknown != unknown) {
      Change(key, out).unknown = unknown;
      Write(key, out);
      next_due_ms_ = 0;
    }
    return;
  }
  const bool is_new = !held_.contains(key);
  Held& held = Change(key, out);
  if (is_new) {
    held.told_firing = transition.alert.state != AlertState::kFiring;
  }
  held.last = transition;
  held.due = true;
  held.unknown = false;
  held.why.clear();
  NoteChange(options_.flap, now_ms, &held);
  next_due_ms_ =
      std::min({next_due_ms_, ForgetAtMs(options_.flap, held), CalmAtMs(options_.flap, held)});
  if (transition.alert.state == AlertState::kFiring) {
    NoteFired(transition.alert, now_ms, out);
  }
  Judge(key, now_ms, out);
}

std::string Gate::WhyNot(const Held& held, int64_t now_ms) const {
  if (held.unknown) {
    return "its data is missing";
  }
  if (held.damped && now_ms < CalmAtMs(options_.flap, held)) {
    return FlapNote(options_.flap, held);
  }
  if (held.last.alert.state != AlertState::kFiring) {
    return "";
  }
  const Labels& labels = held.last.alert.labels;
  if (const auto silenced = silences_.Matching(labels, now_ms); !silenced.empty()) {
    const Silence& by = *silenced.front();
    return fmt::format("{} {}", by.maintenance ? "maintenance" : "silenced by", by.id);
  }
  if (const auto sources = inhibitor_.SourcesOf(labels); !sources.empty()) {
    const auto source = active_.find(sources.front());
    return fmt::format("inhibited by {}", source->second.alert.rule);
  }
  const Dependencies::Missing missing = dependencies_.MissingOf(held.last.alert);
  if (missing.node) {
    return fmt::format("{} is not heard", labels.Get("node"));
  }
  if (!missing.alert.empty()) {
    return fmt::format("{} fires", active_.find(missing.alert)->second.alert.rule);
  }
  return "";
}

void Gate::Judge(const std::string& key, int64_t now_ms, Passed* out) {
  const Held& before = held_.find(key)->second;
  if (!before.due) {
    return Age(key, now_ms, out);
  }
  const bool fires = before.last.alert.state == AlertState::kFiring;
  if (fires == before.told_firing && !before.damped) {
    // It came and went unseen, or people know it already.
    Held& held = Change(key, out);
    held.due = false;
    held.last = {};
    held.why.clear();
    ++counters_.dropped;
    return Write(key, out);
  }
  const std::string why = WhyNot(before, now_ms);
  if (why.empty()) {
    out->send.push_back(Release(key, out));
    return Write(key, out);
  }
  if (why != before.why) {
    counters_.held += before.why.empty() ? 1 : 0;
    Change(key, out).why = why;
    Write(key, out);
  }
}

rules::Transition Gate::Release(const std::string& key, Passed* out) {
  Held& held = Change(key, out);
  std::string note = held.why.empty() ? "" : "held back until now: " + held.why;
  counters_.released += note.empty() ? 0 : 1;
  held.why.clear();
  if (held.damped) {
    note = fmt::format("calm again for {}, after flapping", LengthText(options_.flap.calm_ms));
    held.damped = false;
    held.changes_ms.clear();
  } else if (Flaps(options_.flap, held)) {
    held.damped = true;
    held.why = FlapNote(options_.flap, held);
    note = held.why;
  }
  held.told_firing = held.last.alert.state == AlertState::kFiring;
  held.due = false;
  return WithNote(std::exchange(held.last, {}), note);
}

void Gate::Age(const std::string& key, int64_t now_ms, Passed* out) {
  const Held& before = held_.find(key)->second;
  const int64_t until_ms =
      before.damped ? CalmAtMs(options_.flap, before) : ForgetAtMs(options_.flap, before);
  if (now_ms < until_ms) {
    return;
  }
  Held& held = Change(key, out);
  held.damped = false;
  held.changes_ms.clear();
  Write(key, out);
}

Held& Gate::Change(const std::string& key, Passed* out) {
  const auto found = held_.find(key);
  if (found == held_.end()) {
    out->held_before.emplace_back(key, std::nullopt);
    return held_[key];
  }
  out->held_before.emplace_back(key, found->second);
  return found->second;
}

void Gate::Write(const std::string& key, Passed* out) {
  const auto found = held_.find(key);
  if (found->second.due || found->second.damped || !found->second.changes_ms.empty()) {
    out->state.push_back({std::string(kHeldSpace), key, EncodeHeld(found->second)});
    return;
  }
  // Nothing need be taken away that no commit, and not this one either, has put there.
  const auto was_there = std::find_if(out->held_before.begin(), out->held_before.end(),
                                      [&](const auto& before) { return before.first == key; });
  const bool written = std::any_of(out->state.begin(), out->state.end(),
                                   [&](const store::StateWrite& w) { return w.key == key; });
  if (was_there->second.has_value() || written) {
    out->state.push_back({std::string(kHeldSpace), key, std::nullopt});
  }
  held_.erase(found);
}

Passed Gate::Due() {
  Passed out;
  MutexLock lock(&mu_);
  out.counters_before = counters_;
  const int64_t now_ms = clock_.NowMs();
  if (now_ms < next_due_ms_) {
    return out;
  }
  MaintenanceDue(now_ms, &out);
  std::vector<std::string> keys;
  for (const auto& [key, held] : held_) {
    keys.push_back(key);
  }
  std::sort(keys.begin(), keys.end());
  for (const std::string& key : keys) {
    Judge(key, now_ms, &out);
  }
  ForgetOldSilences(now_ms, &out);
  WriteMaintenance(&out);
  next_due_ms_ =
      std::min(silences_.NextChangeMs(now_ms), maintenance_.NextDueMs(now_ms, silences_));
  for (const auto& [key, held] : held_) {
    for (const int64_t t_ms : {ForgetAtMs(options_.flap, held), CalmAtMs(options_.flap, held)}) {
      next_due_ms_ = t_ms > now_ms ? std::min(next_due_ms_, t_ms) : next_due_ms_;
    }
  }
  return out;
}

void Gate::Undo(Passed passed) {
  MutexLock lock(&mu_);
  for (auto it = passed.held_before.rbegin(); it != passed.held_before.rend(); ++it) {
    if (it->second.has_value()) {
      held_[it->first] = *std::move(it->second);
    } else {
      held_.erase(it->first);
    }
  }
  maintenance_.Undo(passed.maintenance);
  for (const Silence& silence : passed.maintenance.added) {
    silences_.Remove(silence.id);
  }
  counters_ = passed.counters_before;
  next_due_ms_ = 0;
}

}  // namespace ronda::mute
