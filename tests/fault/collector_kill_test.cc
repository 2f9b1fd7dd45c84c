// kill -9 of the real collector under load, again and again: every acknowledged sample is there,
// with its value, and none is there twice. RONDA_LONG=1 makes it 500 kills.
#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <csignal>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/files.h"
#include "common/model/sample.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_agent.h"

namespace ronda {
namespace {

constexpr int kAgents = 3;
constexpr int kSeries = 40;

// Sends ticks as fast as one each few milliseconds, and comes back after each loss of the stream.
class Load {
 public:
  Load(std::string node, std::string address, int64_t first_t_ms)
      : agent_(std::move(node), RandomBits(), kSeries, first_t_ms),
        address_(std::move(address)),
        thread_([this] { Run(); }) {}
  ~Load() { Stop(); }

  void Stop() {
    stop_ = true;
    if (thread_.joinable()) {
      thread_.join();
    }
  }
  TestAgent& agent() { return agent_; }

 private:
  void Run() {
    while (!stop_) {
      if (!agent_.Connect(address_).empty()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        continue;
      }
      while (!stop_ && agent_.Tick()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(4));
      }
    }
  }

  TestAgent agent_;
  const std::string address_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

using Column = std::map<int64_t, uint64_t>;  // time to the value's bits

// What the folder holds of a node: by label i ("" is up).
std::map<std::string, Column> ReadNode(const store::Store& store, const std::string& node) {
  std::map<std::string, Column> columns;
  auto matcher = Matcher::Equal("node", node);
  const absl::Status status =
      store.Select({matcher}, 0, INT64_MAX / 2, [&](const store::SeriesView& view) {
        if (view.labels.Get(kMetricName) != "up" &&
            view.labels.Get(kMetricName).substr(0, 5) != "test_") {
          return true;
        }
        Column& column = columns[std::string(view.labels.Get("i"))];
        for (size_t i = 0; i < view.t_ms.size(); ++i) {
          EXPECT_TRUE(column.emplace(view.t_ms[i], std::bit_cast<uint64_t>(view.values[i])).second)
              << "twice: " << view.labels.ToString() << " at " << view.t_ms[i];
        }
        return true;
      });
  EXPECT_OK(status);
  return columns;
}

void Audit(const store::Store& store, TestAgent& agent, const codec::RangeSet& acknowledged) {
  const auto columns = ReadNode(store, agent.node());
  int64_t missing = 0;
  int64_t wrong = 0;
  for (const SentTick& tick : agent.sent()) {
    for (size_t i = 0; i < tick.values.size(); ++i) {
      const std::string key = i == 0 ? "" : std::to_string(i - 1);
      const auto column = columns.find(key);
      const auto sample =
          column == columns.end() ? Column::const_iterator{} : column->second.find(tick.t_ms);
      const bool found = column != columns.end() && sample != column->second.end();
      if (!found) {
        missing += acknowledged.Contains(tick.seq) ? 1 : 0;
      } else if (sample->second != std::bit_cast<uint64_t>(tick.values[i])) {
        ++wrong;
      }
    }
  }
  EXPECT_EQ(missing, 0) << "acknowledged samples of " << agent.node() << " that are gone";
  EXPECT_EQ(wrong, 0) << "samples of " << agent.node() << " with another value";
}

TEST(CollectorKillTest, NoAcknowledgedSampleIsLostOrDoubled) {
  const int kills = std::getenv("RONDA_LONG") != nullptr ? 500 : 20;
  const auto seed = static_cast<unsigned>(RandomBits());
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  TempDir dir;
  const std::string address = "127.0.0.1:" + std::to_string(FreePort());
  const std::vector<std::string> command = {ProgramPath("ronda-collector"),
                                            "--insecure",
                                            "--data",
                                            dir.File("data"),
                                            "--listen",
                                            address,
                                            "--no-socket",
                                            "--log-level",
                                            "error"};
  SystemClock clock;
  const int64_t start_ms = clock.NowMs() - 12 * 3600 * 1000;
  std::vector<std::unique_ptr<Load>> loads;
  for (int i = 0; i < kAgents; ++i) {
    loads.push_back(std::make_unique<Load>("node" + std::to_string(i), address, start_ms));
  }
  Process collector;
  int64_t acknowledged_in_all = 0;
  for (int kill = 0; kill < kills; ++kill) {
    ASSERT_TRUE(collector.Start(command, dir.File("log")));
    std::this_thread::sleep_for(std::chrono::milliseconds(150 + random() % 350));
    collector.Signal(SIGKILL);
    ASSERT_EQ(collector.Wait(10'000), 128 + SIGKILL) << ReadFile(dir.File("log")).value_or("");
    // The agents may still be reading acknowledgements that were under way: what they have by now
    // must be there.
    std::vector<codec::RangeSet> acknowledged;
    for (auto& load : loads) {
      acknowledged.push_back(load->agent().acknowledged());
    }
    auto store = store::Store::OpenReadOnly(dir.File("data"), clock);
    if (absl::IsNotFound(store.status())) {
      // Killed while it made its files for the first time, on a busy machine.
      for (const codec::RangeSet& none : acknowledged) {
        ASSERT_EQ(none.count(), 0u) << "after kill " << kill;
      }
      continue;
    }
    ASSERT_OK(store);
    for (size_t i = 0; i < loads.size(); ++i) {
      const auto columns = ReadNode(**store, loads[i]->agent().node());
      const Column* up = columns.contains("") ? &columns.at("") : nullptr;
      const uint64_t held = up == nullptr ? 0 : up->size();
      ASSERT_GE(held, acknowledged[i].count()) << "after kill " << kill;
    }
  }
  ASSERT_TRUE(collector.Start(command, dir.File("log")));
  for (auto& load : loads) {
    load->Stop();
    ASSERT_TRUE(Eventually(20'000, [&] { return load->agent().Connect(address).empty(); }));
    ASSERT_TRUE(load->agent().WaitAcknowledged(20'000));
    EXPECT_THAT(load->agent().refusals(), testing::IsEmpty());
    acknowledged_in_all += static_cast<int64_t>(load->agent().acknowledged().count());
  }
  collector.Signal(SIGTERM);
  EXPECT_EQ(collector.Wait(10'000), 0) << ReadFile(dir.File("log")).value_or("");
  auto store = store::Store::OpenReadOnly(dir.File("data"), clock);
  ASSERT_OK(store);
  for (auto& load : loads) {
    Audit(**store, load->agent(), load->agent().acknowledged());
  }
  std::printf("kills=%d frames_acknowledged=%lld samples=%lld\n", kills,
              static_cast<long long>(acknowledged_in_all),
              static_cast<long long>(acknowledged_in_all * (kSeries + 1)));
}

}  // namespace
}  // namespace ronda
