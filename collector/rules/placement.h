// Which rules run as samples arrive, and which at the interval of their group.
#pragma once

#include <vector>

#include "collector/rules/alert.h"
#include "collector/rules/rule_file.h"

namespace ronda::rules {

// Sets on_arrival. It is so for an alerting rule that
//   - compares a selector with a number, and clears so if it has ronda_clear;
//   - reads no series that rules record, nor ALERTS and ALERTS_FOR_STATE: those never arrive;
//   - has neither $value nor query in its labels, nor query in its annotations.
void PlaceRules(std::vector<RuleFile>* files);

// Whether the selector can select a series of this name.
bool CanSelect(const std::vector<Matcher>& matchers, std::string_view metric);
// Whether it is about data that are not there: absent(), up, ronda_gap, ALERTS, but not `up == 1`
// beside something else. What it says of a node that is silent counts.
bool IsAboutSilence(const promql::Expr& expr);

// Whether an alert with this group, name and labels can be of the rule.
bool CouldRaise(const RuleGroup& group, const Rule& rule, const Alert& alert);

}  // namespace ronda::rules
