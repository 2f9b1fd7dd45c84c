#include "agent/samplers/postgres/activity.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace ronda::agent {
namespace {

ActivityRow Row(const std::string& datname, const std::string& usename, const std::string& app,
                const std::string& state, double count, double max_tx = 0) {
  return {datname, usename, app, state, count, max_tx};
}

double Sum(const std::vector<ActivityRow>& rows) {
  double sum = 0;
  for (const ActivityRow& row : rows) {
    sum += row.count;
  }
  return sum;
}

bool Has(const std::vector<ActivityRow>& rows, const ActivityRow& row) {
  return std::find(rows.begin(), rows.end(), row) != rows.end();
}

TEST(ActivityNamesTest, FewRowsStayAsTheyAre) {
  ActivityNames names(100);
  const std::vector<ActivityRow> rows = {Row("shop", "alice", "till", "active", 2, 1.5),
                                         Row("shop", "alice", "till", "idle", 7)};
  EXPECT_EQ(names.Fold(rows, {}), rows);
  EXPECT_EQ(names.folded(), 0U);
}

TEST(ActivityNamesTest, TheSmallestAreAddedUpUnderOther) {
  ActivityNames names(100);
  std::vector<ActivityRow> rows = {Row("shop", "alice", "other", "idle", 1000, 5)};
  for (int i = 0; i < 200; ++i) {
    rows.push_back(Row("shop", "alice", fmt::format("app{}", i), "idle", i + 1, i));
  }
  const std::vector<ActivityRow> folded = names.Fold(rows, {});
  EXPECT_EQ(folded.size(), 90U);  // nine tenths; the sums went into the real "other"
  EXPECT_EQ(Sum(folded), Sum(rows));
  EXPECT_TRUE(Has(folded, Row("shop", "alice", "app199", "idle", 200, 199)));
  // 1000 of its own and 1 + ... + 111; the oldest transaction among them is app110's.
  EXPECT_TRUE(Has(folded, Row("shop", "alice", "other", "idle", 1000 + 111 * 112 / 2, 110)));
  EXPECT_EQ(names.folded(), 111U);
}

TEST(ActivityNamesTest, UsersAndDatabasesAreFoldedWhenApplicationsDoNotSuffice) {
  std::vector<ActivityRow> users;
  std::vector<ActivityRow> databases;
  for (int i = 0; i < 400; ++i) {
    const std::string n = std::to_string(i);
    users.push_back(Row("shop", n, "app", "idle", 1));
    databases.push_back(Row(n, n, "app", "idle", 1));
  }
  const std::vector<ActivityRow> by_user = ActivityNames(100).Fold(users, {});
  EXPECT_TRUE(Has(by_user, Row("shop", "other", "other", "idle", 310)));
  const std::vector<ActivityRow> by_database = ActivityNames(100).Fold(databases, {});
  EXPECT_TRUE(Has(by_database, Row("other", "other", "other", "idle", 310)));
}

TEST(ActivityNamesTest, ANameOnceGivenStaysUntilForgotten) {
  ActivityNames names(100);
  std::vector<ActivityRow> first;
  std::vector<ActivityRow> second;
  for (int i = 0; i < 90; ++i) {
    first.push_back(Row("shop", "alice", fmt::format("old{}", i), "idle", 1));
    second.push_back(Row("shop", "alice", fmt::format("new{}", i), "idle", 100));
  }
  names.Fold(first, {});
  second.push_back(first[0]);
  EXPECT_EQ(names.Fold(second, {}).size(), 2U);  // old0 and other
  names.Forget();
  EXPECT_EQ(names.Fold(second, {}).size(), 91U);
}

// Applications that put a new number into their name each time must not make series without end.
TEST(ActivityNamesTest, NeverGivesMoreNamesThanItsLimit) {
  constexpr unsigned kSeed = 20261120;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  const std::vector<std::string> databases = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
  const std::vector<std::string> states = {"active", "idle", "idle in transaction", "disabled"};
  for (const unsigned spread : {3U, 30U, 3000U}) {
    ActivityNames names(100);
    std::set<std::tuple<std::string, std::string, std::string, std::string>> seen;
    for (int tick = 0; tick < 100; ++tick) {
      std::set<std::tuple<std::string, std::string, std::string, std::string>> keys;
      for (int i = 0; i < 150; ++i) {
        keys.emplace(fmt::format("d{}", random() % spread), fmt::format("u{}", random() % spread),
                     fmt::format("app{}", random() % 1000), states[random() % states.size()]);
      }
      std::vector<ActivityRow> rows;
      for (const auto& [datname, usename, app, state] : keys) {
        rows.push_back(Row(datname, usename, app, state, 1 + static_cast<double>(random() % 5)));
      }
      const std::vector<ActivityRow> folded = names.Fold(rows, databases);
      EXPECT_EQ(Sum(folded), Sum(rows));
      for (const ActivityRow& row : folded) {
        seen.emplace(row.datname, row.usename, row.application_name, row.state);
      }
    }
    EXPECT_LE(seen.size(), 100U) << "spread " << spread;
  }
}

TEST(ActivityNamesTest, StatesWithoutSessionsAreZeroInHalfOfTheRoomAtMost) {
  ActivityNames names(100);
  const std::vector<std::string> two = {"shop", "blog"};
  const std::vector<ActivityRow> rows = {Row("shop", "alice", "till", "idle", 4)};
  const std::vector<ActivityRow> all = names.Fold(rows, two);
  EXPECT_EQ(all.size(), 12U);  // two databases, six states
  EXPECT_TRUE(Has(all, Row("shop", "", "", "active", 0)));
  EXPECT_TRUE(Has(all, Row("blog", "", "", "idle", 0)));
  EXPECT_FALSE(Has(all, Row("shop", "", "", "idle", 0)));

  std::vector<std::string> many;
  for (int i = 0; i < 100; ++i) {
    many.push_back(fmt::format("d{}", i));
  }
  EXPECT_EQ(ActivityNames(100).Fold({}, many).size(), 50U);
}

TEST(UsagePercentTest, CountsAgainstWhatOrdinaryRolesCanGet) {
  struct Case {
    double used;
    ConnectionLimits limits;
    std::optional<double> percent;
  };
  const Case cases[] = {
      {0, {100, 3, 0}, 0},        {97, {100, 3, 0}, 100},       {1, {100, 3, 0}, 1.03},
      {95, {100, 0, 0}, 95},      {90, {100, 3, 7}, 100},  // reserved_connections of PostgreSQL 16
      {100, {100, 3, 0}, 103.09},                          // superusers hold their slots too
      {2, {3, 0, 0}, 66.67},      {1, {3, 3, 0}, std::nullopt},  // no slot for ordinary roles
  };
  for (const Case& c : cases) {
    EXPECT_EQ(UsagePercent(c.used, c.limits), c.percent) << c.used;
  }
}

}  // namespace
}  // namespace ronda::agent
