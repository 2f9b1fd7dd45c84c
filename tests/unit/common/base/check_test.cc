#include "common/base/check.h"

#include <gtest/gtest.h>

namespace {

TEST(CheckDeathTest, AbortsWithPlaceAndCondition) {
  int n = 1;
  RONDA_CHECK(n == 1);
  EXPECT_DEATH(RONDA_CHECK(n == 2), "check_test.cc:[0-9]+: check failed: n == 2");
}

}  // namespace
