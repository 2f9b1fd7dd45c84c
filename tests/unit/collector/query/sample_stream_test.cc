// However the reading is cut into pieces, the same samples come in the same order.
#include "collector/query/sample_stream.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "collector/query/local_api.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/query/counting_api.h"
#include "tests/unit/collector/query/sample_folder.h"

namespace ronda::query {
namespace {

class SampleStreamTest : public testing::Test {
 protected:
  SampleStreamTest() : folder_(dir_.path()) { Use(Limits()); }

  void Use(Limits limits) {
    local_ = std::make_unique<LocalApi>(folder_.store(), nullptr, folder_.clock(),
                                        LocalApi::Options{dir_.path(), limits});
    api_ = std::make_unique<CountingApi>(*local_);
  }

  // "series time value" of each sample.
  std::vector<std::string> Read(std::vector<Matcher> matchers, int64_t start_ms, int64_t end_ms,
                                int64_t batch_samples) {
    std::vector<std::string> out;
    SampleStream stream(*api_, std::move(matchers), start_ms, end_ms, {batch_samples});
    for (;;) {
      const absl::StatusOr<const SeriesData*> part = stream.Next();
      EXPECT_OK(part);
      if (!part.ok() || *part == nullptr) {
        return out;
      }
      for (size_t i = 0; i < (*part)->t_ms.size(); ++i) {
        out.push_back(fmt::format("{} {} {}", (*part)->labels.ToString(),
                                  (*part)->t_ms[i] - kFolderEnd, (*part)->values[i]));
      }
    }
  }

  TempDir dir_;
  SampleFolder folder_;
  std::unique_ptr<LocalApi> local_;
  std::unique_ptr<CountingApi> api_;
};

TEST_F(SampleStreamTest, AMetricThatIsSmallIsOneSelect) {
  const auto all = Read({}, kFolderEnd - 59'000, kFolderEnd, 1'000'000);
  ASSERT_EQ(all.size(), 180U);
  EXPECT_EQ(all.front(),
            "node_memory_MemAvailable_bytes{instance=\"web1\",job=\"node\",node=\"web1\","
            "role=\"web\"} -59000 3000000000");
  EXPECT_EQ(all.back(), "up{instance=\"web1\",job=\"node\",node=\"web1\",role=\"web\"} 0 1");
  EXPECT_EQ(api_->selects.size(), 3U);
}

TEST_F(SampleStreamTest, SmallPiecesGiveTheSame) {
  const auto all = Read({}, kFolderEnd - 59'000, kFolderEnd, 1'000'000);
  for (const int64_t batch : {1, 7, 59, 60}) {
    Use(Limits());
    EXPECT_EQ(Read({}, kFolderEnd - 59'000, kFolderEnd, batch), all) << batch;
    if (batch < 60) {
      EXPECT_GE(api_->selects.size(), static_cast<size_t>(180 / batch)) << batch;
    }
  }
}

TEST_F(SampleStreamTest, WhatIsAboveTheLimitIsCutUntilItFits) {
  const auto all = Read({}, kFolderEnd - 59'000, kFolderEnd, 1'000'000);
  Use({.max_samples = 10, .max_ms = 30'000});
  EXPECT_EQ(Read({}, kFolderEnd - 59'000, kFolderEnd, 1'000'000), all);
}

TEST_F(SampleStreamTest, ASingleSampleAboveTheLimitIsAnError) {
  Use({.max_samples = 0, .max_ms = 30'000});
  SampleStream stream(*api_, {}, kFolderEnd - 59'000, kFolderEnd, {1'000'000});
  EXPECT_THAT(stream.Next(), StatusIs(absl::StatusCode::kResourceExhausted, "limit of 0 samples"));
}

TEST_F(SampleStreamTest, AllOfTimeIsNarrowedToTheDaysWithData) {
  const auto all = Read({}, kFolderEnd - 59'000, kFolderEnd, 1'000'000);
  Use(Limits());
  EXPECT_EQ(Read({}, 1, kFolderEnd + 86'400'000, 1'000'000), all);
  // The samples lie around a midnight: two days, or three with what the probing rounds.
  for (const SelectSpec& spec : api_->selects) {
    EXPECT_GT(spec.start_ms, kFolderEnd - 3 * 86'400'000LL) << CountingApi::Text(spec);
  }
  EXPECT_LT(api_->series_calls, 60);
}

TEST_F(SampleStreamTest, MatchersAndTimesGoDown) {
  EXPECT_EQ(Read({Matcher::Equal("__name__", "up"), Matcher::Equal("node", "web1")},
                 kFolderEnd - 9'000, kFolderEnd - 1'000, 1000)
                .size(),
            9U);
  ASSERT_EQ(api_->selects.size(), 1U);
  EXPECT_EQ(api_->samples, 9);
  EXPECT_THAT(Read({Matcher::Equal("node", "web9")}, 1, kFolderEnd, 1000), testing::IsEmpty());
  EXPECT_THAT(Read({}, kFolderEnd, kFolderEnd - 1, 1000), testing::IsEmpty());
}

}  // namespace
}  // namespace ronda::query
