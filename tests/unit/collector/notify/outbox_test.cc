#include "collector/notify/outbox.h"

#include <algorithm>
#include <chrono>
#include <map>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/fake_clock.h"
#include "tests/support/http_sink.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/collector/notify/notify_testing.h"

namespace ronda::notify {
namespace {

// An outbox over a store that is a map: what MakeEntries() gives is committed by Commit().
class OutboxTest : public testing::Test {
 protected:
  void Open(RetryOptions options = {}) {
    ASSERT_OK_AND_ASSIGN(outbox_, Outbox::New(
                                      {{"hook", ChannelType::kWebhook, sink_.url(), {}, 10'000}},
                                      clock_, [this](store::StateWrite w) { Remove(w); }, options));
  }

  std::vector<store::StateWrite> Commit(const rules::Transition& transition) {
    auto entries = outbox_->MakeEntries(transition);
    MutexLock lock(&mu_);
    for (const store::StateWrite& entry : entries) {
      stored_[entry.key] = *entry.value;
    }
    return entries;
  }
  void CommitAndRelease(const rules::Transition& transition) {
    outbox_->Release(Commit(transition));
  }

  void Remove(const store::StateWrite& write) {
    EXPECT_EQ(write.space, kOutboxSpace);
    EXPECT_FALSE(write.value.has_value());
    MutexLock lock(&mu_);
    EXPECT_EQ(stored_.erase(write.key), 1U) << write.key;
    removed_.SignalAll();
  }
  bool WaitForStored(size_t count) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    MutexLock lock(&mu_);
    while (stored_.size() != count && std::chrono::steady_clock::now() < end) {
      removed_.WaitFor(&mu_, std::chrono::milliseconds(100));
    }
    return stored_.size() == count;
  }
  std::vector<std::pair<std::string, std::string>> Stored() {
    MutexLock lock(&mu_);
    return {stored_.begin(), stored_.end()};
  }
  // "Hot firing", in the order of arrival.
  std::vector<std::string> Told() {
    std::vector<std::string> out;
    for (const auto& request : sink_.requests()) {
      const auto message = nlohmann::json::parse(request.body);
      out.push_back(message["groupLabels"]["alertname"].get<std::string>() + " " +
                    message["status"].get<std::string>());
    }
    return out;
  }
  bool WaitForRetried(uint64_t count) {
    for (int i = 0; i < 2000 && outbox_->counters()[0].retried < count; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return outbox_->counters()[0].retried == count;
  }

  HttpSink sink_;
  FakeClock clock_;
  Mutex mu_;
  CondVar removed_;
  std::map<std::string, std::string> stored_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<Outbox> outbox_;
};

TEST_F(OutboxTest, SendsNothingBeforeRelease) {
  Open();
  outbox_->Start();
  const auto early = Commit(Firing("Early"));
  ASSERT_EQ(early.size(), 1U);
  EXPECT_EQ(early[0].space, kOutboxSpace);
  CommitAndRelease(Firing("Released"));
  ASSERT_TRUE(WaitForStored(1));
  EXPECT_EQ(Told(), std::vector<std::string>{"Released firing"});
  EXPECT_EQ(Stored()[0].first, early[0].key);
  outbox_->Release(early);
  ASSERT_TRUE(WaitForStored(0));
  EXPECT_EQ(outbox_->counters()[0].sent, 2U);
  EXPECT_EQ(outbox_->counters()[0].queued, 0U);
}

TEST_F(OutboxTest, TellsPeopleOnlyWhatIsForThem) {
  Open();
  rules::Transition silent = Firing();
  silent.notify = false;
  EXPECT_TRUE(outbox_->MakeEntries(silent).empty());
}

TEST_F(OutboxTest, KeysAreInTheOrderOfEvents) {
  Open();
  const std::string first = Commit(Firing())[0].key;
  const std::string second = Commit(Firing("Other"))[0].key;
  const std::string later = Commit(Resolved())[0].key;
  EXPECT_LT(first, second);
  EXPECT_LT(second, later);
}

TEST_F(OutboxTest, RetriesWithGrowingDelaysAndKeepsTheOrderOfAnAlert) {
  Open();
  sink_.Script({HttpSink::Status(500), HttpSink::Status(503), HttpSink::Status(200)});
  outbox_->Start();
  CommitAndRelease(Firing());
  ASSERT_TRUE(WaitForRetried(1));
  CommitAndRelease(Resolved());  // waits behind the first
  EXPECT_EQ(sink_.requests().size(), 1U);
  clock_.Advance(700);  // less than 1 s less a fifth
  outbox_->Wake();
  EXPECT_EQ(outbox_->counters()[0].retried, 1U);
  clock_.Advance(600);
  outbox_->Wake();
  ASSERT_TRUE(WaitForRetried(2));
  clock_.Advance(1500);
  outbox_->Wake();
  EXPECT_EQ(sink_.requests().size(), 2U);
  clock_.Advance(1000);
  outbox_->Wake();
  ASSERT_TRUE(WaitForStored(0));
  EXPECT_EQ(Told(),
            (std::vector<std::string>{"Hot firing", "Hot firing", "Hot firing", "Hot resolved"}));
  const auto requests = sink_.requests();
  EXPECT_EQ(requests[0].headers.at("idempotency-key"), requests[2].headers.at("idempotency-key"));
  EXPECT_NE(requests[2].headers.at("idempotency-key"), requests[3].headers.at("idempotency-key"));
  EXPECT_EQ(outbox_->counters()[0].sent, 2U);
}

TEST_F(OutboxTest, OneAlertThatWaitsDoesNotHoldUpOthers) {
  Open();
  sink_.Script({HttpSink::Status(429, {{"Retry-After", "100"}})});
  outbox_->Start();
  CommitAndRelease(Firing("Limited"));
  ASSERT_TRUE(WaitForRetried(1));
  CommitAndRelease(Firing("Other"));
  ASSERT_TRUE(WaitForStored(1));
  EXPECT_EQ(Told(), (std::vector<std::string>{"Limited firing", "Other firing"}));
  clock_.Advance(99'000);  // Retry-After is honoured
  outbox_->Wake();
  CommitAndRelease(Firing("Third"));
  ASSERT_TRUE(WaitForStored(1));
  clock_.Advance(1'000);
  outbox_->Wake();
  ASSERT_TRUE(WaitForStored(0));
  EXPECT_EQ(Told().back(), "Limited firing");
}

TEST_F(OutboxTest, ARefusalIsFinalAndLeavesTheStore) {
  Open();
  sink_.Script({HttpSink::Status(404)});
  outbox_->Start();
  CommitAndRelease(Firing());
  ASSERT_TRUE(WaitForStored(0));
  EXPECT_EQ(outbox_->counters()[0].failed, 1U);
  EXPECT_EQ(outbox_->counters()[0].sent, 0U);
}

TEST_F(OutboxTest, GivesUpAfterADay) {
  Open();
  sink_.Script({HttpSink::Status(500), HttpSink::Status(500)});
  outbox_->Start();
  CommitAndRelease(Firing());
  ASSERT_TRUE(WaitForRetried(1));
  clock_.Advance(24LL * 3600 * 1000);
  outbox_->Wake();
  ASSERT_TRUE(WaitForStored(0));
  EXPECT_EQ(outbox_->counters()[0].failed, 1U);
}

TEST_F(OutboxTest, ARestartSendsWhatIsStoredInOrder) {
  Open();
  Commit(Firing());
  Commit(Resolved());
  Commit(Firing("Other"));
  outbox_.reset();
  Open();
  auto entries = Stored();
  std::reverse(entries.begin(), entries.end());
  outbox_->Restore(entries);
  const auto next = Commit(Firing("Late"));
  EXPECT_EQ(Stored().size(), 4U) << "a key was used twice";
  outbox_->Release(next);
  outbox_->Start();
  ASSERT_TRUE(WaitForStored(0));
  auto told = Told();
  ASSERT_EQ(told.size(), 4U);
  EXPECT_LT(std::find(told.begin(), told.end(), "Hot firing"),
            std::find(told.begin(), told.end(), "Hot resolved"));
}

TEST_F(OutboxTest, StopInterruptsAndAnotherStartSendsAgain) {
  Open();
  sink_.Script({{HttpSink::Manner::kHang, 0, {}, ""}});
  outbox_->Start();
  CommitAndRelease(Firing());
  ASSERT_TRUE(sink_.WaitForRequests(1));
  outbox_->Stop();
  outbox_->Stop();
  EXPECT_EQ(Stored().size(), 1U);
  outbox_->Start();
  ASSERT_TRUE(WaitForStored(0));
  EXPECT_EQ(sink_.requests().size(), 2U);
}

TEST_F(OutboxTest, WhatCannotBeReadStaysAndAGoneChannelIsDropped) {
  Open();
  const auto entry = Commit(Firing())[0];
  const std::string other = EncodeNotification({"gone", Firing(), 1});
  {
    MutexLock lock(&mu_);
    stored_["00000000000000000001-00000000000000000009-gone"] = other;
    stored_["damaged"] = "?";
  }
  outbox_->Restore(Stored());
  EXPECT_EQ(outbox_->damaged(), 1U);
  outbox_->Start();
  ASSERT_TRUE(WaitForStored(1));
  EXPECT_EQ(Stored()[0].first, "damaged");
}

TEST_F(OutboxTest, MemoryIsBounded) {
  RetryOptions options;
  options.max_queued = 2;
  Open(options);
  for (const char* rule : {"A", "B", "C"}) {
    CommitAndRelease(Firing(rule));
  }
  EXPECT_EQ(outbox_->counters()[0].queued, 2U);
  EXPECT_EQ(outbox_->counters()[0].overflowed, 1U);
  outbox_->Start();
  ASSERT_TRUE(WaitForStored(1));  // the third waits in the store
  EXPECT_EQ(Told().size(), 2U);
}

TEST(OutboxConfigTest, RefusesDoubleAndBadChannels) {
  FakeClock clock;
  const auto ignore = [](const store::StateWrite&) {};
  EXPECT_THAT(Outbox::New({{.name = "a"}, {.name = "a"}}, clock, ignore),
              StatusIs(absl::StatusCode::kInvalidArgument, "the channel a is there twice"));
  EXPECT_THAT(Outbox::New({{.name = "a", .type = ChannelType::kWebhook}}, clock, ignore),
              StatusIs(absl::StatusCode::kInvalidArgument, "channel a"));
}

}  // namespace
}  // namespace ronda::notify
