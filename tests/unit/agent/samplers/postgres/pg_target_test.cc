#include "agent/samplers/postgres/pg_target.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "tests/support/status_matchers.h"

namespace ronda::agent {
namespace {

using absl::StatusCode;

class PgTargetTest : public testing::Test {
 protected:
  // libpq reads these.
  void SetUp() override {
    for (const char* name : {"PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD",
                             "PGSERVICE", "PGAPPNAME"}) {
      unsetenv(name);
    }
  }

  static std::string Parameter(const PgTarget& target, const std::string& keyword) {
    for (const auto& [key, value] : target.parameters) {
      if (key == keyword) {
        return value;
      }
    }
    return "";
  }
};

TEST_F(PgTargetTest, NamesTheInstanceByHostAndPort) {
  const struct {
    const char* connection;
    const char* instance;
  } cases[] = {
      {"host=db1 port=5433", "db1:5433"},
      {"host=db1", "db1:5432"},
      {"host=db1.example.com hostaddr=10.0.0.5", "db1.example.com:5432"},
      {"hostaddr=10.0.0.5 port=6000", "10.0.0.5:6000"},
      {"host=::1", "[::1]:5432"},
      {"postgresql://ronda@db1:5433/shop", "db1:5433"},
      {"postgres://ronda@[2001:db8::5]/shop", "[2001:db8::5]:5432"},
      {"", "localhost:5432"},
      {"port=5433", "localhost:5433"},
      {"host=/var/run/postgresql", "localhost:5432"},
      {"postgresql://%2Fvar%2Frun%2Fpostgresql:5434/shop", "localhost:5434"},
      {"host=@ronda", "localhost:5432"},
  };
  for (const auto& c : cases) {
    const absl::StatusOr<PgTarget> target = ParsePgTarget(c.connection, "");
    ASSERT_OK(target) << c.connection;
    EXPECT_EQ(target->instance, c.instance) << c.connection;
  }
}

TEST_F(PgTargetTest, KeepsUserDatabaseAndOwnSettings) {
  ASSERT_OK_AND_ASSIGN(
      const PgTarget target,
      ParsePgTarget("postgresql://ronda:old@db1/shop?sslmode=require&application_name=x", "new"));
  EXPECT_EQ(target.user, "ronda");
  EXPECT_EQ(target.database, "shop");
  EXPECT_EQ(Parameter(target, "password"), "new");
  EXPECT_EQ(Parameter(target, "sslmode"), "require");
  EXPECT_EQ(Parameter(target, "application_name"), "ronda-agent");
  ASSERT_OK_AND_ASSIGN(const PgTarget plain, ParsePgTarget("host=db1 user=ronda password=p", ""));
  EXPECT_EQ(Parameter(plain, "password"), "p");
  EXPECT_EQ(plain.database, "ronda");  // libpq's rule
}

TEST_F(PgTargetTest, TheEnvironmentFillsIn) {
  setenv("PGHOST", "db9", 1);
  setenv("PGPORT", "6543", 1);
  ASSERT_OK_AND_ASSIGN(const PgTarget target, ParsePgTarget("user=ronda", ""));
  unsetenv("PGHOST");
  unsetenv("PGPORT");
  EXPECT_EQ(target.instance, "db9:6543");
}

TEST_F(PgTargetTest, RefusesWithoutShowingWhatItWasGiven) {
  for (const char* connection :
       {"host=db1 password=canary extra", "hst=canary", "host=db1 port=canary",
        "host=db1 port=65536", "postgresql://u:x@canary@db1/shop", "postgresql://u:canary/x@db1/",
        "postgresql://u:12/canary@db1/shop"}) {
    const absl::StatusOr<PgTarget> target = ParsePgTarget(connection, "canary");
    EXPECT_THAT(target, StatusIs(StatusCode::kInvalidArgument, "connection string"));
    EXPECT_EQ(Message(target.status()).find("canary"), std::string_view::npos);
  }
  EXPECT_THAT(ParsePgTarget("host=db1,db2", ""),
              StatusIs(StatusCode::kInvalidArgument, "several hosts"));
}

}  // namespace
}  // namespace ronda::agent
