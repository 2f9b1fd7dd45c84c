#include "common/config/time_zone.h"

#include <gtest/gtest.h>

namespace ronda::config {
namespace {

TEST(TimeZoneTest, TellsNamesThatTheMachineDoesNotKnow) {
  EXPECT_EQ(CheckTimeZone(""), "");
  EXPECT_EQ(CheckTimeZone("UTC"), "");
  EXPECT_EQ(CheckTimeZone("Mars/Olympus"),
            "\"Mars/Olympus\" is not a time zone that this machine knows (such as Europe/Berlin or "
            "UTC)");
}

}  // namespace
}  // namespace ronda::config
