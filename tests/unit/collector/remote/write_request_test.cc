#include "collector/remote/write_request.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "tests/support/status_matchers.h"
#include "tests/support/write_request.h"

namespace ronda::remote {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(WriteRequestTest, ReadsWhatWasWritten) {
  const std::string body =
      Snappy(EncodePush({{{{"__name__", "up"}, {"job", "a"}}, {{1000, 1.5}, {2000, StaleMarker()}}},
                         {{{"__name__", "x"}}, {{-5, -0.0}}}},
                        {{1, "up", "Is it?", "bool"}}));
  ASSERT_OK_AND_ASSIGN(const WriteRequest request, DecodeWriteRequest(body, {}));
  ASSERT_EQ(request.series.size(), 2u);
  EXPECT_EQ(request.series[0].labels, 2u);
  EXPECT_EQ(request.labels[1].name, "job");
  EXPECT_EQ(request.labels[1].value, "a");
  EXPECT_EQ(request.series[1].first_sample, 2u);
  EXPECT_TRUE(IsStale(request.samples[1].value));
  EXPECT_EQ(request.samples[2].t_ms, -5);
  EXPECT_NE(request.series[0].key, request.series[1].key);
  ASSERT_EQ(request.metadata.size(), 1u);
  EXPECT_EQ(request.metadata[0].type, FamilyType::kCounter);
  EXPECT_EQ(request.metadata[0].help, "Is it?");
}

TEST(WriteRequestTest, EqualLabelsHaveEqualKeysWhereverTheyStand) {
  const PushedSeries whole = {{{"__name__", "up"}, {"job", "a"}}, {{1000, 1}}};
  std::string scattered =
      EncodeSeries({{{"__name__", "up"}}, {{1000, 1}}}) + EncodeSeries({{{"job", "a"}}, {}});
  std::string message = EncodePush({whole, whole});
  PutProtoText(1, scattered, &message);
  PutProtoText(1, scattered, &message);
  ASSERT_OK_AND_ASSIGN(const WriteRequest request, DecodeWriteRequest(Snappy(message), {}));
  EXPECT_EQ(request.series[0].key, request.series[1].key);
  EXPECT_EQ(request.series[2].key, request.series[3].key);
  EXPECT_EQ(request.series[2].labels, 2u);
}

TEST(WriteRequestTest, UnknownFieldsArePassedOver) {
  std::string message = EncodePush({{{{"__name__", "up"}}, {{1000, 1}}}});
  PutProtoText(9, "later", &message);
  message += std::string("\x50\x05\x5d", 3) + "abcd" + "\x61" + "12345678";
  ASSERT_OK_AND_ASSIGN(const WriteRequest request, DecodeWriteRequest(Snappy(message), {}));
  EXPECT_EQ(request.series.size(), 1u);
}

TEST(WriteRequestTest, ABombIsRefusedByItsFirstBytes) {
  WriteLimits limits;
  std::string bomb;
  codec::PutVarint(&bomb, uint64_t{3} << 30);  // "3 GiB follow"
  bomb += std::string(100, '\0');
  EXPECT_THAT(DecodeWriteRequest(bomb, limits), StatusIs(kInvalid, "are allowed"));
  limits.max_bytes = 1000;
  EXPECT_THAT(DecodeWriteRequest(Snappy(std::string(1001, 'x')), limits),
              StatusIs(kInvalid, "1001 bytes when decompressed, 1000 are allowed"));
}

TEST(WriteRequestTest, CountsAreBounded) {
  const PushedSeries series = {{{"__name__", "up"}}, {{1, 1}, {2, 2}, {3, 3}}};
  const std::string body = Snappy(EncodePush({series, series}));
  EXPECT_OK(DecodeWriteRequest(body, {1 << 20, 2, 6}));
  EXPECT_THAT(DecodeWriteRequest(body, {1 << 20, 1, 6}), StatusIs(kInvalid, "than 1 series"));
  EXPECT_THAT(DecodeWriteRequest(body, {1 << 20, 2, 5}), StatusIs(kInvalid, "than 5 samples"));
  PushedSeries wide;
  for (int i = 0; i < 65; ++i) {
    wide.labels.emplace_back("l" + std::to_string(i), "v");
  }
  EXPECT_THAT(DecodeWriteRequest(Snappy(EncodePush({wide})), {}), StatusIs(kInvalid, "64 labels"));
}

TEST(WriteRequestTest, NoBytesBreakIt) {
  EXPECT_THAT(DecodeWriteRequest("", {}), StatusIs(kInvalid, "snappy"));
  EXPECT_THAT(DecodeWriteRequest("hello", {}), StatusIs(kInvalid, "snappy"));
  EXPECT_THAT(DecodeWriteRequest(Snappy("hello"), {}), StatusIs(kInvalid, "WriteRequest"));
  EXPECT_OK(DecodeWriteRequest(Snappy(""), {}));
  std::mt19937 random(23);
  const std::string good = EncodePush(
      {{{{"__name__", "up"}, {"job", "a"}}, {{1000, 1}, {2000, 2}}}}, {{2, "up", "h", "u"}});
  for (int i = 0; i < 20'000; ++i) {
    std::string bad = good;
    for (int k = 0; k < 2; ++k) {
      bad[random() % bad.size()] = static_cast<char>(random());
    }
    bad.resize(random() % (bad.size() + 1));
    DecodeWriteRequest(Snappy(bad), {}).status().IgnoreError();
  }
}

}  // namespace
}  // namespace ronda::remote
