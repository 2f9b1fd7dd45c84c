#include "agent/spool/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "common/base/files.h"
#include "common/codec/schema_codec.h"
#include "tests/support/fake_clock.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/agent/spool/producer.h"

namespace ronda::agent {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A queue and its spool, without the thread.
struct Node {
  Node(const std::string& path, const Clock& clock, SpoolOptions options = {},
       RunQueue::Options queue_options = {.company = milliseconds(0),
                                          .spool_after = milliseconds(0)})
      : queue(queue_options),
        spool(With(std::move(options), path), queue, clock),
        a(2, queue),
        b(3, queue) {
    spool.Recover();
  }
  static SpoolOptions With(SpoolOptions options, const std::string& path) {
    options.path = path;
    options.node = options.node.empty() ? "web1" : options.node;
    return options;
  }
  // All frames that come, with credit without end; "epoch changes" are in the order.
  std::vector<std::string> Drain() {
    queue.AddCredit(1'000'000'000);
    std::vector<std::string> frames;
    for (int quiet = 0; quiet < 3;) {
      const auto out = queue.Next(milliseconds(0));
      spool.WorkForTest(false);
      quiet = out.has_value() ? 0 : quiet + 1;
      if (out.has_value()) {
        for (const auto& frame : out->frames) {
          frames.push_back(*frame);
        }
      }
    }
    return frames;
  }

  RunQueue queue;
  Spool spool;
  Producer a;
  Producer b;
};

class SpoolTest : public testing::Test {
 protected:
  bool Exists() const { return SpoolFileExists(path_); }

  FakeClock clock_;
  const int64_t t_ = clock_.NowMs();
  TempDir dir_;
  const std::string path_ = dir_.File("ronda/spool.db");
};

TEST_F(SpoolTest, WritesNothingWhileAcknowledgementsComeInTime) {
  Node node(path_, clock_, {}, {.company = milliseconds(0)});
  node.queue.Connected({}, true);
  for (int i = 1; i <= 300; ++i) {
    const uint64_t seq = node.a.Tick(t_ + i * 1000, i);
    node.queue.Acknowledge(0, {{seq, seq}});
    node.spool.WorkForTest(false);
  }
  EXPECT_FALSE(Exists());
  EXPECT_EQ(node.spool.state().writes, 0);
}

TEST_F(SpoolTest, WhatIsNotAcknowledgedOutlivesTheAgentByteForByte) {
  std::vector<std::string> sampled;
  uint64_t epoch = 0;
  {
    Node node(path_, clock_);
    epoch = node.queue.epoch().id;
    for (int i = 1; i <= 130; ++i) {  // more than a run
      node.a.Tick(t_ + i * 1000, i);
      sampled.push_back(node.a.last());
      node.spool.WorkForTest(false);
    }
    EXPECT_EQ(node.spool.state().writes, 130);
  }
  struct stat file {};
  ASSERT_EQ(stat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  Node node(path_, clock_);
  const auto kept = node.queue.KeptEpochs();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].epoch.id, epoch);
  EXPECT_EQ(kept[0].last_seq, 130u);
  EXPECT_EQ(kept[0].newest_ms, t_ + 130'000);
  EXPECT_EQ(node.queue.unacknowledged(), 130);
  EXPECT_EQ(node.queue.bytes(), 0u) << "only on disk";
  EXPECT_NE(node.queue.FindSchema(codec::HashSchema(*node.a.schema())), nullptr);
  node.queue.Connected({}, true);
  EXPECT_EQ(node.Drain(), sampled);
  node.queue.Acknowledge(epoch, {{1, 130}});
  node.spool.WorkForTest(false);
  EXPECT_EQ(node.queue.unacknowledged(), 0);
  EXPECT_FALSE(Exists()) << "the file goes with its last frame";
}

TEST_F(SpoolTest, TheSuccessorKnowsWhichAgentsStoppedInOrder) {
  std::vector<uint64_t> epochs;
  for (int agent = 0; agent < 4; ++agent) {
    Node node(path_, clock_, {},
              {.company = milliseconds(0),
               .spool_after = milliseconds(0),
               .epoch = {static_cast<uint64_t>(agent + 7), t_ + agent}});
    epochs.push_back(node.queue.epoch().id);
    node.spool.Start();
    if (agent != 3) {
      node.a.Tick(t_ + agent * 1000, agent);
    }
    // Of the second it is not noted, as if it was killed; the last one has no frames.
    node.spool.Stop(/*told=*/agent == 1);
  }
  Node node(path_, clock_);
  std::vector<std::pair<uint64_t, bool>> kept;
  for (const KeptEpoch& epoch : node.queue.KeptEpochs()) {
    kept.emplace_back(epoch.epoch.id, epoch.stopped);
    EXPECT_EQ(epoch.last_seq, epoch.epoch.id == 10 ? 0u : 1u);
  }
  EXPECT_THAT(kept, ElementsAre(std::pair(7u, true), std::pair(8u, false), std::pair(9u, true),
                                std::pair(10u, true)));
  node.queue.Connected({}, true);
  node.Drain();
  for (const uint64_t epoch : epochs) {
    node.queue.Acknowledge(epoch, {{1, 1}});
  }
  node.spool.WorkForTest(false);
  EXPECT_FALSE(Exists());
}

TEST_F(SpoolTest, AStopIsNotedWhereNothingIsKept) {
  {
    Node node(path_, clock_);
    node.spool.Start();
    node.spool.Stop(/*told=*/true);
    EXPECT_FALSE(Exists());
  }
  {
    Node node(path_, clock_);
    node.spool.Start();
    node.spool.Stop(/*told=*/false);
    EXPECT_TRUE(Exists());
  }
  Node node(path_, clock_);
  ASSERT_EQ(node.queue.KeptEpochs().size(), 1u);
  EXPECT_TRUE(node.queue.KeptEpochs()[0].stopped);
  node.spool.WorkForTest(false);
  EXPECT_FALSE(Exists());
}

TEST_F(SpoolTest, WhatTheCollectorHoldsIsNotSentAgain) {
  uint64_t epoch = 0;
  {
    Node node(path_, clock_);
    epoch = node.queue.epoch().id;
    for (int i = 1; i <= 10; ++i) {
      node.a.Tick(t_ + i * 1000, i);
    }
    node.spool.WorkForTest(true);
  }
  Node node(path_, clock_);
  RunQueue::Held held{epoch, {}};
  held.seqs.AddRange({1, 10});
  node.queue.Connected({held}, true);
  EXPECT_THAT(node.Drain(), IsEmpty());
  EXPECT_FALSE(Exists());
}

TEST_F(SpoolTest, AnOlderCollectorGetsNoEarlierEpochs) {
  {
    Node node(path_, clock_);
    node.a.Tick(t_ + 1000, 1);
    node.spool.WorkForTest(true);
  }
  Node node(path_, clock_);
  node.queue.Connected({}, /*takes_kept=*/false);
  EXPECT_THAT(node.Drain(), IsEmpty());
  EXPECT_EQ(node.queue.unacknowledged(), 1) << "it waits for one that takes it";
}

TEST_F(SpoolTest, AFullDiskCostsNothingButIsCountedAndTriedAgain) {
  SpoolOptions options;
  options.max_pages_for_test = 8;
  Node node(path_, clock_, options);
  std::vector<std::string> sampled;
  for (int i = 1; i <= 2000; ++i) {
    node.a.Tick(t_ + i * 1000, i * 1.0625 + 1e-9 * i);
    sampled.push_back(node.a.last());
    node.spool.WorkForTest(false);
  }
  EXPECT_FALSE(node.spool.state().ok);
  EXPECT_THAT(node.spool.state().error, HasSubstr("full"));
  EXPECT_GT(node.spool.state().failures, 0);
  EXPECT_EQ(node.queue.unacknowledged(), 2000);
  EXPECT_THAT(node.queue.TakeDropped(), IsEmpty());
  node.queue.Connected({}, true);
  EXPECT_EQ(node.Drain(), sampled);
  node.queue.Acknowledge(0, {{1, 2000}});
  node.a.Tick(t_ + 3'000'000, 1);
  node.queue.Acknowledge(0, {{2001, 2001}});
  for (int i = 0; i < 5; ++i) {
    node.spool.WorkForTest(false);
  }
  EXPECT_TRUE(node.spool.state().ok);
}

TEST_F(SpoolTest, WhatCannotBeMadeIsSaid) {
  ASSERT_OK(WriteFileAtomically(dir_.File("ronda"), "a file where the folder should be"));
  Node node(path_, clock_);
  node.a.Tick(t_ + 1000, 1);
  node.spool.WorkForTest(false);
  EXPECT_FALSE(node.spool.state().ok);
  EXPECT_THAT(node.spool.state().error, HasSubstr(dir_.File("ronda")));
  EXPECT_EQ(node.queue.unacknowledged(), 1);
}

TEST_F(SpoolTest, TheOldestRunGoesFirstAboveTheLimit) {
  SpoolOptions options;
  options.max_bytes = 30'000;
  Node node(path_, clock_, options);
  for (int i = 1; i <= 1200; ++i) {
    node.a.Tick(t_ + i * 1000, i);
    node.spool.WorkForTest(false);
  }
  EXPECT_LE(node.queue.disk_bytes(), 30'000);
  const auto dropped = node.queue.TakeDropped();
  ASSERT_FALSE(dropped.empty());
  int64_t next = t_ + 1000;
  for (const DroppedRun& run : dropped) {
    EXPECT_EQ(run.cause, "overflow");
    EXPECT_THAT(run.detail, HasSubstr("max_bytes"));
    EXPECT_EQ(run.from_ms, next) << "the oldest first, and none left out";
    next = run.to_ms + 1000;
  }
  EXPECT_EQ(node.queue.counters().overflow_frames + node.queue.unacknowledged(), 1200);
}

TEST_F(SpoolTest, WhatIsTooOldGoes) {
  SpoolOptions options;
  options.max_age_ms = 3'600'000;
  {
    Node node(path_, clock_, options);
    for (int i = 1; i <= 240; ++i) {
      node.a.Tick(t_ + i * 1000, i);
    }
    node.spool.WorkForTest(true);
  }
  clock_.Advance(3'600'000 + 150'000);  // the first run of two minutes is too old
  Node node(path_, clock_, options);
  node.spool.WorkForTest(false);
  const auto dropped = node.queue.TakeDropped();
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0].to_ms, t_ + 120'000);
  EXPECT_THAT(dropped[0].detail, HasSubstr("max_age"));
  EXPECT_EQ(node.queue.unacknowledged(), 120);
}

TEST_F(SpoolTest, AFileThatIsNoneIsSetAsideAndToldAsAGap) {
  ASSERT_OK(MakeDirectories(dir_.File("ronda")));
  ASSERT_OK(WriteFileAtomically(path_, std::string(8192, 'x')));
  Node node(path_, clock_);
  const auto dropped = node.queue.TakeDropped();
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0].cause, "corrupt");
  EXPECT_EQ(dropped[0].group, 0u);
  EXPECT_THAT(dropped[0].detail, HasSubstr("spool.db.corrupt"));
  EXPECT_LE(dropped[0].from_ms, dropped[0].to_ms);
  EXPECT_TRUE(SpoolFileExists(path_ + ".corrupt"));
  node.a.Tick(t_ + 1000, 1);
  node.spool.WorkForTest(false);
  EXPECT_TRUE(node.spool.state().ok) << node.spool.state().error;
  EXPECT_TRUE(Exists());
}

TEST_F(SpoolTest, ADamagedRowCostsItsRunAlone) {
  {
    Node node(path_, clock_);
    for (int i = 1; i <= 200; ++i) {
      node.a.Tick(t_ + i * 1000, i);
      node.b.Tick(t_ + i * 1000, -i);
    }
    node.spool.WorkForTest(true);
  }
  std::string bytes = ReadFile(path_).value();
  // In the values of the first row: behind its schema's hash.
  const SchemaHash hash = codec::HashSchema(*SmallSchema("m2"));
  const std::string needle(reinterpret_cast<const char*>(hash.data()), hash.size());
  const size_t at = bytes.rfind(needle);
  ASSERT_NE(at, std::string::npos);
  bytes[at + 40] = static_cast<char>(bytes[at + 40] ^ 1);
  ASSERT_OK(WriteFileAtomically(path_, bytes));
  Node node(path_, clock_);
  const auto dropped = node.queue.TakeDropped();
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0].cause, "corrupt");
  const int64_t left = node.queue.unacknowledged();
  EXPECT_TRUE(left == 280 || left == 320) << left;
  node.queue.Connected({}, true);
  EXPECT_EQ(node.Drain().size(), static_cast<size_t>(left));
  EXPECT_EQ(node.spool.state().corrupt, 1);
}

TEST_F(SpoolTest, AnotherNodesSpoolIsNotSent) {
  {
    Node node(path_, clock_);
    node.a.Tick(t_ + 1000, 1);
    node.spool.WorkForTest(true);
  }
  SpoolOptions options;
  options.node = "web2";
  Node node(path_, clock_, options);
  EXPECT_EQ(node.queue.unacknowledged(), 0);
  const auto dropped = node.queue.TakeDropped();
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_THAT(dropped[0].detail, HasSubstr("web1"));
  EXPECT_TRUE(SpoolFileExists(path_ + ".aside"));
}

TEST_F(SpoolTest, ASecondAgentStaysInMemory) {
  Node first(path_, clock_);
  first.a.Tick(t_ + 1000, 1);
  first.spool.WorkForTest(false);
  Node second(path_, clock_);
  second.a.Tick(t_ + 1000, 1);
  second.spool.WorkForTest(false);
  EXPECT_FALSE(second.spool.state().ok);
  EXPECT_EQ(second.queue.KeptEpochs().size(), 0u);
  first.a.Tick(t_ + 2000, 1);
  first.spool.WorkForTest(false);
  EXPECT_TRUE(first.spool.state().ok);
}

TEST_F(SpoolTest, MemoryStaysWithinItsLimitWhileTheDiskTakesTheRest) {
  Node node(path_, clock_, {},
            {.max_bytes = 64 << 10,
             .company = milliseconds(0),
             .keep_bytes = 16 << 10,
             .spool_after = milliseconds(0)});
  std::vector<std::string> sampled;
  for (int i = 1; i <= 5000; ++i) {
    node.a.Tick(t_ + i * 1000, i * 1.1e-7);
    sampled.push_back(node.a.last());
    if (i % 10 == 0) {
      node.spool.WorkForTest(false);
    }
    ASSERT_LE(node.queue.bytes(), 64u << 10);
  }
  EXPECT_THAT(node.queue.TakeDropped(), IsEmpty());
  EXPECT_EQ(node.queue.unacknowledged(), 5000);
  node.queue.Connected({}, true);
  EXPECT_EQ(node.Drain(), sampled);
  EXPECT_LE(node.queue.bytes(), (64u << 10) + (512u << 10)) << "what is read ahead";
}

TEST_F(SpoolTest, ItsThreadWritesAndRemoves) {
  SystemClock clock;
  RunQueue queue({.company = milliseconds(0), .spool_after = milliseconds(0)});
  Spool spool({.path = path_, .node = "web1", .write_each_ms = 5}, queue, clock);
  Producer a(2, queue);
  spool.Recover();
  spool.Start();
  a.Tick(t_, 1);
  EXPECT_TRUE(Eventually(10'000, [&] { return queue.disk_bytes() > 0; }));
  queue.Acknowledge(0, {{1, 1}});
  queue.Connected({}, true);  // closes the run
  EXPECT_TRUE(Eventually(10'000, [&] { return !Exists(); }));
  a.Tick(t_ + 1000, 1);
  spool.Stop(/*told=*/true);
  EXPECT_TRUE(Exists()) << "a stop keeps what is not acknowledged";
  EXPECT_EQ(spool.state().error, "");
}

}  // namespace
}  // namespace ronda::agent
