// Frames must hold just the series that have a sample at their time.
#include "collector/transfer/batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/status_matchers.h"

namespace ronda::transfer {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class BatchTest : public testing::Test {
 protected:
  void Add(std::string_view series, int64_t t_ms, double value) {
    ASSERT_OK_AND_ASSIGN(const uint32_t number, batch_.Series(Format::kPrometheus, series));
    batch_.Add(number, t_ms, value);
  }

  Batch batch_{{"", "import"}};
  std::map<std::string, MetricInfo, std::less<>> metrics_;
  int64_t repeated_ = 0;
};

TEST_F(BatchTest, SeriesWithTheSameTimesShareFrames) {
  for (int64_t t = 3; t >= 1; --t) {  // unsorted
    Add("b{node=\"n\",job=\"j\"}", t, 10.0 * static_cast<double>(t));
    Add("a{node=\"n\",job=\"j\",x=\"1\"}", t, static_cast<double>(t));
  }
  Add("slow{node=\"n\",job=\"j\"}", 2, 7);
  Add("b{node=\"m\",job=\"j\",instance=\"other\"}", 1, 8);
  metrics_["a"] = {"a", MetricType::kCounter, "bytes", "help"};
  const std::vector<Block> blocks = batch_.TakeBlocks(metrics_, &repeated_);
  ASSERT_EQ(blocks.size(), 3U);
  EXPECT_EQ(blocks[0].node, "m");
  EXPECT_EQ(blocks[0].group, (GroupIdentity{"import/j/other", "j", "other"}));
  EXPECT_EQ(blocks[1].node, "n");
  EXPECT_EQ(blocks[1].group, (GroupIdentity{"import/j/n", "j", ""}));
  EXPECT_THAT(blocks[1].t_ms, ElementsAre(1, 2, 3));
  EXPECT_THAT(blocks[1].values, ElementsAre(ElementsAre(1, 2, 3), ElementsAre(10, 20, 30)));
  const Schema& schema = *blocks[1].schema;
  EXPECT_EQ(schema.metric_of(0), metrics_["a"]);
  EXPECT_EQ(schema.series[0].labels, Labels(std::vector<Label>{{"x", "1"}}));
  EXPECT_EQ(schema.metric_of(1), (MetricInfo{"b", MetricType::kUnknown, "", ""}));
  EXPECT_THAT(blocks[2].t_ms, ElementsAre(2));
  EXPECT_EQ(repeated_, 0);
  EXPECT_EQ(batch_.rows(), 0U);
  EXPECT_THAT(batch_.TakeBlocks(metrics_, &repeated_), IsEmpty());
}

TEST_F(BatchTest, TheFirstOfEqualTimesStays) {
  Add("a{node=\"n\"}", 5, 1);
  Add("a{node=\"n\",}", 5, 2);  // another text, the same series
  Add("a{node=\"n\",job=\"import\",instance=\"n\"}", 5, 3);
  Add("a{node=\"n\"}", 4, 0);
  const std::vector<Block> blocks = batch_.TakeBlocks(metrics_, &repeated_);
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_THAT(blocks[0].values, ElementsAre(ElementsAre(0, 1)));
  EXPECT_EQ(repeated_, 2);
}

TEST_F(BatchTest, ASeriesNeedsANode) {
  EXPECT_THAT(batch_.Series(Format::kPrometheus, "a{job=\"j\"}"),
              StatusIs(absl::StatusCode::kInvalidArgument, "--node"));
  Batch named({"web1", "legacy"});
  const uint32_t series = *named.Series(Format::kPrometheus, "a");
  named.Add(series, 1, 1);
  const std::vector<Block> blocks = named.TakeBlocks(metrics_, &repeated_);
  EXPECT_EQ(blocks[0].node, "web1");
  EXPECT_EQ(blocks[0].group, (GroupIdentity{"import/legacy/web1", "legacy", ""}));
}

TEST_F(BatchTest, BlocksStayBelowTheLimitsOfAFrame) {
  for (int i = 0; i < 4500; ++i) {
    Add("a{node=\"n\",i=\"" + std::to_string(i) + "\"}", 1, i);
  }
  const std::vector<Block> blocks = batch_.TakeBlocks(metrics_, &repeated_);
  ASSERT_EQ(blocks.size(), 3U);
  for (const Block& block : blocks) {
    EXPECT_LE(block.schema->series.size(), 2000U);
    EXPECT_EQ(block.schema->metrics.size(), 1U);
  }
}

}  // namespace
}  // namespace ronda::transfer
