// Random ticks, messages, lost acknowledgements, kills, stops and limits against a model of what
// must be there: nothing that was written is lost within the limits without a gap, every run
// decodes and comes byte for byte, and nothing that is acknowledged is sent for ever.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/spool/spool.h"
#include "common/base/digest.h"
#include "common/codec/frame.h"
#include "common/codec/sample_run.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/agent/spool/producer.h"

namespace ronda::agent {
namespace {

using std::chrono::milliseconds;

constexpr int kGroups = 3;
using Number = std::pair<uint64_t, uint64_t>;  // epoch, seq

struct Sampled {
  std::string bytes;
  int64_t t_ms = 0;
};

// Checks what a collector checks, and acknowledges what it is told to.
class ModelCollector {
 public:
  void Connect() {
    decoders_.clear();
    backfill_epoch_ = 0;
  }
  void Take(const Outgoing& out, const std::map<Number, Sampled>& sampled) {
    const bool live = out.lane == Lane::kLive;
    if (!live && out.epoch != backfill_epoch_) {
      backfill_epoch_ = out.epoch;
      std::erase_if(decoders_, [](const auto& entry) { return !entry.first.first; });
    }
    for (const auto& frame : out.frames) {
      const auto header = codec::ParseFrameHeader(*frame);
      ASSERT_OK(header);
      const auto known = sampled.find({out.epoch, header->seq});
      ASSERT_NE(known, sampled.end());
      ASSERT_EQ(known->second.bytes, *frame) << "not byte for byte";
      const absl::Status decoded = decoders_[{live, header->group}].Decode(*frame);
      ASSERT_OK(decoded);
      held_.insert({out.epoch, header->seq});
      fresh_.push_back({out.epoch, header->seq});
    }
  }
  // Acknowledges some or all of what came since; the rest comes with Held() after a reconnect.
  void Acknowledge(RunQueue& queue, bool all, std::mt19937& random) {
    std::map<uint64_t, codec::RangeSet> acks;
    for (const Number& number : std::exchange(fresh_, {})) {
      if (all || random() % 2 == 0) {
        acks[number.first].Add(number.second);
      }
    }
    for (const auto& [epoch, seqs] : acks) {
      queue.Acknowledge(epoch, seqs.ranges());
    }
  }
  std::vector<RunQueue::Held> Held(const RunQueue& queue) const {
    std::vector<RunQueue::Held> out{{0, SeqsOf(queue.epoch().id)}};
    for (const KeptEpoch& kept : queue.KeptEpochs()) {
      out.push_back({kept.epoch.id, SeqsOf(kept.epoch.id)});
    }
    return out;
  }
  bool Has(const Number& number) const { return held_.contains(number); }

 private:
  codec::RangeSet SeqsOf(uint64_t epoch) const {
    codec::RangeSet set;
    for (auto it = held_.lower_bound({epoch, 0}); it != held_.end() && it->first == epoch; ++it) {
      set.Add(it->second);
    }
    return set;
  }
  std::set<Number> held_;
  std::vector<Number> fresh_;
  std::map<std::pair<bool, uint32_t>, codec::SampleRunDecoder> decoders_;
  uint64_t backfill_epoch_ = 0;
};

class Simulation {
 public:
  Simulation(unsigned seed, int64_t max_disk_bytes) : random_(seed) {
    options_.path = dir_.File("spool.db");
    options_.node = "web1";
    options_.max_bytes = max_disk_bytes;
    StartAgent();
  }

  void Step() {
    switch (random_() % 12) {
      case 0:
        Connect();
        break;
      case 1:
        queue_->Disconnected();
        connected_ = false;
        break;
      case 2:
        Kill();
        break;
      case 3:
        spool_->WorkForTest(true);
        NoteOnDisk();
        Kill();
        break;
      case 4:
      case 5:
        Send(static_cast<int>(random_() % 8));
        break;
      case 6:
        collector_.Acknowledge(*queue_, random_() % 2 == 0, random_);
        break;
      case 7:
      case 8:
        spool_->WorkForTest(false);
        NoteOnDisk();
        break;
      default:
        for (unsigned i = random_() % 200; i > 0; --i) {
          Tick();
        }
    }
    NoteDropped();
  }

  // A collector that stays: everything comes, then there is silence and no file.
  void Finish() {
    Connect();
    for (int i = 0; i < 100'000 && queue_->unacknowledged() > 0; ++i) {
      Send(1);
      collector_.Acknowledge(*queue_, true, random_);
      spool_->WorkForTest(false);
    }
    NoteDropped();
    EXPECT_EQ(queue_->unacknowledged(), 0);
    Connect();  // ends the open runs
    const int64_t resent = queue_->counters().resent_frames;
    Send(10);
    EXPECT_EQ(queue_->counters().resent_frames, resent) << "acknowledged, and sent again";
    spool_->WorkForTest(false);
    EXPECT_FALSE(SpoolFileExists(options_.path));
    for (const auto& [number, frame] : sampled_) {
      const bool explained =
          collector_.Has(number) || lost_in_memory_.contains(number) || IsInGap(frame.t_ms);
      ASSERT_TRUE(explained) << "frame " << number.second << " of epoch " << number.first
                             << " is gone without a gap";
    }
  }
  size_t gaps() const { return gaps_.size(); }
  size_t sampled() const { return sampled_.size(); }

 private:
  void StartAgent() {
    clock_.Advance(5000);
    RunQueue::Options options{.max_bytes = 64 << 10,
                              .company = milliseconds(0),
                              .keep_bytes = random_() % 2 == 0 ? size_t{1} : size_t{8 << 10},
                              .spool_after = milliseconds(0),
                              .epoch = {RandomBits() | 1, clock_.NowMs()}};
    queue_ = std::make_unique<RunQueue>(options);
    spool_ = std::make_unique<Spool>(options_, *queue_, clock_);
    spool_->Recover();
    producers_.clear();
    for (uint32_t group = 0; group < kGroups; ++group) {
      producers_.push_back(std::make_unique<Producer>(group + 2, *queue_));
    }
    connected_ = false;
    not_on_disk_.clear();
  }
  void Kill() {
    NoteDropped();
    lost_in_memory_.insert(not_on_disk_.begin(), not_on_disk_.end());
    producers_.clear();
    spool_.reset();
    queue_.reset();
    StartAgent();
  }
  void Tick() {
    clock_.Advance(100);
    Producer& producer = *producers_[random_() % kGroups];
    const uint64_t seq = producer.Tick(clock_.NowMs(), static_cast<double>(random_() % 1000) / 8.0);
    const Number number{queue_->epoch().id, seq};
    sampled_[number] = {producer.last(), clock_.NowMs()};
    not_on_disk_.insert(number);
  }
  void Connect() {
    queue_->Connected(collector_.Held(*queue_), true);
    queue_->AddCredit(random_() % 3 == 0 ? 50 : 1'000'000'000);
    collector_.Connect();
    connected_ = true;
  }
  void Send(int messages) {
    for (int i = 0; connected_ && i < messages; ++i) {
      if (auto out = queue_->Next(milliseconds(0))) {
        collector_.Take(*out, sampled_);
      } else {
        queue_->AddCredit(100);
        spool_->WorkForTest(false);
        NoteOnDisk();
      }
    }
  }
  // All that was sampled is written, or acknowledged: a kill costs nothing of it.
  void NoteOnDisk() {
    if (spool_->state().ok) {
      not_on_disk_.clear();
    }
  }
  void NoteDropped() {
    for (DroppedRun& run : queue_->TakeDropped()) {
      EXPECT_EQ(run.cause, "overflow") << run.detail;
      gaps_.push_back({run.from_ms, run.to_ms});
    }
  }
  bool IsInGap(int64_t t_ms) const {
    for (const auto& [from_ms, to_ms] : gaps_) {
      if (t_ms >= from_ms && t_ms <= to_ms) {
        return true;
      }
    }
    return false;
  }

  std::mt19937 random_;
  TempDir dir_;
  FakeClock clock_;
  SpoolOptions options_;
  ModelCollector collector_;
  std::unique_ptr<RunQueue> queue_;
  std::unique_ptr<Spool> spool_;
  std::vector<std::unique_ptr<Producer>> producers_;
  bool connected_ = false;
  std::map<Number, Sampled> sampled_;
  std::set<Number> not_on_disk_;
  std::set<Number> lost_in_memory_;
  std::vector<std::pair<int64_t, int64_t>> gaps_;
};

void Simulate(int64_t max_disk_bytes, bool expect_gaps) {
  const int rounds = std::getenv("RONDA_LONG") != nullptr ? 500 : 25;
  const auto seed = static_cast<unsigned>(RandomBits());
  size_t gaps = 0;
  size_t sampled = 0;
  for (int i = 0; i < rounds && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " round " + std::to_string(i));
    Simulation simulation(seed + static_cast<unsigned>(i), max_disk_bytes);
    for (int step = 0; step < 120 && !testing::Test::HasFailure(); ++step) {
      simulation.Step();
    }
    simulation.Finish();
    gaps += simulation.gaps();
    sampled += simulation.sampled();
  }
  EXPECT_EQ(gaps > 0, expect_gaps);
  std::printf("rounds=%d frames=%zu gaps=%zu\n", rounds, sampled, gaps);
}

TEST(SpoolPropertyTest, NothingIsLostWithinTheLimits) { Simulate(256 << 20, false); }
TEST(SpoolPropertyTest, WhatTheLimitsCostIsAGap) { Simulate(40'000, true); }

}  // namespace
}  // namespace ronda::agent
