#include "collector/ingest/account.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>

namespace ronda::ingest {
namespace {

TEST(TokenBucketTest, BeginsFullAndRefills) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.Refill(10, 50, 1'000), 50);
  bucket.Take(70);
  EXPECT_EQ(bucket.Refill(10, 50, 2'000), -10) << "a debt, and ten of it back";
  EXPECT_EQ(bucket.Refill(10, 50, 1'500), -10) << "time that goes back gives nothing";
  EXPECT_EQ(bucket.Refill(10, 50, 600'000), 50) << "no more than that";
}

TEST(AccountTest, WorkIsFreeUpToTheBurstAndThenPaidForInTime) {
  Account account;
  EXPECT_EQ(account.Charge(1'000, 100, 5'000), 0);
  EXPECT_EQ(account.Charge(50, 100, 5'000), 500);
  EXPECT_EQ(account.Charge(50, 100, 5'500), 500) << "what was owed is back, and owed again";
  EXPECT_EQ(account.Charge(100, 100, 7'000), 0);
}

TEST(AccountTest, NewSeriesWaitUntilThereIsRoom) {
  Account account;
  int64_t wait_ms = 0;
  EXPECT_TRUE(account.TakeNewSeries(100, 60, 100, 1'000, &wait_ms));
  EXPECT_FALSE(account.TakeNewSeries(30, 60, 100, 1'000, &wait_ms));
  EXPECT_EQ(wait_ms, 30'000);
  EXPECT_TRUE(account.TakeNewSeries(30, 60, 100, 31'000, &wait_ms)) << "refusing took none";
}

TEST(AccountTest, RemembersWhichSchemasAGroupHad) {
  Account account;
  const GroupIdentity group{"host", "node", ""};
  EXPECT_FALSE(account.Had(group, SchemaHash{1}));
  account.Remember(group, SchemaHash{1}, std::make_shared<Schema>());
  EXPECT_TRUE(account.Had(group, SchemaHash{1}));
  EXPECT_FALSE(account.Had({"other", "node", ""}, SchemaHash{1}));
  for (int i = 0; i < 10'000; ++i) {
    account.Remember(group, SchemaHash{2, static_cast<uint8_t>(i), static_cast<uint8_t>(i >> 8)},
                     std::make_shared<Schema>());
  }
  EXPECT_FALSE(account.Had(group, SchemaHash{1})) << "its memory is bounded";
}

TEST(AccountTest, NotesByCauseTheLatestFirst) {
  Account account;
  account.Note(Refusal::kClock, 1, "fast", 10);
  account.Note(Refusal::kRate, 1, "much", 20);
  account.Note(Refusal::kClock, 2, std::string(10'000, 'x'), 30);
  const auto refused = account.refused();
  ASSERT_EQ(refused.size(), 2u);
  EXPECT_EQ(refused[0].cause, "clock");
  EXPECT_EQ(refused[0].count, 3);
  EXPECT_EQ(refused[0].last_ms, 30);
  EXPECT_LT(refused[0].detail.size(), 1'000u);
  EXPECT_EQ(refused[1].cause, "rate");
}

TEST(AccountTest, EveryCauseHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kRefusals; ++i) {
    names.insert(ToString(static_cast<Refusal>(i)));
  }
  EXPECT_EQ(names.size(), kRefusals);
  EXPECT_FALSE(names.contains(""));
}

TEST(AccountTest, CountsSeriesThatWereNotThere) {
  Schema before;
  before.metrics = {{"a", MetricType::kGauge, "", ""}, {"b", MetricType::kGauge, "", ""}};
  before.series = {{0, Labels(std::vector<Label>{{"x", "1"}})}, {1, Labels()}};
  Schema after;
  after.metrics = {{"b", MetricType::kGauge, "", ""}, {"a", MetricType::kGauge, "", ""}};
  after.series = {{0, Labels()},
                  {1, Labels(std::vector<Label>{{"x", "1"}})},
                  {1, Labels(std::vector<Label>{{"x", "2"}})},
                  {0, Labels(std::vector<Label>{{"x", "1"}})}};
  Account account;
  const GroupIdentity group{"host", "node", ""};
  EXPECT_EQ(account.CountNew(group, after, &before), 2u);
  EXPECT_EQ(account.CountNew(group, after, &after), 0u);
  EXPECT_EQ(account.CountNew(group, after, nullptr), 4u);
  account.Remember(group, SchemaHash{1}, std::make_shared<Schema>(before));
  EXPECT_EQ(account.CountNew(group, after, nullptr), 2u) << "whatever is live";
  EXPECT_EQ(account.CountNew({"other", "node", ""}, after, nullptr), 4u);
  account.Remember(group, SchemaHash{2}, std::make_shared<Schema>(after));
  EXPECT_EQ(account.CountNew(group, after, nullptr), 0u);
  EXPECT_EQ(account.CountNew(group, before, nullptr), 0u);
}

}  // namespace
}  // namespace ronda::ingest
