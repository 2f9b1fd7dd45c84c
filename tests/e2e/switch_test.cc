// One switch fails: 20 nodes fall silent together, each with 10 alerts that fire. With the default
// rules people get one message, and it says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "tests/support/telling_collector.h"

namespace ronda {
namespace {

constexpr int kLost = 20;
constexpr int kLeft = 5;
constexpr int kSymptoms = 10;

// The default rules of nodes, and symptoms.
std::string Rules() {
  const char* source = std::getenv("RONDA_SOURCE");
  const std::string root = source != nullptr ? source : ".";
  return ReadFile(root + "/deploy/rules/node.yml").value_or("") + R"(
  - name: symptoms
    rules:
      - alert: Symptom
        expr: test_gauge{node=~"lost.*"} > -1
      - alert: Marker
        expr: up{node="marker"} == 1
)";
}

class SwitchTest : public testing::Test {
 protected:
  // All agents go on, a tick a second, while something is waited for.
  template <typename F>
  bool Meanwhile(int64_t timeout_ms, F done) {
    return Eventually(timeout_ms, [&] {
      if (MonotonicMsForTest() - ticked_ms_ >= 1'000) {
        ticked_ms_ = MonotonicMsForTest();
        for (const auto& agent : agents_) {
          agent->Tick();
        }
      }
      return done();
    });
  }
  // The messages after the first `count`: "firing ManyNodesSilent: SUMMARY".
  std::vector<std::string> ToldAfter(size_t count) const {
    std::vector<std::string> out;
    const std::vector<Told> told = collector_.told();
    for (size_t i = count; i < told.size(); ++i) {
      out.push_back(told[i].status + " " + told[i].rule + ": " + told[i].summary);
    }
    return out;
  }

  TellingCollector collector_{"silence_after: 20s\nsilence_grace: 1s\n", Rules()};
  std::vector<std::unique_ptr<TestAgent>> agents_;
  int64_t ticked_ms_ = 0;
};

TEST_F(SwitchTest, TwentyNodesWithTenSymptomsEachAreOneMessage) {
  ASSERT_TRUE(collector_.Start()) << collector_.log();
  for (int i = 0; i < kLost + kLeft; ++i) {
    const std::string node = (i < kLost ? "lost" : "left") + std::to_string(i);
    agents_.push_back(collector_.Agent(node, /*ticks=*/1, /*series=*/2 * kSymptoms));
    ASSERT_NE(agents_.back(), nullptr) << collector_.log();
    Meanwhile(0, [] { return true; });  // those that are there go on
  }
  constexpr size_t kBefore = kLost * kSymptoms;
  ASSERT_TRUE(Meanwhile(60'000, [&] { return collector_.told().size() >= kBefore; }))
      << collector_.told().size() << collector_.log();

  agents_.erase(agents_.begin(), agents_.begin() + kLost);  // the switch
  ASSERT_TRUE(Meanwhile(90'000, [&] { return collector_.told().size() > kBefore; }))
      << collector_.log();
  ASSERT_TRUE(Meanwhile(60'000, [&] {
    const std::string alerts = collector_.Ronda({"alerts", "--state", "unknown", "-o", "csv"}).out;
    return std::count(alerts.begin(), alerts.end(), '\n') == 1 + kLost * kSymptoms;
  })) << collector_.Ronda({"alerts"}).out;

  // Messages go out in order: what comes after all that was said of the silence.
  agents_.push_back(collector_.Agent("marker"));
  ASSERT_NE(agents_.back(), nullptr) << collector_.log();
  ASSERT_TRUE(Meanwhile(60'000, [&] {
    return !collector_.told().empty() && collector_.told().back().rule == "Marker";
  })) << collector_.log();
  EXPECT_THAT(ToldAfter(kBefore),
              testing::ElementsAre("firing ManyNodesSilent: No data from 80% of all nodes",
                                   "firing Marker: "));
}

}  // namespace
}  // namespace ronda
