// A full disk: acknowledgements stop, reading goes on, and all resumes by itself.

#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
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

  // Appends until the store refuses.
  void Fill() {
    for (int i = 0; i < 200'000; ++i) {
      const absl::Status status = Append();
      if (!status.ok()) {
        ASSERT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, "wait for the journal"));
        return;
      }
    }
    FAIL() << "never full";
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

  void ExpectStandstill() {
    EXPECT_THAT(store_->Flush(300), StatusIs(absl::StatusCode::kDeadlineExceeded, ""));
    EXPECT_EQ(store_->Stats().journal_status.code(), absl::StatusCode::kResourceExhausted)
        << store_->Stats().journal_status;
    const uint64_t acknowledged = acknowledged_;
    EXPECT_LT(acknowledged, ticks_);
    EXPECT_EQ(store_->Durable(node_, {1, kT0}).count(), acknowledged);
    EXPECT_EQ(CountSamples(), ticks_);
  }

  void ExpectAllThere() {
    EXPECT_OK(store_->Flush(20'000));
    EXPECT_OK(store_->Stats().journal_status);
    EXPECT_EQ(acknowledged_, ticks_);
    EXPECT_OK(Append());
    EXPECT_OK(store_->Flush(20'000));
    store_.reset();
    ASSERT_OK_AND_ASSIGN(store_, Store::Open(options_, clock_));
    EXPECT_EQ(CountSamples(), ticks_);
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

TEST_F(StoreFullTest, DiskThatIsFullResumesWhenThereIsSpace) {
  const TempDir dir;
  if (geteuid() != 0 || mount("tmpfs", dir.path().c_str(), "tmpfs", 0, "size=4m") != 0) {
    GTEST_SKIP() << "mounting a small file system needs root";
  }
  options_.dir = dir.File("data");
  {
    std::ofstream ballast(dir.File("ballast"));
    ballast << std::string(2 << 20, 'x');
  }
  Open();
  Fill();
  ExpectStandstill();
  fs::remove(dir.File("ballast"));
  ExpectAllThere();
  EXPECT_EQ(umount(dir.path().c_str()), 0);
}

}  // namespace
}  // namespace ronda::store
