// One flipped byte anywhere in the files: never a crash and never a wrong value. What it costs is
// told of as a gap; in ronda.db it may be the start, refused with the name of the repair.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "collector/store/sqlite_db.h"
#include "collector/store/store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/store/frame_maker.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kT0 = 1'795'132'800'000;
const int kPositions = std::getenv("RONDA_LONG") != nullptr ? 5000 : 100;

// RONDA_FLIP_SEED repeats a run.
uint64_t Seed() {
  const char* const given = std::getenv("RONDA_FLIP_SEED");
  return given != nullptr ? std::stoull(given) : std::random_device{}();
}

using Content = std::map<std::string, std::map<int64_t, double>>;

class StoreFlipTest : public ::testing::Test {
 protected:
  // A folder with packed rows (nodes 0 and 1), blocks, a journal and state.
  void SetUp() override {
    if (fs::exists("/dev/shm") && std::getenv("TMPDIR") == nullptr) {
      setenv("TMPDIR", "/dev/shm", 1);
    }
    dir_ = std::make_unique<TempDir>();
    ASSERT_OK_AND_ASSIGN(std::unique_ptr<Store> store, Open(dir_->File("good")));
    const std::shared_ptr<const Schema> schema = GaugeSchema(20);
    ASSERT_OK(store->AddSchema(schema));
    for (int n = 0; n < 3; ++n) {
      NodeInfo node;
      node.name = "node" + std::to_string(n);
      ASSERT_OK_AND_ASSIGN(const NodeId id, store->PutNode(node));
      FrameMaker maker(1, {"host", "node", ""});
      maker.StartRun(schema);
      for (uint64_t tick = 0; tick < 300; ++tick) {
        std::vector<double> values(20);
        for (size_t i = 0; i < values.size(); ++i) {
          values[i] = static_cast<double>((tick * tick * 7919 + i * 104729) % 1009) / 4;
        }
        Batch batch;
        batch.node = id;
        batch.epoch = {77, kT0};
        batch.frames.push_back(
            maker.Make(tick + 1, kT0 + static_cast<int64_t>(tick) * 1000, values));
        batch.state.push_back({"space", "key" + std::to_string(tick % 7), "value"});
        ASSERT_OK(store->Append(std::move(batch)));
        if (tick % 10 == 9) {
          ASSERT_OK(store->Flush(10'000));
        }
      }
      ASSERT_OK(store->SealNow());
      if (n == 1) {
        ASSERT_OK(store->CompactNow());
      }
    }
    ASSERT_OK(Read(*store, &good_));
    ASSERT_EQ(good_.size(), 60u);
    store.reset();
  }

  absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& dir) {
    Store::Options options;
    options.dir = dir;
    options.manual_seal = true;
    options.commit_interval_ms = 0;
    options.measure_disk_for_test = [] { return DiskUse{}; };  // no reserve: it costs most of all
    return Store::Open(options, clock_);
  }

  static absl::Status Read(const Store& store, Content* out) {
    const absl::Status status =
        store.Select({*Matcher::New(Matcher::Type::kNotEqual, "__name__", "")}, 0,
                     std::numeric_limits<int64_t>::max(), [&](const SeriesView& view) {
                       for (size_t i = 0; i < view.t_ms.size(); ++i) {
                         (*out)[view.labels.ToString()][view.t_ms[i]] = view.values[i];
                       }
                       return true;
                     });
    return status;
  }

  // Every sample is one that was written. Returns how many there are.
  size_t ExpectSubset(const Content& content) {
    size_t n = 0;
    for (const auto& [name, samples] : content) {
      const auto good = good_.find(name);
      if (good == good_.end()) {
        ADD_FAILURE() << "a series that never was: " << name;
        continue;
      }
      for (const auto& [t, value] : samples) {
        const auto it = good->second.find(t);
        EXPECT_TRUE(it != good->second.end() && it->second == value) << name << " at " << t;
        ++n;
      }
    }
    return n;
  }

  static int CountGaps(const Store& store) {
    int gaps = 0;
    EXPECT_OK(store.ScanRecords("gap", "", 0, std::numeric_limits<int64_t>::max(),
                                [&](std::string_view, const Record&) {
                                  ++gaps;
                                  return true;
                                }));
    return gaps;
  }

  // The largest file of a folder of level 1, as a name in the data folder.
  std::string LargestIn(const std::string& level) const {
    std::string name;
    uintmax_t most = 0;
    for (const auto& entry : fs::directory_iterator(dir_->File("good/history/" + level))) {
      if (entry.file_size() > most) {
        most = entry.file_size();
        name = "history/" + level + "/" + entry.path().filename().string();
      }
    }
    return name;
  }

  // Whether the byte is in the content of a large row, not in what SQLite finds rows by.
  bool InOverflowPage(const std::string& name, uint64_t at) const {
    std::ifstream file(dir_->File("good/" + name), std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at / 4096 * 4096));
    const int kind = file.get();
    return at >= 4096 && kind != 2 && kind != 5 && kind != 10 && kind != 13;
  }

  // Flips one byte of a file of level 1: the start is never refused, what is lost becomes a gap,
  // and after a repair nothing more is found.
  size_t FlipInLevelOne(const std::string& name, uint64_t at, uint8_t mask) {
    SCOPED_TRACE(name + " byte " + std::to_string(at) + " xor " + std::to_string(mask));
    const std::string copy = CopyWithFlip(name, at, mask);
    const bool samples = name.find("/raw/") != std::string::npos;
    size_t left = 0;
    {
      absl::StatusOr<std::unique_ptr<Store>> store = Open(copy);
      EXPECT_OK(store);
      if (!store.ok()) {
        return 0;
      }
      Content content;
      EXPECT_OK(Read(**store, &content));
      left = ExpectSubset(content);
      EXPECT_OK((*store)->CompactNow());  // tells of damage, and puts files aside
      if (samples && left < all_) {
        EXPECT_GT(CountGaps(**store), 0);
        EXPECT_GT((*store)->Stats().counters.corrupt_blocks, 0);
      }
      if (!samples) {
        EXPECT_EQ(left, all_);
        EXPECT_EQ(CountGaps(**store), 0);
      }
    }
    if (InOverflowPage(name, at)) {
      EXPECT_GE(left, all_ - all_ / 3) << "more than one row is lost";
    }
    EXPECT_OK(RepairDataFolder(copy, clock_));
    const absl::StatusOr<std::string> again = RepairDataFolder(copy, clock_);
    EXPECT_OK(again);
    if (again.ok()) {
      EXPECT_EQ(again->find("lost"), std::string::npos) << *again;
    }
    absl::StatusOr<std::unique_ptr<Store>> store = Open(copy);
    EXPECT_OK(store);
    Content content;
    if (store.ok()) {
      EXPECT_OK(Read(**store, &content));
      EXPECT_EQ((*store)->Stats().counters.corrupt_blocks, 0);
    }
    const size_t repaired = ExpectSubset(content);
    EXPECT_GE(repaired, left);
    least_repaired_ = std::min(least_repaired_, repaired);
    return left;
  }

  std::string CopyWithFlip(const std::string& name, uint64_t at, uint8_t mask) {
    const std::string copy = dir_->File("copy");
    fs::remove_all(copy);
    fs::copy(dir_->File("good"), copy, fs::copy_options::recursive);
    std::fstream file(copy + "/" + name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ mask));
    return copy;
  }

  // Flips one byte in a copy of the folder. Returns how many samples are left.
  size_t Flip(const std::string& name, uint64_t at, uint8_t mask) {
    SCOPED_TRACE(name + " byte " + std::to_string(at) + " xor " + std::to_string(mask));
    const std::string copy = CopyWithFlip(name, at, mask);
    {
      const absl::StatusOr<std::unique_ptr<Store>> reader = Store::OpenReadOnly(copy, clock_);
      Content content;
      if (reader.ok() && Read(**reader, &content).ok()) {
        ExpectSubset(content);
      }
    }
    absl::StatusOr<std::unique_ptr<Store>> store = Open(copy);
    std::string report;
    if (!store.ok()) {
      EXPECT_EQ(name, "ronda.db");
      ++refused_;
      EXPECT_THAT(store, StatusIs(absl::StatusCode::kDataLoss, "ronda store repair"));
      absl::StatusOr<std::string> repaired = RepairDataFolder(copy, clock_);
      EXPECT_OK(repaired);
      report = repaired.ok() ? *repaired : "";
      store = Open(copy);
    }
    EXPECT_OK(store) << report;
    Content content;
    if (!store.ok()) {
      return 0;
    }
    EXPECT_OK(Read(**store, &content));
    const size_t left = ExpectSubset(content);
    if (name != "ronda.db") {
      EXPECT_OK((*store)->CompactNow());  // tells of damage
      if (left < all_) {
        EXPECT_GT(CountGaps(**store), 0);
      }
    }
    return left;
  }

  void FlipEverywhere(const std::string& name, bool level_one = false) {
    const uint64_t seed = Seed();
    // Before the first flip: a crash or a hang must not take the seed with it.
    std::printf("%s: RONDA_FLIP_SEED=%llu\n", name.c_str(), static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    SCOPED_TRACE("RONDA_FLIP_SEED=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    size_t least = std::numeric_limits<size_t>::max();
    const auto size = fs::file_size(dir_->File("good") + "/" + name);
    for (int i = 0; i < kPositions && !HasFailure(); ++i) {
      // The first page matters most.
      const uint64_t at = i % 5 == 0 ? random() % 4096 : random() % size;
      const auto mask = static_cast<uint8_t>(1 + random() % 255);
      least = std::min(least, level_one ? FlipInLevelOne(name, at, mask) : Flip(name, at, mask));
    }
    std::printf("%s: %d of %d refused and repaired; at least %zu of %zu samples left", name.c_str(),
                refused_, kPositions, least, all_);
    if (level_one) {
      std::printf(", %zu after a repair", least_repaired_);
    }
    std::printf("\n");
  }

  FakeClock clock_;
  std::unique_ptr<TempDir> dir_;
  Content good_;
  size_t all_ = size_t{60} * 300;
  size_t least_repaired_ = std::numeric_limits<size_t>::max();
  int refused_ = 0;
};

TEST_F(StoreFlipTest, JournalFile) { FlipEverywhere("ronda.db"); }
TEST_F(StoreFlipTest, HistoryFile) { FlipEverywhere("history/recent.db"); }

TEST_F(StoreFlipTest, RawFile) { FlipEverywhere(LargestIn("raw"), true); }
TEST_F(StoreFlipTest, MinuteFile) { FlipEverywhere(LargestIn("minute"), true); }
TEST_F(StoreFlipTest, HourFile) { FlipEverywhere(LargestIn("hour"), true); }

// A start reads indexes without their tables. Once a repair did not, took the file for a sound one,
// and the next start was refused again.
TEST_F(StoreFlipTest, IndexesOfTheHistoryFile) {
  const std::string name = "history/recent.db";
  std::map<std::string, int64_t> roots;
  {
    ASSERT_OK_AND_ASSIGN(const auto db, Database::Open(dir_->File("good/" + name), {}));
    for (const std::string index : {"blocks_by_run", "blocks_by_time", "pairs"}) {
      ASSERT_OK_AND_ASSIGN(
          roots[index],
          db->QueryInt("SELECT rootpage FROM sqlite_schema WHERE name='" + index + "'"));
    }
  }
  for (const auto& [index, root] : roots) {
    SCOPED_TRACE(index);
    std::ifstream file(dir_->File("good/" + name), std::ios::binary);
    std::string page(4096, '\0');
    file.seekg((root - 1) * 4096);
    file.read(page.data(), 4096);
    // Cells begin with their length, the length of the record's head, and the types of its columns.
    const size_t cells = static_cast<uint8_t>(page[5]) * 256U + static_cast<uint8_t>(page[6]);
    for (size_t at = cells; at < std::min<size_t>(cells + 20, 4096) && !HasFailure(); ++at) {
      for (const int mask : {2, 8, 128}) {
        Flip(name, static_cast<uint64_t>(root - 1) * 4096 + at, static_cast<uint8_t>(mask));
      }
    }
  }
}

}  // namespace
}  // namespace ronda::store
