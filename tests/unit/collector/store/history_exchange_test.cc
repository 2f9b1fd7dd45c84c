// Who waits for whom while another recent.db takes the place of a damaged one.

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "collector/store/history.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::store {
namespace {

class HistoryExchangeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(history_, History::Open(dir_.path(), false, &catalogue_, &writes_));
  }

  const TempDir dir_;
  Catalogue catalogue_;
  std::vector<CatalogueWrite> writes_;
  std::unique_ptr<History> history_;
};

TEST_F(HistoryExchangeTest, AReaderThatDoesNotEndKeepsTheFile) {
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<History::Moment> reader, history_->Now());
  int calls = 0;
  const auto exchange = [&] {
    ++calls;
    return absl::OkStatus();
  };
  EXPECT_THAT(history_->Exchange(exchange, std::chrono::nanoseconds(0)),
              StatusIs(absl::StatusCode::kUnavailable, "recent.db: 1 readers have it open"));
  EXPECT_EQ(calls, 0);
  // Nobody waits for what was given up.
  EXPECT_OK(history_->Now());
  EXPECT_OK(history_->Write({}));
  reader = nullptr;
  EXPECT_OK(history_->Exchange(exchange, std::chrono::nanoseconds(0)));
  EXPECT_EQ(calls, 1);
}

TEST_F(HistoryExchangeTest, AReaderThatEndsIsWaitedFor) {
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<History::Moment> reader, history_->Now());
  std::atomic<bool> ended = false;
  absl::Status status;
  std::thread thread([&] {
    status = history_->Exchange(
        [&] {
          EXPECT_TRUE(ended);
          return absl::OkStatus();
        },
        std::chrono::minutes(1));
  });
  ended = true;
  reader = nullptr;
  thread.join();
  EXPECT_OK(status);
}

TEST_F(HistoryExchangeTest, NewReadersWaitUntilItIsDone) {
  std::atomic<bool> done = false;
  std::thread thread;
  EXPECT_OK(history_->Exchange([&] {
    thread = std::thread([&] {
      EXPECT_OK(history_->Now());
      EXPECT_TRUE(done);
    });
    done = true;
    return absl::OkStatus();
  }));
  thread.join();
}

}  // namespace
}  // namespace ronda::store
