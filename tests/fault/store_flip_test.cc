// One flipped byte anywhere in the files: a refusal that names the repair, or fewer samples, but
// never a crash and never a wrong value.

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
const int kPositions = std::getenv("RONDA_LONG") != nullptr ? 5000 : 200;

// RONDA_FLIP_SEED repeats a run.
uint64_t Seed() {
  const char* const given = std::getenv("RONDA_FLIP_SEED");
  return given != nullptr ? std::stoull(given) : std::random_device{}();
}

using Content = std::map<std::string, std::map<int64_t, double>>;

class StoreFlipTest : public ::testing::Test {
 protected:
  // A folder with blocks, a journal, records and state.
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
          values[i] = static_cast<double>(tick * (i + 1)) / 4;
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

  // Flips one byte in a copy of the folder. Returns how many samples are left.
  size_t Flip(const std::string& name, uint64_t at, uint8_t mask) {
    SCOPED_TRACE(name + " byte " + std::to_string(at) + " xor " + std::to_string(mask));
    const std::string copy = dir_->File("copy");
    fs::remove_all(copy);
    fs::copy(dir_->File("good"), copy, fs::copy_options::recursive);
    {
      std::fstream file(copy + "/" + name, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(static_cast<std::streamoff>(at));
      const int byte = file.get();
      file.seekp(static_cast<std::streamoff>(at));
      file.put(static_cast<char>(byte ^ mask));
    }
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
      ++refused_;
      if (absl::IsDataLoss(store.status())) {
        EXPECT_THAT(store, StatusIs(absl::StatusCode::kDataLoss, "ronda store repair"));
      }
      absl::StatusOr<std::string> repaired = RepairDataFolder(copy, clock_);
      EXPECT_OK(repaired);
      report = repaired.ok() ? *repaired : "";
      store = Open(copy);
    }
    EXPECT_OK(store) << report;
    Content content;
    if (store.ok()) {
      EXPECT_OK(Read(**store, &content));
    }
    return ExpectSubset(content);
  }

  void FlipEverywhere(const std::string& name) {
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
      least = std::min(least, Flip(name, at, static_cast<uint8_t>(1 + random() % 255)));
    }
    std::printf("%s: %d of %d refused and repaired; at least %zu of %d samples left\n",
                name.c_str(), refused_, kPositions, least, 60 * 300);
  }

  FakeClock clock_;
  std::unique_ptr<TempDir> dir_;
  Content good_;
  int refused_ = 0;
};

TEST_F(StoreFlipTest, JournalFile) { FlipEverywhere("ronda.db"); }
TEST_F(StoreFlipTest, HistoryFile) { FlipEverywhere("history/recent.db"); }

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
    for (size_t at = cells; at < std::min<size_t>(cells + 45, 4096) && !HasFailure(); ++at) {
      for (const int mask : {2, 8, 128}) {
        Flip(name, static_cast<uint64_t>(root - 1) * 4096 + at, static_cast<uint8_t>(mask));
      }
    }
  }
}

}  // namespace
}  // namespace ronda::store
