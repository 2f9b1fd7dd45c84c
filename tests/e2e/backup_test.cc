// A collector under load is backed up, dies, and is brought back elsewhere: everything that it had
// acknowledged before the backup began is there.
#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
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

namespace fs = std::filesystem;

constexpr int kAgents = 2;
constexpr int kSeries = 40;

// Sends a tick each few milliseconds.
class Load {
 public:
  Load(std::string node, const std::string& address, int64_t first_t_ms)
      : agent_(std::move(node), RandomBits(), kSeries, first_t_ms), thread_([this, address] {
          while (!stop_) {
            if (!agent_.Connect(address).empty()) {
              std::this_thread::sleep_for(std::chrono::milliseconds(20));
            }
            while (!stop_ && agent_.Tick()) {
              std::this_thread::sleep_for(std::chrono::milliseconds(4));
            }
          }
        }) {}
  ~Load() { Stop(); }
  void Stop() {
    stop_ = true;
    if (thread_.joinable()) {
      thread_.join();
    }
  }
  TestAgent& agent() { return agent_; }

 private:
  TestAgent agent_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

class BackupTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(
        collector_.Start({ProgramPath("ronda-collector"), "--insecure", "--data", dir_.File("data"),
                          "--listen", address_, "--no-socket", "--log-level", "error"},
                         dir_.File("log")));
    const int64_t start_ms = SystemClock().NowMs() - 3'600'000;
    for (int i = 0; i < kAgents; ++i) {
      loads_.push_back(std::make_unique<Load>("node" + std::to_string(i), address_, start_ms));
    }
    ASSERT_TRUE(WaitForAcknowledged(100)) << ReadFile(dir_.File("log")).value_or("");
  }

  static Output Ronda(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), ProgramPath("ronda"));
    return RunProgram(arguments);
  }

  // Of each agent, more than now by so many.
  bool WaitForAcknowledged(uint64_t more) {
    const std::vector<codec::RangeSet> now = Acknowledged();
    return Eventually(20'000, [&] {
      const std::vector<codec::RangeSet> later = Acknowledged();
      for (size_t i = 0; i < later.size(); ++i) {
        if (later[i].count() < now[i].count() + more) {
          return false;
        }
      }
      return true;
    });
  }

  std::vector<codec::RangeSet> Acknowledged() {
    std::vector<codec::RangeSet> all;
    for (const auto& load : loads_) {
      all.push_back(load->agent().acknowledged());
    }
    return all;
  }

  // Every sample of the frames in `acknowledged` is in the folder, with its value.
  void Audit(const std::string& folder, const std::vector<codec::RangeSet>& acknowledged) {
    const SystemClock clock;
    auto store = store::Store::OpenReadOnly(folder, clock);
    ASSERT_OK(store);
    for (size_t i = 0; i < loads_.size(); ++i) {
      TestAgent& agent = loads_[i]->agent();
      std::map<std::pair<std::string, int64_t>, uint64_t> found;
      ASSERT_OK((*store)->Select(
          {Matcher::Equal("node", agent.node())}, 0, INT64_MAX / 2,
          [&](const store::SeriesView& view) {
            const std::string label(view.labels.Get("i"));
            for (size_t k = 0; k < view.t_ms.size(); ++k) {
              found[{label, view.t_ms[k]}] = std::bit_cast<uint64_t>(view.values[k]);
            }
            return true;
          }));
      int64_t missing = 0;
      for (const SentTick& tick : agent.sent()) {
        for (size_t k = 0; k < tick.values.size(); ++k) {
          const auto it = found.find({k == 0 ? "" : std::to_string(k - 1), tick.t_ms});
          const bool right =
              it != found.end() && it->second == std::bit_cast<uint64_t>(tick.values[k]);
          missing += acknowledged[i].Contains(tick.seq) && !right ? 1 : 0;
        }
      }
      EXPECT_EQ(missing, 0) << agent.node();
    }
  }

  const TempDir dir_;
  const std::string address_ = "127.0.0.1:" + std::to_string(FreePort());
  Process collector_;
  std::vector<std::unique_ptr<Load>> loads_;
};

TEST_F(BackupTest, WhatWasAcknowledgedBeforeABackupIsInIt) {
  const std::string backup = dir_.File("backup");
  const Output first = Ronda({"--collector", address_, "backup", backup});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  ASSERT_TRUE(WaitForAcknowledged(100));
  const std::vector<codec::RangeSet> acknowledged = Acknowledged();
  const Output second = Ronda({"--collector", address_, "backup", backup, "-o", "json"});
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_NE(second.out.find("\"live\":true"), std::string::npos) << second.out;
  const Output check = Ronda({"--collector", address_, "store", "check"});
  EXPECT_EQ(check.exit_code, 0) << check.out << check.err;
  ASSERT_TRUE(WaitForAcknowledged(20));
  const Output busy = Ronda({"--data", dir_.File("data"), "restore", backup, "--replace"});
  EXPECT_EQ(busy.exit_code, 3);
  EXPECT_NE(busy.err.find("another process has this data folder"), std::string::npos) << busy.err;
  collector_.Kill();
  for (const auto& load : loads_) {
    load->Stop();
  }

  const Output verified = Ronda({"backup", "verify", backup});
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  const Output drill = Ronda({"backup", "drill", backup, "--scratch", dir_.path()});
  EXPECT_EQ(drill.exit_code, 0) << drill.out << drill.err;
  EXPECT_NE(drill.out.find("the drill passed"), std::string::npos) << drill.out;
  const std::string elsewhere = dir_.File("elsewhere");
  const Output restored = Ronda({"restore", backup, "--data", elsewhere});
  ASSERT_EQ(restored.exit_code, 0) << restored.err;
  Audit(elsewhere, acknowledged);

  // A collector takes it, and the agents' streams with it.
  ASSERT_TRUE(collector_.Start({ProgramPath("ronda-collector"), "--insecure", "--data", elsewhere,
                                "--listen", address_, "--no-socket", "--log-level", "error"},
                               dir_.File("log")));
  for (const auto& load : loads_) {
    ASSERT_TRUE(Eventually(20'000, [&] { return load->agent().Connect(address_).empty(); }));
    EXPECT_TRUE(load->agent().WaitAcknowledged(20'000));
  }
  collector_.Signal(SIGTERM);
  EXPECT_EQ(collector_.Wait(10'000), 0) << ReadFile(dir_.File("log")).value_or("");
  Audit(elsewhere, acknowledged);
}

TEST_F(BackupTest, AFlippedByteIsFound) {
  const std::string backup = dir_.File("backup");
  ASSERT_EQ(Ronda({"--data", dir_.File("data"), "backup", backup}).exit_code, 0);
  std::string damaged;
  for (const auto& entry : fs::recursive_directory_iterator(backup)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("ronda.db.")) {
      damaged = name;
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(5000);
      const int byte = (file.seekg(5000), file.get());
      file.seekp(5000);
      file.put(static_cast<char>(byte ^ 1));
    }
  }
  ASSERT_NE(damaged, "");
  const Output verified = Ronda({"backup", "verify", backup});
  EXPECT_EQ(verified.exit_code, 1);
  EXPECT_NE(verified.out.find(damaged), std::string::npos) << verified.out;
  const Output restored = Ronda({"restore", backup, "--data", dir_.File("elsewhere")});
  EXPECT_EQ(restored.exit_code, 3);
  EXPECT_FALSE(fs::exists(dir_.File("elsewhere")));
}

}  // namespace
}  // namespace ronda
