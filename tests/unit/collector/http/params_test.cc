#include "collector/http/params.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace ronda::http {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(ParamsTest, Times) {
  EXPECT_EQ(ParseTimeMs("0"), 0);
  EXPECT_EQ(ParseTimeMs("1435781451.781"), 1'435'781'451'781);
  EXPECT_EQ(ParseTimeMs("1.4357814517e9"), 1'435'781'451'700);
  EXPECT_EQ(ParseTimeMs("-1.5"), -1500);
  EXPECT_EQ(ParseTimeMs("2015-07-01T20:10:51.781Z"), 1'435'781'451'781);
  EXPECT_EQ(ParseTimeMs("2015-07-01T22:10:51+02:00"), 1'435'781'451'000);
  for (const char* text : {"", "now", "1 ", "NaN", "Inf", "2015-07-01", "12:00", "0x10",
                           "infinite-future", "2015-13-01T20:10:51Z"}) {
    EXPECT_EQ(ParseTimeMs(text), std::nullopt) << text;
  }
}

TEST(ParamsTest, Steps) {
  EXPECT_EQ(ParseStepMs("15"), 15'000);
  EXPECT_EQ(ParseStepMs("0.001"), 1);
  EXPECT_EQ(ParseStepMs("1.1"), 1100);
  EXPECT_EQ(ParseStepMs("1h30m"), 5'400'000);
  EXPECT_EQ(ParseStepMs("-1"), -1000);
  for (const char* text : {"", "m", "5 m", "1e300", "5m1h"}) {
    EXPECT_EQ(ParseStepMs(text), std::nullopt) << text;
  }
}

TEST(ParamsTest, ErrorsNameTheParameter) {
  Request request;
  request.params = {{"time", "soon"}, {"step", "often"}, {"limit", "x"}, {"match[]", "a{"}};
  EXPECT_THAT(
      TimeParam(request, "time", 0),
      StatusIs(kInvalid, "invalid parameter \"time\": cannot parse \"soon\" to a valid timestamp"));
  EXPECT_THAT(
      DurationParam(request, "step"),
      StatusIs(kInvalid, "invalid parameter \"step\": cannot parse \"often\" to a valid duration"));
  EXPECT_THAT(LimitParam(request), StatusIs(kInvalid, "invalid parameter \"limit\""));
  EXPECT_THAT(MatchParams(request), StatusIs(kInvalid, "invalid parameter \"match[]\": 1:"));
  request.params = {{"limit", "-1"}};
  EXPECT_THAT(LimitParam(request), StatusIs(kInvalid, "limit must be non-negative"));
}

TEST(ParamsTest, EscapedNames) {
  EXPECT_EQ(UnescapeName("U__http_2e_status"), "http.status");
  EXPECT_EQ(UnescapeName("U__a__b"), "a_b");
  EXPECT_EQ(UnescapeName("U__caf_e9_"), "café");
  EXPECT_EQ(UnescapeName("U___1F600_"), "😀");
  EXPECT_EQ(UnescapeName("job"), "job");
  EXPECT_EQ(UnescapeName("U__a_zz_"), "U__a_zz_");
  EXPECT_EQ(UnescapeName("U__a_2e"), "U__a_2e");
}

}  // namespace
}  // namespace ronda::http
