// The gate over a map as its store.
#pragma once

#include <gmock/gmock.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "collector/mute/gate.h"
#include "collector/mute/matchers.h"
#include "tests/support/fake_clock.h"

namespace ronda::mute {

using rules::AlertState;

class GateTest : public testing::Test {
 protected:
  void SetUp() override {
    options_.flap.changes = 0;
    options_.zone = absl::UTCTimeZone();
    Open();
  }

  // Also as a restart: what was committed is all that is left.
  void Open() {
    gate_ = std::make_unique<Gate>(options_, clock_);
    Gate::Entries held;
    Gate::Entries silences;
    Gate::Entries maintenance;
    for (const auto& [key, value] : store_) {
      Gate::Entries& entries = key.first == kHeldSpace      ? held
                               : key.first == kSilenceSpace ? silences
                                                            : maintenance;
      entries.emplace_back(key.second, value);
    }
    std::vector<rules::Alert> alerts;
    for (const auto& [key, alert] : alerts_) {
      alerts.push_back(alert);
    }
    gate_->Restore(alerts, held, silences, maintenance);
  }

  rules::Transition Make(const std::string& rule, AlertState from, AlertState to, bool notify) {
    rules::Transition t;
    t.alert.rule = rule;
    t.alert.group = "g";
    t.alert.node = "web1";
    t.alert.labels = Labels(std::vector<Label>{{"alertname", rule}, {"node", "web1"}});
    t.alert.state = to;
    t.alert.before_unknown = to == AlertState::kUnknown ? from : AlertState::kInactive;
    t.alert.changed_at_ms = clock_.NowMs();
    t.from = from;
    t.t_ms = clock_.NowMs();
    t.notify = notify;
    return t;
  }
  rules::Transition Firing(const std::string& rule = "Hot") {
    return Make(rule, AlertState::kPending, AlertState::kFiring, true);
  }
  rules::Transition Resolved(const std::string& rule = "Hot") {
    return Make(rule, AlertState::kFiring, AlertState::kResolved, true);
  }

  // "Hot firing", with the note if there is one, of each message.
  std::vector<std::string> Commit(const Passed& passed) {
    std::vector<std::string> told;
    for (const store::StateWrite& write : passed.state) {
      if (write.value) {
        store_[{write.space, write.key}] = *write.value;
      } else {
        store_.erase({write.space, write.key});
      }
    }
    for (const rules::Transition& t : passed.send) {
      told.push_back(t.alert.rule + " " + std::string(rules::ToString(t.alert.state)) +
                     (t.reason.empty() ? "" : " (" + t.reason + ")"));
    }
    return told;
  }
  std::vector<std::string> Pass(const std::vector<rules::Transition>& transitions) {
    for (const rules::Transition& t : transitions) {
      if (t.alert.state == AlertState::kResolved) {
        alerts_.erase(rules::AlertKey(t.alert));
      } else {
        alerts_[rules::AlertKey(t.alert)] = t.alert;
      }
    }
    return Commit(gate_->Pass(transitions));
  }
  std::vector<std::string> Due() { return Commit(gate_->Due()); }

  Silence Add(const std::vector<std::string>& matchers, int64_t for_ms, int64_t in_ms = 0) {
    Silence silence;
    silence.id = NewSilenceId();
    silence.matchers = *ParseMatchers(matchers);
    silence.starts_ms = clock_.NowMs() + in_ms;
    silence.ends_ms = silence.starts_ms + for_ms;
    Put(silence);
    return silence;
  }
  void Put(const Silence& silence) {
    store_[{std::string(kSilenceSpace), silence.id}] = EncodeSilence(silence);
    gate_->Apply(silence);
  }

  FakeClock clock_;
  Gate::Options options_;
  std::unique_ptr<Gate> gate_;
  std::map<std::pair<std::string, std::string>, std::string> store_;
  std::map<std::string, rules::Alert> alerts_;
};

}  // namespace ronda::mute
