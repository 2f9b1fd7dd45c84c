// A collector whose disk fills up: agents keep their samples, alerts and messages go on, and all
// resumes without a restart. With a disk whose room the test says, and with a real one.
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "collector/notify/outbox.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/collector/ingest/ingest_fixture.h"

namespace ronda::ingest {
namespace {

namespace fs = std::filesystem;

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class FullDiskTest : public IngestTest {
 protected:
  void WaitUntil(const std::function<bool()>& holds, std::string_view what) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!holds()) {
      ASSERT_LT(std::chrono::steady_clock::now(), until) << what;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  void WaitForFull(bool full) {
    WaitUntil([&] { return store_->DiskFull() == full; }, full ? "never full" : "always full");
  }
  // A second later: a live tick, which the agent keeps until it is acknowledged.
  void Tick(FakeAgent& agent, double load) {
    clock_.Advance(1000);
    sent_.push_back(agent.Tick(clock_.NowMs(), load));
    pipeline_->Tick();
  }
  // What an agent does on a new stream: it begins a new run, and what was not acknowledged comes as
  // backfill.
  std::unique_ptr<FakeAgent> Reconnect(const FakeAgent& before) {
    auto agent = NewAgent();
    agent->schema = before.schema;
    agent->next_seq = before.next_seq;
    agent->Join("web1", 1);
    codec::RangeSet held;
    for (const v1::CollectorMessage& message : agent->messages()) {
      for (const v1::SeqRange& range : message.welcome().held()) {
        held.AddRange({range.first(), range.last()});
      }
    }
    for (uint64_t seq = 1; seq <= sent_.size(); ++seq) {
      EXPECT_TRUE(!acknowledged_.Contains(seq) || held.Contains(seq)) << seq << " was acknowledged";
    }
    for (const std::string& frame : sent_) {
      agent->Send(frame, v1::LANE_BACKFILL);
    }
    return agent;
  }
  std::vector<std::string> Outbox() const {
    std::vector<std::string> values;
    EXPECT_OK(store_->ScanState(
        notify::kOutboxSpace,
        [&](std::string_view, std::string_view value) { values.emplace_back(value); }));
    return values;
  }
  void NoteAcknowledged(const FakeAgent& agent) {
    const codec::RangeSet seqs = agent.acknowledged();
    for (const codec::SeqRange& range : seqs.ranges()) {
      acknowledged_.AddRange(range);
    }
  }

  // From a disk that has just been filled up to one that has room again.
  void ExpectToGoOnAndToResume(FakeAgent& agent, const std::function<void()>& make_room) {
    Flush();
    NoteAcknowledged(agent);
    const uint64_t before = acknowledged_.count();
    const size_t held = Values("load", "web1").size();
    const size_t messages = Outbox().size();

    // The agent goes on; the rules see it, the store does not.
    for (int i = 0; i < 4; ++i) {
      Tick(agent, 9);
    }
    EXPECT_THAT(Alerts(), ElementsAre("LoadHigh firing"));
    Flush();
    EXPECT_EQ(pipeline_->counters().held_frames, 4);
    EXPECT_EQ(agent.acknowledged().count(), before) << "acknowledgements stop";
    EXPECT_THAT(agent.closed(), IsEmpty()) << "the stream stays, so that the rules see samples";
    const std::vector<std::string> seen = Values("load", "web1");
    EXPECT_EQ(seen.size(), held + 1) << "queries have what is held, and the newest values";
    EXPECT_THAT(seen.back(), HasSubstr(":9"));
    EXPECT_THAT(AlertLog(), Contains(HasSubstr("LoadHigh pending->firing")));
    EXPECT_EQ(Outbox().size(), messages + 1) << "the message is durable";

    // A node that goes silent meanwhile alerts as well.
    const int64_t heard_ms = clock_.NowMs();
    while (clock_.NowMs() < heard_ms + 31'000) {
      clock_.Advance(1000);
      pipeline_->Tick();
    }
    EXPECT_THAT(Alerts(), testing::UnorderedElementsAre("LoadHigh unknown", "NodeSilent firing"));
    Flush();
    EXPECT_EQ(Outbox().size(), messages + 2);
    Tick(agent, 9);

    make_room();
    WaitForFull(false);
    pipeline_->Tick();
    EXPECT_TRUE(agent.Closed(absl::StatusCode::kUnavailable, "room on the collector's disk again"));
    const auto again = Reconnect(agent);
    Tick(*again, 1);
    Flush();
    EXPECT_THAT(Alerts(), IsEmpty());
    EXPECT_EQ(again->acknowledged().count(), sent_.size()) << "all of it, without a restart";
    const std::vector<std::string> values = Values("load", "web1");
    EXPECT_EQ(std::count_if(values.begin(), values.end(),
                            [](const std::string& v) { return !v.ends_with("stale"); }),
              static_cast<int64_t>(sent_.size()));
    const std::vector<std::string> log = AlertLog();

    Open();
    EXPECT_EQ(Values("load", "web1"), values) << "after a restart";
    EXPECT_EQ(AlertLog(), log);
    EXPECT_THAT(Alerts(), IsEmpty());
  }

  std::vector<std::string> sent_;  // by sequence number, from 1
  codec::RangeSet acknowledged_;
};

// A disk of 100 MiB, full below 5.
class SaidToBeFullTest : public FullDiskTest {
 protected:
  void SetUp() override {
    options_.measure_disk_for_test = [this] {
      return absl::StatusOr<store::DiskUse>(store::DiskUse{free_, int64_t{100} << 20});
    };
    options_.disk_period_ms = 1;
    Open();
  }
  std::atomic<int64_t> free_ = int64_t{50} << 20;
};

TEST_F(SaidToBeFullTest, AlertsGoOnAndAllResumes) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  for (int i = 0; i < 5; ++i) {
    Tick(*agent, 1);
  }
  free_ = int64_t{1} << 20;
  WaitForFull(true);
  ExpectToGoOnAndToResume(*agent, [this] { free_ = int64_t{50} << 20; });
}

TEST_F(SaidToBeFullTest, ACollectorStartedOnAFullDiskKnowsItsAlerts) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Tick(*agent, 1);
  Flush();
  free_ = int64_t{1} << 20;
  WaitForFull(true);
  for (int i = 0; i < 4; ++i) {
    Tick(*agent, 9);
  }
  EXPECT_THAT(Alerts(), ElementsAre("LoadHigh firing"));
  Flush();
  Open();
  EXPECT_TRUE(store_->DiskFull());
  EXPECT_THAT(Alerts(), ElementsAre("LoadHigh firing"));
  // The repeated frames are taken no more than the first time.
  const auto again = Reconnect(*agent);
  Tick(*again, 9);
  Flush();
  EXPECT_EQ(again->acknowledged().count(), 1u);
  EXPECT_EQ(Values("load", "web1").size(), 1u);
}

class RealDiskTest : public FullDiskTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0 || mount("tmpfs", disk_.path().c_str(), "tmpfs", 0, "size=24m") != 0) {
      GTEST_SKIP() << "mounting a small file system needs root; SaidToBeFullTest goes without";
    }
    mounted_ = true;
    options_.dir = disk_.File("data");
    options_.disk_period_ms = 1;
    Open();
  }
  void TearDown() override {
    if (!mounted_) {
      return;
    }
    store_->Close();
    pipeline_.reset();
    store_.reset();
    EXPECT_EQ(umount(disk_.path().c_str()), 0);
  }
  bool HasReserve() const { return fs::exists(disk_.File("data/reserve")); }

  const TempDir disk_;
  bool mounted_ = false;
};

TEST_F(RealDiskTest, AlertsGoOnByWayOfTheReserveAndAllResumes) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  for (int i = 0; i < 5; ++i) {
    Tick(*agent, 1);
  }
  // Somebody else takes all there is; then even a small commit finds no room and needs the reserve.
  ASSERT_TRUE(HasReserve());
  {
    std::ofstream ballast(disk_.File("ballast"));
    const std::string block(4096, 'x');
    while (ballast << block << std::flush) {
    }
  }
  for (int i = 0; i < 200 && HasReserve(); ++i) {
    pipeline_->Write({"test", "key" + std::to_string(i), std::string(50'000, 'x')});
    Flush();
  }
  EXPECT_FALSE(HasReserve());
  WaitForFull(true);
  ExpectToGoOnAndToResume(*agent, [&] { fs::remove(disk_.File("ballast")); });
  EXPECT_TRUE(HasReserve());
}

}  // namespace
}  // namespace ronda::ingest
