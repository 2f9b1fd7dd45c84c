#include "tests/unit/collector/rules/naive_model.h"

#include <algorithm>

#include <fmt/format.h>

namespace ronda::rules {
namespace {

bool True(const NaiveModel::Rule& rule, double value) {
  return rule.op == ">"    ? value > rule.number
         : rule.op == "<"  ? value < rule.number
         : rule.op == "==" ? value == rule.number
                           : value != rule.number;
}

}  // namespace

void NaiveModel::Go(const Key& key, const std::string& to, bool notify) {
  State& state = states_[key];
  lines_.push_back(fmt::format("{} {} {} {}->{}{}", key.source, key.rule, key.label, state.now, to,
                               notify ? " notify" : ""));
  state.now = to;
  if (to == "inactive" || to == "resolved") {
    states_.erase(key);
  }
}

void NaiveModel::SeeValue(const Rule& rule, const Key& key, double value, int64_t t_ms) {
  const bool is_true = True(rule, value);
  if (states_.find(key) == states_.end()) {
    if (is_true) {
      states_[key].active_at = t_ms;
      Go(key, rule.for_ms == 0 ? "firing" : "pending", rule.for_ms == 0);
    }
    return;
  }
  State& state = states_[key];
  const bool back = state.now == "unknown";
  const std::string base = back ? state.before : state.now;
  if (base == "pending") {
    if (!is_true) {
      Go(key, "inactive", false);
      return;
    }
    if (back && t_ms - state.unknown_at >= rule.for_ms) {
      state.active_at = t_ms;
    }
    if (t_ms - state.active_at >= rule.for_ms) {
      Go(key, "firing", true);
    } else if (back) {
      Go(key, "pending", false);
    }
    return;
  }
  const bool between = rule.clear_below >= 0 && !(value < rule.clear_below);
  if (is_true || between) {
    state.false_since = -1;
  } else if (state.false_since < 0) {
    state.false_since = t_ms;
  }
  if (state.false_since >= 0 && t_ms - state.false_since >= rule.keep_ms) {
    Go(key, "resolved", true);
  } else if (back) {
    Go(key, "firing", false);
  }
}

void NaiveModel::SeeNothing(const Key& key, bool up, int64_t t_ms) {
  State& state = states_[key];
  const std::string base = state.now == "unknown" ? state.before : state.now;
  if (up) {
    Go(key, base == "firing" ? "resolved" : "inactive", base == "firing");
  } else if (state.now != "unknown") {
    state.before = state.now;
    state.unknown_at = t_ms;
    Go(key, "unknown", false);
  }
}

std::vector<std::string> NaiveModel::Tick(const std::string& node, const std::string& source,
                                          int64_t t_ms, const std::vector<Reading>& readings) {
  lines_.clear();
  bool up = false;
  for (const Reading& reading : readings) {
    up |= reading.metric == "up" && !reading.stale && reading.value == 1;
  }
  for (const Rule& rule : rules_) {
    std::vector<std::string> without_value;
    for (const auto& [key, state] : states_) {
      if (key.source == source && key.rule == rule.name) {
        without_value.push_back(key.label);
      }
    }
    for (const Reading& reading : readings) {
      if (reading.metric == rule.metric && !reading.stale) {
        std::erase(without_value, reading.label);
        SeeValue(rule, {node, source, rule.name, reading.label}, reading.value, t_ms);
      }
    }
    for (const std::string& label : without_value) {
      SeeNothing({node, source, rule.name, label}, up, t_ms);
    }
  }
  std::sort(lines_.begin(), lines_.end());
  return lines_;
}

std::vector<std::string> NaiveModel::Silent(const std::string& node, int64_t t_ms) {
  lines_.clear();
  std::vector<Key> keys;
  for (const auto& [key, state] : states_) {
    const auto rule = std::find_if(rules_.begin(), rules_.end(),
                                   [&](const Rule& r) { return r.name == key.rule; });
    if (key.node == node && rule->metric != "up" && state.now != "unknown") {
      keys.push_back(key);
    }
  }
  for (const Key& key : keys) {
    SeeNothing(key, false, t_ms);
  }
  std::sort(lines_.begin(), lines_.end());
  return lines_;
}

std::vector<std::string> NaiveModel::Active() const {
  std::vector<std::string> out;
  for (const auto& [key, state] : states_) {
    out.push_back(fmt::format("{} {} {} {}", key.source, key.rule, key.label, state.now));
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace ronda::rules
