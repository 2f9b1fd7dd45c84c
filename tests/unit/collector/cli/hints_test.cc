#include "collector/cli/hints.h"

#include <gtest/gtest.h>

#include "collector/promql/parser.h"
#include "tests/support/status_matchers.h"

namespace ronda::cli {
namespace {

const std::vector<std::string>& Names() {
  static const std::vector<std::string> kNames = {"node_load1", "node_load15",
                                                  "node_memory_MemAvailable_bytes", "up"};
  return kNames;
}

TEST(Hints, TheNearestNameByEdits) {
  EXPECT_EQ(NearestName("node_laod1", Names()), "node_load1");
  EXPECT_EQ(NearestName("node_load_15", Names()), "node_load15");
  EXPECT_EQ(NearestName("node_memory_memavailable_bytes", Names()),
            "node_memory_MemAvailable_bytes");
}

TEST(Hints, ElseANameThatHoldsIt) {
  EXPECT_EQ(NearestName("MemAvailable", Names()), "node_memory_MemAvailable_bytes");
  EXPECT_EQ(NearestName("completely_different", Names()), "");
}

TEST(Hints, ACaretStandsUnderThePlace) {
  const std::string text = "node_load1{node=web1}";
  const absl::Status error = promql::ParseSelector(text).status();
  ASSERT_FALSE(error.ok());
  const absl::Status shown = ShowPlace(error, text);
  EXPECT_EQ(shown.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(shown, StatusIs(absl::StatusCode::kInvalidArgument, "line 1, column 17:"));
  EXPECT_THAT(shown, StatusIs(absl::StatusCode::kInvalidArgument,
                              "\n  node_load1{node=web1}\n                  ^"));
}

TEST(Hints, ThePlaceMayLieOnALaterLineOrAtTheEnd) {
  EXPECT_THAT(ShowPlace(MakeStatus(absl::StatusCode::kInvalidArgument, "2:3: no"), "ab\ncdef\ng"),
              StatusIs(absl::StatusCode::kInvalidArgument, "\n  cdef\n    ^"));
  EXPECT_THAT(ShowPlace(MakeStatus(absl::StatusCode::kInvalidArgument, "1:99: no"), "ab"),
              StatusIs(absl::StatusCode::kInvalidArgument, "\n  ab\n    ^"));
  EXPECT_THAT(ShowPlace(MakeStatus(absl::StatusCode::kInvalidArgument, "7:1: no"), "ab"),
              StatusIs(absl::StatusCode::kInvalidArgument, "\n  \n  ^"));
}

TEST(Hints, OtherErrorsStayAsTheyAre) {
  const absl::Status other = MakeStatus(absl::StatusCode::kInternal, "12 monkeys");
  EXPECT_EQ(ShowPlace(other, "x"), other);
}

}  // namespace
}  // namespace ronda::cli
