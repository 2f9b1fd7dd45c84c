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

#include "collector/store/store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/store/frame_maker.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kT0 = 1'795'132'800'000;
constexpr int kPositions = 200;

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
    std::filesystem::remove(dir_->File("good/reserve"));  // is made again; not worth copying
  }

  absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& dir) {
    Store::Options options;
    options.dir = dir;
    options.manual_seal = true;
    options.commit_interval_ms = 0;
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

  void FlipEverywhere(const std::string& name) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    int refused = 0;
    size_t least = std::numeric_limits<size_t>::max();
    const auto size = fs::file_size(dir_->File("good") + "/" + name);
    for (int i = 0; i < kPositions && !HasFailure(); ++i) {
      // The first page matters most.
      const uint64_t at = i < 40 ? random() % 4096 : random() % size;
      const auto mask = static_cast<uint8_t>(1 + random() % 255);
      SCOPED_TRACE("byte " + std::to_string(at) + " xor " + std::to_string(mask));
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
      if (!store.ok()) {
        ++refused;
        if (absl::IsDataLoss(store.status())) {
          EXPECT_THAT(store, StatusIs(absl::StatusCode::kDataLoss, "ronda store repair"));
        }
        const absl::StatusOr<std::string> report = RepairDataFolder(copy, clock_);
        ASSERT_OK(report);
        store = Open(copy);
        ASSERT_OK(store) << *report;
      }
      Content content;
      ASSERT_OK(Read(**store, &content));
      least = std::min(least, ExpectSubset(content));
    }
    std::printf("%s: %d of %d refused and repaired; at least %zu of %d samples left\n",
                name.c_str(), refused, kPositions, least, 60 * 300);
  }

  FakeClock clock_;
  std::unique_ptr<TempDir> dir_;
  Content good_;
};

TEST_F(StoreFlipTest, JournalFile) { FlipEverywhere("ronda.db"); }
TEST_F(StoreFlipTest, HistoryFile) { FlipEverywhere("history/recent.db"); }

}  // namespace
}  // namespace ronda::store
