// Two particular moments of a failure, which striking every call found.

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "collector/store/store.h"
#include "tests/fault/fault_vfs.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/store/frame_maker.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kT0 = 1'795'132'800'000;

class StoreRecoveryTest : public testing::Test {
 protected:
  void Open(const std::string& dir) {
    Store::Options options;
    options.dir = dir;
    options.manual_seal = true;
    options.commit_interval_ms = 0;
    ASSERT_OK_AND_ASSIGN(store_, Store::Open(options, clock_));
    ASSERT_OK(store_->AddSchema(schema_));
    NodeInfo info;
    info.name = "web1";
    ASSERT_OK_AND_ASSIGN(node_, store_->PutNode(info));
  }

  // One run of `ticks` ticks as an epoch of its own.
  absl::Status Append(uint64_t epoch, uint64_t ticks) {
    FrameMaker maker(1, {"host", "node", ""});
    maker.StartRun(schema_);
    for (uint64_t tick = 1; tick <= ticks; ++tick) {
      Batch batch;
      batch.node = node_;
      batch.epoch = {epoch, kT0};
      const auto t_ms = kT0 + static_cast<int64_t>(epoch * 100 + tick) * 1000;
      batch.frames.push_back(maker.Make(tick, t_ms, std::vector<double>{1.5, 2.5}));
      RONDA_RETURN_IF_ERROR(store_->Append(std::move(batch)));
    }
    return store_->Flush(200);
  }

  uint64_t Durable(uint64_t epoch) { return store_->Durable(node_, {epoch, kT0}).count(); }

  // Everything of an epoch is so old that it is sealed.
  void Seal() {
    clock_.Advance(200'000);
    ASSERT_OK(store_->SealNow());
  }

  FaultVfs vfs_;
  const TempDir dir_;
  FakeClock clock_;
  std::shared_ptr<const Schema> schema_ = GaugeSchema(2);
  std::unique_ptr<Store> store_;
  NodeId node_ = 0;
};

// A sync that fails leaves pages in the kernel's cache that the disk does not have and that no
// later sync writes. The next start reads them as good.
TEST_F(StoreRecoveryTest, WhatFollowsASyncThatFailedIsDurable) {
  const std::string dir = dir_.File("data");
  Open(dir);
  ASSERT_OK(Append(1, 3));
  vfs_.Arm({FaultKind::kIoError, 1, false});
  EXPECT_FALSE(Append(2, 3).ok());
  EXPECT_TRUE(vfs_.struck());
  store_.reset();
  vfs_.Mend();
  // Only syncs: the writes reach the cache.
  Open(dir);
  for (int64_t call = 1;; ++call) {
    vfs_.Arm({FaultKind::kIoError, call, false});
    if (Append(static_cast<uint64_t>(2 + call), 3).ok()) {
      FAIL() << "no sync came";
    }
    if (vfs_.struck_call().starts_with("sync")) {
      break;
    }
    vfs_.Mend();
    ASSERT_OK(store_->Flush(10'000));
  }
  store_.reset();
  vfs_.Mend();
  Open(dir);
  ASSERT_OK(Append(1000, 3));
  EXPECT_EQ(Durable(1000), 3u);
  ASSERT_OK(vfs_.Survivors(dir, dir_.File("after"), Survival::kNothing, 1));
  store_.reset();
  vfs_.Begin({});
  Open(dir_.File("after"));
  EXPECT_EQ(Durable(1), 3u);
  EXPECT_EQ(Durable(1000), 3u);
}

// The process ends after blocks were written, before the journal was trimmed; the next trim is that
// of other frames.
TEST_F(StoreRecoveryTest, WhatWasSealedButNotTrimmedStaysAcknowledged) {
  const std::string dir = dir_.File("data");
  Open(dir);
  ASSERT_OK(Append(1, 5));
  store_.reset();
  fs::copy(dir + "/ronda.db", dir_.File("before"));
  Open(dir);
  Seal();
  store_.reset();
  fs::copy(dir_.File("before"), dir + "/ronda.db", fs::copy_options::overwrite_existing);
  Open(dir);
  EXPECT_EQ(Durable(1), 5u);
  ASSERT_OK(Append(2, 5));
  Seal();
  store_.reset();
  Open(dir);
  EXPECT_EQ(Durable(2), 5u);
  EXPECT_EQ(Durable(1), 5u);
}

}  // namespace
}  // namespace ronda::store
