#include "agent/samplers/postgres/libpq.h"

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include "tests/support/status_matchers.h"

namespace ronda::agent {
namespace {

TEST(LibpqTest, CallsReachTheLibrary) {
  ASSERT_OK(LoadLibpq());
  ASSERT_OK(LoadLibpq());  // again is nothing new
  char* error = nullptr;
  PQconninfoOption* const options = PQconninfoParse("host=db1", &error);
  EXPECT_NE(options, nullptr);
  PQconninfoFree(options);
  EXPECT_EQ(PQconninfoParse("no such=", &error), nullptr);
  EXPECT_NE(error, nullptr);
  PQfreemem(error);
}

}  // namespace
}  // namespace ronda::agent
