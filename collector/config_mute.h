// The part of collector.yml about what people are not told: inhibit_rules, flapping, maintenance.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/mute/gate.h"
#include "common/config/spec.h"

namespace ronda::collector {

// As Alertmanager's. The matchers of all forms together must hold.
struct InhibitRuleConfig {
  std::vector<std::string> source_matchers;
  std::vector<std::string> target_matchers;
  // The old forms: label to value, label to regular expression.
  config::StringTable source_match;
  config::StringTable source_match_re;
  config::StringTable target_match;
  config::StringTable target_match_re;
  std::vector<std::string> equal;
};

struct FlappingConfig {
  int64_t changes = 6;
  int64_t window_ms = 600'000;
  int64_t calm_ms = 600'000;
};

struct MaintenanceConfig {
  std::string name;
  std::string schedule;
  std::string timezone;  // "": that of the collector
  int64_t duration_ms = 3'600'000;
  int64_t announce_ms = 0;
  std::vector<std::string> matchers;
  std::string comment;
};

// What is wrong with it, "" if nothing is.
std::string CheckLabelName(std::string_view name);

config::Type<std::vector<InhibitRuleConfig>> InhibitRulesType();
config::Type<FlappingConfig> FlappingType();
config::Type<std::vector<MaintenanceConfig>> MaintenanceType();

// Of a configuration that was read without an error; `timezone` is the collector's.
mute::Gate::Options MuteOptionsOf(const std::vector<InhibitRuleConfig>& inhibit_rules,
                                  const FlappingConfig& flapping,
                                  const std::vector<MaintenanceConfig>& maintenance,
                                  const std::string& timezone);

}  // namespace ronda::collector
