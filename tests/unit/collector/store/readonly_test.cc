// Opening for reading writes nothing, whatever state the folder is in.

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/files.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/store/frame_maker.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kT0 = 1'795'132'800'000;
constexpr uint64_t kTicks = 200;

// Names, sizes, times and content of everything under a folder.
std::map<std::string, std::string> Listing(const std::string& dir) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    struct stat info {};
    EXPECT_EQ(lstat(entry.path().c_str(), &info), 0);
    std::string line = std::to_string(info.st_size) + " " + std::to_string(info.st_mtim.tv_sec) +
                       "." + std::to_string(info.st_mtim.tv_nsec) + " " +
                       std::to_string(info.st_ino) + " " + std::to_string(info.st_mode);
    // The index of a live writer is shared memory, where readers put their marks.
    if (entry.is_regular_file()) {
      const auto content = ReadFile(entry.path());
      EXPECT_TRUE(content.ok());
      const auto hash = ContentHash(*content);
      line += " " + ToHex({reinterpret_cast<const char*>(hash.data()), hash.size()});
    }
    out[entry.path().string()] = line;
  }
  return out;
}

class ReadOnlyTest : public ::testing::Test {
 protected:
  // In a child, because SQLite's locks are a process's own.
  pid_t StartWriter(bool seal, bool close) {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
      Write(seal, close);
      if (write(ready[1], "x", 1) != 1) {
        _exit(1);
      }
      pause();
    }
    char byte = 0;
    EXPECT_EQ(read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
    ::close(ready[1]);
    return child;
  }

  void Write(bool seal, bool close) {
    Store::Options options;
    options.dir = data_;
    options.manual_seal = true;
    options.commit_interval_ms = 0;
    auto store = Store::Open(options, clock_);
    const auto schema = GaugeSchema(2);
    if (!store.ok() || !(*store)->AddSchema(schema).ok()) {
      _exit(1);
    }
    NodeInfo node;
    node.name = "web1";
    const NodeId id = *(*store)->PutNode(node);
    FrameMaker maker(1, {"host", "node", ""});
    maker.StartRun(schema);
    for (uint64_t tick = 0; tick < kTicks; ++tick) {
      const std::vector<double> values = {static_cast<double>(tick), 0};
      Batch batch;
      batch.node = id;
      batch.epoch = {9, kT0};
      batch.frames.push_back(maker.Make(tick + 1, kT0 + static_cast<int64_t>(tick) * 1000, values));
      batch.state.push_back({"space", "key", std::to_string(tick)});
      if (!(*store)->Append(std::move(batch)).ok()) {
        _exit(1);
      }
    }
    if (!(*store)->Flush(20'000).ok() || (seal && !(*store)->SealNow().ok())) {
      _exit(1);
    }
    if (close) {
      (*store).reset();
    } else {
      // The last checkpoint is done by now: the folder is still.
      usleep(1'300'000);
      (void)store->release();
    }
  }

  static void Kill(pid_t child) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }

  void ExpectReadable(bool live) {
    const auto before = Listing(data_);
    {
      ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Store> store, Store::OpenReadOnly(data_, clock_));
      EXPECT_EQ(store->live(), live);
      uint64_t n = 0;
      for (int twice = 0; twice < 2; ++twice) {
        n = 0;
        EXPECT_OK(store->Select({Matcher::Equal("__name__", "m0")}, 0,
                                std::numeric_limits<int64_t>::max(), [&](const SeriesView& view) {
                                  n += view.t_ms.size();
                                  return true;
                                }));
        EXPECT_EQ(n, kTicks);
      }
      std::string value;
      EXPECT_OK(store->ScanState(
          "space", [&](std::string_view, std::string_view v) { value = std::string(v); }));
      EXPECT_EQ(value, std::to_string(kTicks - 1));
      EXPECT_EQ(store->FindNode("web1")->last_seen_ms,
                kT0 + static_cast<int64_t>(kTicks - 1) * 1000);
      EXPECT_THAT(store->Append(Batch{}),
                  StatusIs(absl::StatusCode::kFailedPrecondition, "reading only"));
    }
    EXPECT_EQ(Listing(data_), before);
  }

  const SystemClock clock_;
  TempDir dir_;
  std::string data_ = dir_.File("data");
};

TEST_F(ReadOnlyTest, AfterAnOrderlyStop) {
  Kill(StartWriter(true, true));
  ASSERT_FALSE(fs::exists(data_ + "/ronda.db-wal"));
  ExpectReadable(false);
}

TEST_F(ReadOnlyTest, BesideALiveWriter) {
  const pid_t child = StartWriter(true, false);
  ASSERT_TRUE(fs::exists(data_ + "/ronda.db-shm"));
  ExpectReadable(true);
  Kill(child);
}

TEST_F(ReadOnlyTest, AfterAKillWithAHotLog) {
  Kill(StartWriter(true, false));
  ASSERT_GT(fs::file_size(data_ + "/ronda.db-wal"), 0u);
  ExpectReadable(false);
}

TEST_F(ReadOnlyTest, AfterAKillWithoutTheIndex) {
  Kill(StartWriter(true, false));
  fs::remove(data_ + "/ronda.db-shm");
  fs::remove(data_ + "/history/recent.db-shm");
  ExpectReadable(false);
}

TEST_F(ReadOnlyTest, WithoutAHistory) {
  Kill(StartWriter(false, true));
  fs::remove_all(data_ + "/history");
  ExpectReadable(false);
}

TEST_F(ReadOnlyTest, OnAReadOnlyMount) {
  Kill(StartWriter(true, false));
  if (geteuid() != 0 || mount(data_.c_str(), data_.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    GTEST_SKIP() << "a bind mount needs root";
  }
  ASSERT_EQ(mount(nullptr, data_.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
  ExpectReadable(false);
  EXPECT_EQ(umount(data_.c_str()), 0);
}

TEST_F(ReadOnlyTest, NothingThere) {
  EXPECT_THAT(Store::OpenReadOnly(dir_.File("nothing"), clock_),
              StatusIs(absl::StatusCode::kNotFound, "no data of Ronda"));
}

TEST_F(ReadOnlyTest, SecondCollectorRefusesAndNamesTheFirst) {
  const pid_t child = StartWriter(false, false);
  Store::Options options;
  options.dir = data_;
  EXPECT_THAT(Store::Open(options, clock_),
              StatusIs(absl::StatusCode::kFailedPrecondition, "pid " + std::to_string(child)));
  EXPECT_THAT(RepairDataFolder(data_, clock_),
              StatusIs(absl::StatusCode::kFailedPrecondition, "another process"));
  Kill(child);
}

}  // namespace
}  // namespace ronda::store
