// A full disk: acknowledgements stop, reading goes on, and all resumes by itself.

#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/store/frame_maker.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kT0 = 1'795'132'800'000;
constexpr size_t kSeries = 50;

class StoreFullTest : public ::testing::Test {
 protected:
  void Open() {
    options_.manual_seal = true;
    options_.commit_interval_ms = 1;
    options_.max_pending_bytes = 200'000;
    options_.disk_period_ms = 10;
    ASSERT_OK_AND_ASSIGN(store_, Store::Open(options_, clock_));
    NodeInfo node;
    node.name = "web1";
    ASSERT_OK_AND_ASSIGN(node_, store_->PutNode(node));
    ASSERT_OK(store_->AddSchema(schema_));
    maker_.StartRun(schema_);
    ASSERT_OK(store_->Flush(10'000));
  }

  // Random values, which do not get smaller.
  absl::Status Append() {
    std::vector<double> values(kSeries);
    for (double& value : values) {
      value = static_cast<double>(RandomBits()) / 3;
    }
    if (!next_) {
      next_ = maker_.Make(ticks_ + 1, kT0 + static_cast<int64_t>(ticks_) * 1000, values);
    }
    Batch batch;
    batch.node = node_;
    batch.epoch = {1, kT0};
    batch.frames.push_back(*next_);
    batch.on_commit = [this] { ++acknowledged_; };
    const absl::Status status = store_->Append(std::move(batch));
    if (status.ok()) {
      next_.reset();
      ++ticks_;
    }
    return status;
  }

  // Appends until the store refuses because the disk is full, not because the journal is slow.
  void Fill() {
    for (int i = 0; i < 200'000; ++i) {
      const absl::Status status = Append();
      if (!status.ok()) {
        ASSERT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, "appending: "));
        if (store_->DiskFull()) {
          return;
        }
        store_->Flush(20).IgnoreError();
      }
    }
    FAIL() << "never full";
  }

  // What an alert writes: a transition's record would be the same.
  absl::Status AppendEssential(const std::string& key) {
    RecordMaker maker(static_cast<uint32_t>(++essentials_), GapRecord());
    const Record row{kT0, {kT0, kT0, std::string(), std::string("corrupt"), std::string()}};
    Batch batch;
    batch.node = node_;
    batch.epoch = {2, kT0};
    batch.frames.push_back(maker.Make(essentials_, {&row, 1}));
    batch.state.push_back({"outbox", key, "message"});
    batch.essential = true;
    return store_->Append(std::move(batch));
  }

  std::vector<std::string> Outbox() const {
    std::vector<std::string> keys;
    EXPECT_OK(store_->ScanState(
        "outbox", [&](std::string_view key, std::string_view) { keys.emplace_back(key); }));
    return keys;
  }

  uint64_t CountSamples() {
    uint64_t n = 0;
    EXPECT_OK(store_->Select({Matcher::Equal("__name__", "m7")}, 0,
                             std::numeric_limits<int64_t>::max(), [&](const SeriesView& view) {
                               n += view.t_ms.size();
                               return true;
                             }));
    return n;
  }

  // Nothing is acknowledged that is not durable; everything that was taken can be read.
  void ExpectOnlyDurableAcknowledged() {
    EXPECT_TRUE(store_->DiskFull());
    EXPECT_EQ(store_->Stats().disk, DiskState::kHard);
    EXPECT_THAT(Append(), StatusIs(absl::StatusCode::kResourceExhausted, ""));
    EXPECT_LE(acknowledged_, ticks_);
    EXPECT_GE(store_->Durable(node_, {1, kT0}).count(), acknowledged_);
    EXPECT_EQ(CountSamples(), ticks_);
  }

  void ExpectStandstill() {
    EXPECT_THAT(store_->Flush(300), StatusIs(absl::StatusCode::kDeadlineExceeded, ""));
    EXPECT_EQ(store_->Stats().journal_status.code(), absl::StatusCode::kResourceExhausted)
        << store_->Stats().journal_status;
    EXPECT_LT(acknowledged_, ticks_);
    ExpectOnlyDurableAcknowledged();
  }

  absl::Status AppendWhenThereIsRoom() {
    absl::Status status = Append();
    const int64_t until = clock_.MonotonicMs() + 20'000;
    while (!status.ok() && clock_.MonotonicMs() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      status = Append();
    }
    return status;
  }

  void ExpectAllThere() {
    EXPECT_OK(AppendWhenThereIsRoom());
    EXPECT_OK(store_->Flush(20'000));
    EXPECT_OK(store_->Stats().journal_status);
    EXPECT_EQ(acknowledged_, ticks_);
    const std::vector<std::string> outbox = Outbox();
    store_.reset();
    ASSERT_OK_AND_ASSIGN(store_, Store::Open(options_, clock_));
    EXPECT_EQ(CountSamples(), ticks_);
    EXPECT_EQ(Outbox(), outbox);
    store_.reset();
  }

  const SystemClock clock_;
  Store::Options options_;
  std::shared_ptr<const Schema> schema_ = GaugeSchema(kSeries);
  FrameMaker maker_{1, {"host", "node", ""}};
  std::unique_ptr<Store> store_;
  NodeId node_ = 0;
  std::optional<FrameEntry> next_;
  uint64_t ticks_ = 0;
  uint64_t essentials_ = 0;
  std::atomic<uint64_t> acknowledged_ = 0;
};

TEST_F(StoreFullTest, JournalWithoutPagesResumesAfterATrim) {
  const TempDir dir;
  options_.dir = dir.path();
  options_.max_journal_pages_for_test = 100;
  Open();
  Fill();
  ExpectStandstill();
  // Blocks go into the other file; trimming then frees pages of this one.
  EXPECT_OK(store_->SealNow());
  EXPECT_OK(store_->Flush(20'000));
  ExpectAllThere();
}

TEST_F(StoreFullTest, WithTooLittleRoomOnlyWhatAlertsNeedIsTaken) {
  const TempDir dir;
  std::atomic<int64_t> free_bytes = int64_t{50} << 20;
  options_.dir = dir.path();
  options_.measure_disk_for_test = [&] {
    return absl::StatusOr<DiskUse>(DiskUse{free_bytes, int64_t{100} << 20});
  };
  Open();
  ASSERT_OK(Append());
  ASSERT_OK(store_->Flush(20'000));
  free_bytes = int64_t{4} << 20;
  Fill();
  ExpectOnlyDurableAcknowledged();
  EXPECT_OK(AppendEssential("firing"));
  EXPECT_OK(store_->Flush(20'000));
  EXPECT_EQ(Outbox(), std::vector<std::string>{"firing"});
  Batch sent;
  sent.state.push_back({"outbox", "firing", std::nullopt});
  EXPECT_OK(store_->Append(std::move(sent))) << "state alone";
  EXPECT_OK(store_->Flush(20'000));
  EXPECT_TRUE(Outbox().empty());
  EXPECT_TRUE(fs::exists(dir.File("reserve"))) << "there was no need of it";
  free_bytes = int64_t{50} << 20;
  ExpectAllThere();
}

// A small disk of its own, with `ballast_bytes` that can be taken away.
class StoreFullDiskTest : public StoreFullTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0 || mount("tmpfs", dir_.path().c_str(), "tmpfs", 0, "size=16m") != 0) {
      GTEST_SKIP() << "mounting a small file system needs root";
    }
    mounted_ = true;
    options_.dir = dir_.File("data");
    std::ofstream ballast(dir_.File("ballast"));
    ballast << std::string(10 << 20, 'x');
  }
  void TearDown() override {
    store_.reset();
    if (mounted_) {
      EXPECT_EQ(umount(dir_.path().c_str()), 0);
    }
  }

  const TempDir dir_;
  bool mounted_ = false;
};

TEST_F(StoreFullDiskTest, ResumesWhenThereIsRoom) {
  Open();
  Fill();
  ExpectOnlyDurableAcknowledged();
  EXPECT_OK(AppendEssential("firing"));
  EXPECT_OK(store_->Flush(20'000));
  EXPECT_EQ(Outbox(), std::vector<std::string>{"firing"});
  fs::remove(dir_.File("ballast"));
  ExpectAllThere();
}

// As under a quota, where only writes tell that there is no room.
TEST_F(StoreFullDiskTest, TheReserveTakesWhatAlertsNeed) {
  options_.measure_disk_for_test = [] {
    return absl::StatusOr<DiskUse>(DiskUse{int64_t{8} << 20, int64_t{16} << 20});
  };
  Open();
  Fill();
  // The rest of what was taken, by way of the reserve.
  EXPECT_OK(store_->Flush(20'000));
  // Now and then the store tries to hold it back anew: the file is there until that fails.
  EXPECT_TRUE(Eventually(10'000, [&] { return !fs::exists(dir_.File("data/reserve")); }));
  ExpectOnlyDurableAcknowledged();
  for (const char* key : {"a", "b", "c"}) {
    EXPECT_OK(AppendEssential(key));
    EXPECT_OK(store_->Flush(20'000));
  }
  EXPECT_EQ(Outbox(), (std::vector<std::string>{"a", "b", "c"}));
  ASSERT_OK_AND_ASSIGN(const auto beside, Store::OpenReadOnly(options_.dir, clock_));
  EXPECT_GT(beside->Durable(node_, {1, kT0}).count(), 0u);
  // It starts again on that disk, with all of it.
  const uint64_t ticks = ticks_;
  store_.reset();
  ASSERT_OK_AND_ASSIGN(store_, Store::Open(options_, clock_));
  EXPECT_EQ(CountSamples(), ticks);
  EXPECT_EQ(Outbox().size(), 3u);
  fs::remove(dir_.File("ballast"));
  ExpectAllThere();
  EXPECT_TRUE(fs::exists(dir_.File("data/reserve")));
}

}  // namespace
}  // namespace ronda::store
