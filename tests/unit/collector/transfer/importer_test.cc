#include "collector/transfer/importer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "common/model/sample.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::transfer {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ImporterTest : public testing::Test {
 protected:
  Importer::Options Options() {
    Importer::Options options;
    options.batch.node = "web1";
    options.send = [this](const std::string& node, std::span<const Block> blocks,
                          int64_t* durable) {
      sends_.push_back(node);
      for (const Block& block : blocks) {
        blocks_.push_back(block);
        *durable += static_cast<int64_t>(block.t_ms.size() * block.values.size());
      }
      return absl::OkStatus();
    };
    return options;
  }

  absl::Status Import(Importer& importer, const std::string& text) {
    std::ofstream(dir_.File("in")) << text;
    RONDA_ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(dir_.File("in")));
    RONDA_RETURN_IF_ERROR(importer.Add(reader));
    return importer.Finish();
  }

  TempDir dir_;
  FakeClock clock_;
  const std::string now_ = std::to_string(clock_.NowMs());
  std::vector<std::string> sends_;
  std::vector<Block> blocks_;
};

TEST_F(ImporterTest, DescriptionsGoWithTheSamples) {
  Importer importer(Options(), clock_);
  ASSERT_OK(Import(importer,
                   "# HELP x_total Things, a\\\\b.\n# TYPE x_total counter\n# UNIT x_total bytes\n"
                   "x_total{a=\"1\"} 5 1000000000000\nx_total{a=\"1\"} 6 1000000001000\n"
                   "# ENDED x_total{a=\"1\"} 1000000002000\n# EOF\n"));
  ASSERT_EQ(blocks_.size(), 1U);
  EXPECT_EQ(blocks_[0].schema->metrics[0],
            (MetricInfo{"x_total", MetricType::kCounter, "bytes", "Things, a\\b."}));
  ASSERT_EQ(blocks_[0].values[0].size(), 3U);
  EXPECT_TRUE(IsStale(blocks_[0].values[0][2]));
  EXPECT_EQ(importer.count().samples, 2);
  EXPECT_EQ(importer.count().durable, 3);
  EXPECT_THAT(importer.count().nodes, ElementsAre("web1"));
}

TEST_F(ImporterTest, ABadLineStopsBeforeItsBatch) {
  Importer::Options options = Options();
  options.max_rows = 2;
  Importer importer(options, clock_);
  EXPECT_THAT(
      Import(importer, "a 1 1000000000000\na 1 1000000001000\na 1 1000000002000\nb one 1\n"),
      StatusIs(absl::StatusCode::kInvalidArgument, dir_.File("in") + ":4: the value"));
  EXPECT_EQ(importer.count().durable, 2);
  EXPECT_EQ(sends_.size(), 1U);
}

TEST_F(ImporterTest, BadLinesAreSkippedAndCounted) {
  Importer::Options options = Options();
  options.skip_bad = true;
  Importer importer(options, clock_);
  ASSERT_OK(Import(importer, "a 1 1000000000000\nnonsense\n\na{ 1\na 2 1000000001000\n"));
  EXPECT_EQ(importer.count().bad, 2);
  EXPECT_EQ(importer.count().first_bad,
            dir_.File("in") + ":2: no value after the series \"nonsense\"");
  EXPECT_EQ(importer.count().durable, 2);
}

TEST_F(ImporterTest, NoSamplesOfTheFuture) {
  Importer importer(Options(), clock_);
  EXPECT_THAT(Import(importer, "a 1 " + std::to_string(clock_.NowMs() + 600'001) + "\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, "lies in the future"));
  EXPECT_OK(Import(importer, "a 1 " + std::to_string(clock_.NowMs() + 600'000) + "\n"));
}

TEST_F(ImporterTest, ADryRunSendsNothing) {
  Importer::Options options = Options();
  options.send = nullptr;
  Importer importer(options, clock_);
  ASSERT_OK(Import(importer, "time_ms,value,series\n1000000000000,1,a\n1000000000000,2,a\n"));
  EXPECT_THAT(sends_, IsEmpty());
  EXPECT_EQ(importer.count().samples, 2);
  EXPECT_EQ(importer.count().repeated, 1);
  EXPECT_THAT(Import(importer, "time_ms,value,series\n1000000000000,1,{}\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, ":2: "));
}

TEST_F(ImporterTest, ProgressCanEndIt) {
  Importer::Options options = Options();
  options.progress = [](const ImportCount&) { return false; };
  Importer importer(options, clock_);
  std::string text;
  for (int i = 0; i < 20'001; ++i) {
    text += "a 1 " + std::to_string(1'000'000'000'000 + i) + "\n";
  }
  EXPECT_THAT(Import(importer, text), StatusIs(absl::StatusCode::kCancelled, "interrupted"));
}

TEST_F(ImporterTest, LinesAreBounded) {
  Importer importer(Options(), clock_);
  EXPECT_THAT(Import(importer, std::string(LineReader::kMaxLineBytes + 300'000, 'x')),
              StatusIs(absl::StatusCode::kInvalidArgument, ":1: a line of more than"));
  EXPECT_OK(Import(importer, "a 1 1000000000000"));  // without a line feed
  EXPECT_EQ(importer.count().durable, 1);
  EXPECT_THAT(LineReader::Open(dir_.File("none")).status(),
              StatusIs(absl::StatusCode::kNotFound, "none"));
}

}  // namespace
}  // namespace ronda::transfer
