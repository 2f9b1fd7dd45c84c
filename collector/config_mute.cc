// Tested by tests/unit/collector/config_mute_test.cc.
#include "collector/config_mute.h"

#include <set>
#include <utility>

#include "collector/mute/cron.h"
#include "collector/mute/matchers.h"
#include "common/base/status.h"
#include "common/config/time_zone.h"

namespace ronda::collector {
namespace {

using config::ChildPath;
using config::Duration;
using config::Errors;
using config::Int;
using config::List;
using config::Object;
using config::PositionOf;
using config::String;
using config::Table;
using config::Value;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

std::string TextOf(const absl::Status& status) { return std::string(Message(status)); }

std::string CheckMatcher(std::string_view text) {
  return TextOf(mute::ParseMatcher(text).status());
}

std::string CheckSchedule(std::string_view text) {
  return TextOf(mute::Cron::Parse(text).status());
}

// All forms as one; kInvalidArgument for an old form with a bad expression, or none at all.
absl::StatusOr<std::vector<Matcher>> Together(const std::vector<std::string>& matchers,
                                              const config::StringTable& match,
                                              const config::StringTable& match_re) {
  std::vector<Matcher> out;
  for (const std::string& text : matchers) {
    RONDA_ASSIGN_OR_RETURN(Matcher matcher, mute::ParseMatcher(text));
    out.push_back(std::move(matcher));
  }
  for (const auto& [name, value] : match) {
    out.push_back(Matcher::Equal(name, value));
  }
  for (const auto& [name, value] : match_re) {
    RONDA_ASSIGN_OR_RETURN(Matcher matcher, Matcher::New(Matcher::Type::kRegex, name, value));
    out.push_back(std::move(matcher));
  }
  RONDA_RETURN_IF_ERROR(mute::CheckTogether(out));
  return out;
}

absl::StatusOr<std::vector<Matcher>> SourceOf(const InhibitRuleConfig& rule) {
  return Together(rule.source_matchers, rule.source_match, rule.source_match_re);
}

absl::StatusOr<std::vector<Matcher>> TargetOf(const InhibitRuleConfig& rule) {
  return Together(rule.target_matchers, rule.target_match, rule.target_match_re);
}

void CheckRule(const Value& value, const std::string& path, Errors* errors,
               InhibitRuleConfig* out) {
  for (const auto& [side, status] :
       {std::pair("source", SourceOf(*out).status()), {"target", TargetOf(*out).status()}}) {
    if (!status.ok()) {
      const std::string key = std::string(side) + "_matchers";
      errors->Add(PositionOf(value, key), ChildPath(path, key), Message(status));
    }
  }
}

void CheckWindow(const Value& value, const std::string& path, Errors* errors,
                 MaintenanceConfig* out) {
  const std::pair<const char*, bool> needed[] = {{"name", out->name.empty()},
                                                 {"schedule", out->schedule.empty()}};
  for (const auto& [key, is_missing] : needed) {
    if (is_missing) {
      errors->Add(value.position, ChildPath(path, key), "must be given");
    }
  }
  if (absl::Status status = mute::ParseMatchers(out->matchers).status(); !status.ok()) {
    errors->Add(PositionOf(value, "matchers"), ChildPath(path, "matchers"), Message(status));
  }
}

absl::TimeZone ZoneOf(const std::string& name) {
  absl::TimeZone zone = absl::LocalTimeZone();
  if (!name.empty()) {
    absl::LoadTimeZone(name, &zone);
  }
  return zone;
}

}  // namespace

std::string CheckLabelName(std::string_view name) {
  return IsName(name) ? "" : fmt::format("\"{}\" is not the name of a label", name);
}

config::Type<std::vector<InhibitRuleConfig>> InhibitRulesType() {
  const auto matchers = List(String(CheckMatcher, "matchers"), 100);
  return List(
      Object<InhibitRuleConfig>()
          .Add("source_matchers", &InhibitRuleConfig::source_matchers, matchers,
               "the alert that explains: such as severity=critical, all must match")
          .Add("target_matchers", &InhibitRuleConfig::target_matchers, matchers,
               "the alerts that are held back while it fires")
          .Add("equal", &InhibitRuleConfig::equal, List(String(CheckLabelName, "labels"), 100),
               "labels that both must have in common")
          .Add("source_match", &InhibitRuleConfig::source_match, Table(CheckLabelName),
               "the old form of source_matchers: label to value")
          .Add("source_match_re", &InhibitRuleConfig::source_match_re, Table(CheckLabelName),
               "likewise: label to regular expression")
          .Add("target_match", &InhibitRuleConfig::target_match, Table(CheckLabelName),
               "the old form of target_matchers: label to value")
          .Add("target_match_re", &InhibitRuleConfig::target_match_re, Table(CheckLabelName),
               "likewise: label to regular expression")
          .Also(CheckRule)
          .Build(),
      1'000);
}

config::Type<FlappingConfig> FlappingType() {
  return Object<FlappingConfig>()
      .Add("changes", &FlappingConfig::changes, Int(0, 100),
           "an alert that fires or ends more often than this within the window flaps: people are "
           "told so, and then nothing until it is calm; 0 is never")
      .Add("window", &FlappingConfig::window_ms, Duration(10'000, 7 * kDay),
           "the time in which its changes are counted")
      .Add("calm", &FlappingConfig::calm_ms, Duration(10'000, 7 * kDay),
           "without a change for so long it is calm")
      .Build();
}

config::Type<std::vector<MaintenanceConfig>> MaintenanceType() {
  return List(
      Object<MaintenanceConfig>()
          .Add("name", &MaintenanceConfig::name, String(), "how it is called in messages",
               "must be given")
          .Add("schedule", &MaintenanceConfig::schedule, String(CheckSchedule, "schedule"),
               "when it begins, as in cron: MINUTE HOUR DAY MONTH WEEKDAY", "must be given")
          .Add("timezone", &MaintenanceConfig::timezone, String(config::CheckTimeZone, "time zone"),
               "zone of the schedule, such as Asia/Jakarta", "the collector's")
          .Add("duration", &MaintenanceConfig::duration_ms, Duration(kMinute, 31 * kDay),
               "how long it lasts")
          .Add("announce", &MaintenanceConfig::announce_ms, Duration(0, 7 * kDay),
               "people are told of it so long before it begins; 0: they are not")
          .Add("matchers", &MaintenanceConfig::matchers,
               List(String(CheckMatcher, "matchers"), 100),
               "the alerts that people are not told of meanwhile, such as node=db1")
          .Add("comment", &MaintenanceConfig::comment, String(), "why, for people", "none")
          .Also(CheckWindow)
          .Build(),
      1'000);
}

mute::Gate::Options MuteOptionsOf(const std::vector<InhibitRuleConfig>& inhibit_rules,
                                  const FlappingConfig& flapping,
                                  const std::vector<MaintenanceConfig>& maintenance,
                                  const std::string& timezone) {
  mute::Gate::Options options;
  for (const InhibitRuleConfig& rule : inhibit_rules) {
    options.inhibit.push_back({*SourceOf(rule), *TargetOf(rule), rule.equal});
  }
  options.flap = {flapping.changes, flapping.window_ms, flapping.calm_ms};
  options.zone = ZoneOf(timezone);
  for (const MaintenanceConfig& window : maintenance) {
    options.maintenance.push_back({window.name, *mute::Cron::Parse(window.schedule),
                                   window.timezone.empty() ? options.zone : ZoneOf(window.timezone),
                                   window.duration_ms, window.announce_ms,
                                   *mute::ParseMatchers(window.matchers), window.comment});
  }
  return options;
}

}  // namespace ronda::collector
