// Runs unit tests of rules on series in memory.
#pragma once

#include <string>
#include <vector>

#include "collector/rules/rule_file.h"
#include "collector/rules/unit_test/test_file.h"

namespace ronda::rules {

// What failed, a text of several lines each; none if all is as expected. Every group is evaluated
// each evaluation_interval from the first sample to the last time that is asked about, in the order
// of group_eval_order, then in that of the files.
std::vector<std::string> RunTests(const TestFile& tests, const std::vector<RuleFile>& rules);

}  // namespace ronda::rules
