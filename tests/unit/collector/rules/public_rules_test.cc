// Rule files as others write them load unchanged and can be evaluated.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "collector/promql/script/memory_series.h"
#include "collector/rules/engine.h"
#include "collector/rules/interval/group_state.h"
#include "collector/rules/unit_test/memory_host.h"
#include "common/base/files.h"
#include "tests/support/status_matchers.h"

namespace ronda::rules {
namespace {

TEST(PublicRulesTest, TheShapesOfPublicFilesLoadAndEvaluate) {
  const char* source = std::getenv("RONDA_SOURCE");
  const std::string path =
      std::string(source != nullptr ? source : ".") + "/tests/testdata/rules/shapes.yml";
  ASSERT_OK_AND_ASSIGN(const std::string content, ReadFile(path));
  const RuleFileReport report = ReadRules(path, content);
  for (const Problem& problem : report.problems) {
    EXPECT_NE(problem.text.find("uses $value"), std::string::npos) << problem.Format(path);
    EXPECT_TRUE(problem.warning);
  }
  ASSERT_OK(Engine::New({report.file}));
  // With some data, so that expressions meet values and not only their absence.
  promql::MemorySeries data;
  for (int64_t t_ms = 0; t_ms <= 600'000; t_ms += 15'000) {
    for (const char* instance : {"a:1", "b:1"}) {
      for (const char* name :
           {"up", "node_load1", "http_requests_total", "node_filesystem_avail_bytes",
            "node_memory_MemAvailable_bytes", "latency_seconds", "process_start_time_seconds"}) {
        data.Add(Labels::Of(name, {{"instance", instance}, {"job", "j"}, {"code", "500"}}), t_ms,
                 static_cast<double>(t_ms) / 1000);
      }
    }
  }
  MemoryHost host(data);
  const TextContext texts;
  const GroupState::Tools tools{data, host, texts, INT64_MAX, {}};
  size_t rules = 0;
  size_t fired = 0;
  for (const RuleGroup& group : report.file.groups) {
    GroupState state(report.file, group);
    state.Evaluate(600'000, {}, tools, [&](size_t number) {
      ++rules;
      EXPECT_EQ(state.health().rules[number].error, "") << group.rules[number].name;
    });
    for (const Transition& transition : host.TakeTransitions()) {
      ++fired;
      for (const Label& annotation : transition.alert.annotations) {
        EXPECT_EQ(annotation.value.find("<error"), std::string::npos) << annotation.value;
      }
    }
  }
  EXPECT_GT(rules, 60U);
  EXPECT_GT(fired, 2U);
}

}  // namespace
}  // namespace ronda::rules
