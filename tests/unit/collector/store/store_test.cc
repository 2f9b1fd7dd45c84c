#include "collector/store/store.h"

#include <atomic>
#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/model/sample.h"
#include "tests/support/fake_clock.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/store/frame_maker.h"
#include "tests/unit/collector/store/store_fixture.h"

namespace ronda::store {
namespace {

TEST_F(StoreTest, AppendIsVisibleThenDurableThenThereAfterReopening) {
  Open();
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(schema_);
  AppendTicks(&maker, 0, 10);
  EXPECT_EQ(SelectOne("m1"), Ticks(0, 10, 1));
  EXPECT_EQ(store_->Held(node_, epoch_).count(), 10u);
  ASSERT_OK(store_->Flush(5000));
  EXPECT_EQ(store_->Durable(node_, epoch_).count(), 10u);
  Reopen();
  EXPECT_EQ(SelectOne("m1"), Ticks(0, 10, 1));
  EXPECT_EQ(store_->Durable(node_, epoch_).count(), 10u);
  EXPECT_EQ(store_->FindNode("web1")->last_seen_ms, kT0 + 9000);
}

TEST_F(StoreTest, SealsEndedRunsAndTrimsTheJournal) {
  Open();
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(schema_);
  AppendTicks(&maker, 0, 250);
  ASSERT_OK(store_->Flush(5000));
  ASSERT_OK(store_->SealNow());
  EXPECT_EQ(store_->Stats().blocks, 2);
  EXPECT_EQ(SelectOne("m2"), Ticks(0, 250, 2));
  Reopen();
  EXPECT_EQ(store_->Stats().blocks, 2);
  EXPECT_EQ(SelectOne("m2"), Ticks(0, 250, 2));
  EXPECT_EQ(store_->Durable(node_, epoch_).count(), 250u);
}

TEST_F(StoreTest, LabelsAreThoseOfSchemaGroupAndNode) {
  Open();
  FrameMaker maker(1, {"postgres/db:5432", "postgres", "db:5432"});
  maker.StartRun(schema_);
  AppendTicks(&maker, 0, 1);
  const auto all = Select(*store_, {Matcher::Equal("__name__", "m1")});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all.begin()->first.ToString(),
            "m1{env=\"test\",i=\"1\",instance=\"db:5432\",job=\"postgres\",node=\"web1\"}");
  EXPECT_EQ(Select(*store_, {Matcher::Equal("env", "test")}).size(), 3u);
  EXPECT_EQ(Select(*store_, {Matcher::Equal("node", "web2")}).size(), 0u);
  EXPECT_EQ(Select(*store_, {*Matcher::New(Matcher::Type::kNotEqual, "i", "1")}).size(), 2u);
  EXPECT_EQ(Select(*store_, {Matcher::Equal("absent", "")}).size(), 3u);
  EXPECT_THAT(store_->Select({}, 0, 1, [](const SeriesView&) { return true; }),
              StatusIs(absl::StatusCode::kInvalidArgument, "matcher"));
  ASSERT_OK_AND_ASSIGN(const std::vector<Labels> series,
                       store_->Series({Matcher::Equal("job", "postgres")}, kT0, kT0 + 1));
  EXPECT_EQ(series.size(), 3u);
  ASSERT_OK_AND_ASSIGN(const std::vector<Labels> later,
                       store_->Series({Matcher::Equal("job", "postgres")}, kT0 + 1, kForever));
  EXPECT_TRUE(later.empty());
  EXPECT_EQ(store_->Metrics().size(), 3u);
  EXPECT_EQ(store_->Stats().series, 3);
}

TEST_F(StoreTest, MarkersShowOnceWhereASeriesEnds) {
  Open();
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(schema_);
  const double stale = StaleMarker();
  AppendValues(&maker, 0, {1, stale, 1});
  AppendValues(&maker, 1, {stale, stale, 1});
  AppendValues(&maker, 2, {stale, 5, 1});
  for (int sealed = 0; sealed < 2; ++sealed) {
    Samples m0 = SelectOne("m0");
    ASSERT_EQ(m0.size(), 2u);
    EXPECT_EQ(m0[0].second, 1);
    EXPECT_TRUE(IsStale(m0[1].second));
    Samples m1 = SelectOne("m1");
    ASSERT_EQ(m1.size(), 2u);
    EXPECT_TRUE(IsStale(m1[0].second));
    EXPECT_EQ(m1[1], std::make_pair(kT0 + 2000, 5.0));
    clock_.Advance(options_.seal_after_ms);
    ASSERT_OK(store_->Flush(5000));
    ASSERT_OK(store_->SealNow());
  }
  EXPECT_EQ(store_->Stats().blocks, 1);
}

TEST_F(StoreTest, RunSealedByAgeGoesOnGrowing) {
  Open();
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(schema_);
  for (int part = 0; part < 4; ++part) {
    AppendTicks(&maker, part * 10, 10);
    ASSERT_OK(store_->Flush(5000));
    clock_.Advance(options_.seal_after_ms);
    ASSERT_OK(store_->SealNow());
    EXPECT_EQ(store_->Stats().blocks, 1);
    EXPECT_EQ(store_->Stats().journal_bytes, 0);
    EXPECT_EQ(SelectOne("m0"), Ticks(0, part * 10 + 10, 0));
    if (part == 1) {
      Reopen();
    }
  }
  // Grown again, and not sealed: head and block overlap, and the journal holds only the end.
  AppendTicks(&maker, 40, 5);
  EXPECT_EQ(SelectOne("m0"), Ticks(0, 45, 0));
  Reopen();
  EXPECT_EQ(SelectOne("m0"), Ticks(0, 45, 0));
  EXPECT_EQ(store_->Held(node_, epoch_).count(), 45u);
  EXPECT_EQ(store_->Stats().counters.duplicate_samples, 0);
}

TEST_F(StoreTest, FirstDurableSampleOfATimeWins) {
  Open();
  FrameMaker first(1, {"host", "node", ""});
  first.StartRun(schema_);
  AppendValues(&first, 5, {1, 1, 1});
  AppendValues(&first, 6, {2, 2, 2});
  ASSERT_OK(store_->Flush(5000));
  clock_.Advance(options_.seal_after_ms);
  ASSERT_OK(store_->SealNow());
  epoch_.id = 8;
  FrameMaker second(1, {"host", "node", ""});
  second.StartRun(schema_);
  AppendValues(&second, 4, {7, 7, 7});
  AppendValues(&second, 5, {1, 9, 9});
  const Samples want = {{kT0 + 4000, 7}, {kT0 + 5000, 1}, {kT0 + 6000, 2}};
  EXPECT_EQ(SelectOne("m1"), want);
  ASSERT_OK(store_->Flush(5000));
  clock_.Advance(options_.seal_after_ms);
  ASSERT_OK(store_->SealNow());
  EXPECT_EQ(SelectOne("m1"), want);
  EXPECT_EQ(store_->Stats().counters.duplicate_samples, 1);
  EXPECT_EQ(store_->Stats().counters.conflicting_samples, 2);
  // Two that are sealed in one transaction.
  for (const uint64_t id : {9, 10}) {
    epoch_.id = id;
    FrameMaker maker(1, {"host", "node", ""});
    maker.StartRun(schema_);
    AppendValues(&maker, 50, {1, 1, 1});
  }
  ASSERT_OK(store_->Flush(5000));
  clock_.Advance(options_.seal_after_ms);
  ASSERT_OK(store_->SealNow());
  EXPECT_EQ(store_->Stats().counters.duplicate_samples, 4);
  EXPECT_EQ(store_->Stats().counters.conflicting_samples, 2);
}

TEST_F(StoreTest, BatchesOfOneCallAreOneCommitAndCallBackAfterIt) {
  Open();
  ASSERT_OK(store_->Flush(5000));
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(schema_);
  std::atomic<int> called = 0;
  std::vector<Batch> batches(2);
  batches[0].node = node_;
  batches[0].epoch = epoch_;
  batches[0].frames.push_back(maker.Make(1, kT0, std::vector<double>{1, 2, 3}));
  batches[0].on_commit = [&] {
    EXPECT_TRUE(store_->Durable(node_, epoch_).Contains(1));
    ++called;
  };
  batches[1].state.push_back({"rule", "b", "2"});
  batches[1].state.push_back({"rule", "a", "1"});
  batches[1].on_commit = [&] { ++called; };
  ASSERT_OK(store_->Append(std::move(batches)));
  Batch barrier;
  barrier.on_commit = [&] { ++called; };
  ASSERT_OK(store_->Append(std::move(barrier)));
  ASSERT_OK(store_->Flush(5000));
  EXPECT_EQ(called, 3);
  std::string state;
  const auto scan = [&](std::string_view key, std::string_view value) {
    state += std::string(key) + "=" + std::string(value) + " ";
  };
  ASSERT_OK(store_->ScanState("rule", scan));
  EXPECT_EQ(state, "a=1 b=2 ");
  Batch removal;
  removal.state.push_back({"rule", "a", std::nullopt});
  ASSERT_OK(store_->Append(std::move(removal)));
  ASSERT_OK(store_->Flush(5000));
  Reopen();
  state.clear();
  ASSERT_OK(store_->ScanState("rule", scan));
  EXPECT_EQ(state, "b=2 ");
}

TEST_F(StoreTest, RefusesFramesThatDoNotFit) {
  Open();
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(schema_);
  const std::vector<double> values = {1, 2, 3};
  const FrameEntry a = maker.Make(1, kT0, values);
  const FrameEntry b = maker.Make(2, kT0 + 1000, values);
  const FrameEntry c = maker.Make(3, kT0 + 2000, values);
  const auto append = [&](const FrameEntry& frame, NodeId node) {
    Batch batch;
    batch.node = node;
    batch.epoch = epoch_;
    batch.frames.push_back(frame);
    return store_->Append(std::move(batch));
  };
  EXPECT_THAT(append(a, 99), StatusIs(absl::StatusCode::kInvalidArgument, "not known"));
  EXPECT_THAT(append(b, node_), StatusIs(absl::StatusCode::kFailedPrecondition, "is not held"));
  ASSERT_OK(append(a, node_));
  EXPECT_THAT(append(a, node_), StatusIs(absl::StatusCode::kInvalidArgument, "held already"));
  EXPECT_THAT(append(c, node_), StatusIs(absl::StatusCode::kInvalidArgument, "not the next"));
  FrameEntry damaged = b;
  damaged.bytes[damaged.bytes.size() / 2] ^= 1;
  EXPECT_THAT(append(damaged, node_), StatusIs(absl::StatusCode::kDataLoss, ""));
  FrameEntry unknown = b;
  unknown.schema = {};
  EXPECT_THAT(append(unknown, node_), StatusIs(absl::StatusCode::kInvalidArgument, "schema"));
  ASSERT_OK(append(b, node_));
  EXPECT_EQ(store_->Held(node_, epoch_).count(), 2u);
  EXPECT_EQ(store_->FindCrc(node_, epoch_, 2), b.crc);
  EXPECT_EQ(store_->FindCrc(node_, epoch_, 3), std::nullopt);
}

TEST_F(StoreTest, RecordsComeInOrderOfTimeFromHeadAndBlocks) {
  Open();
  RecordMaker maker(1, GapRecord());
  const auto gap = [](int64_t t, const std::string& cause) {
    return Record{t, {t - 5, t, std::string("host"), cause, std::string()}};
  };
  const auto append = [&](const Record& row) {
    Batch batch;
    batch.node = node_;
    batch.epoch = epoch_;
    batch.frames.push_back(maker.Make(next_seq_++, {&row, 1}));
    ASSERT_OK(store_->Append(std::move(batch)));
  };
  std::vector<int64_t> times;
  const auto scan = [&](std::string_view node, const Record& row) {
    EXPECT_EQ(node, "web1");
    EXPECT_EQ(row.values.size(), 5u);
    times.push_back(row.t_ms);
    return true;
  };
  append(gap(300, "agent killed"));
  append(gap(100, "overflow"));
  ASSERT_OK(store_->Flush(5000));
  clock_.Advance(options_.seal_after_ms);
  ASSERT_OK(store_->SealNow());
  append(gap(200, "overflow"));
  ASSERT_OK(store_->ScanRecords("gap", "", 0, kForever, scan));
  EXPECT_EQ(times, (std::vector<int64_t>{100, 200, 300}));
  Reopen();
  times.clear();
  ASSERT_OK(store_->ScanRecords("gap", "web1", 150, 300, scan));
  EXPECT_EQ(times, (std::vector<int64_t>{200, 300}));
  times.clear();
  ASSERT_OK(store_->ScanRecords("alert", "", 0, kForever, scan));
  ASSERT_OK(store_->ScanRecords("gap", "web2", 0, kForever, scan));
  EXPECT_TRUE(times.empty());
  EXPECT_EQ(store_->Durable(node_, epoch_).count(), 3u);
}

TEST_F(StoreTest, SourcesAndLastSeenAreKnownAgain) {
  Open();
  NodeInfo node = *store_->FindNode("web1");
  node.epoch = epoch_;
  ASSERT_OK(store_->PutNode(node));
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(schema_);
  AppendTicks(&maker, 0, 130);
  // The collector's own frames about a node that is silent.
  const Epoch agent = std::exchange(epoch_, Epoch{99, kT0});
  FrameMaker silence(1, {"host", "node", ""});
  silence.StartRun(schema_);
  AppendTicks(&silence, 200, 1);
  ASSERT_OK(store_->Flush(5000));
  clock_.Advance(options_.seal_after_ms);
  ASSERT_OK(store_->SealNow());
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(store_->FindNode("web1")->last_seen_ms, kT0 + 129'000);
    const std::vector<SourceInfo> sources = store_->Sources(node_);
    ASSERT_EQ(sources.size(), 1u);
    EXPECT_EQ(sources[0].group.name, "host");
    EXPECT_EQ(sources[0].schema, codec::HashSchema(*schema_));
    EXPECT_EQ(sources[0].last_ms, kT0 + 200'000);
    store_.reset();
    ASSERT_OK_AND_ASSIGN(store_, Store::Open(options_, clock_));
  }
  EXPECT_EQ(store_->FindNode("web1")->epoch, agent);
}

TEST_F(StoreTest, NewOwnLabelsMakeNewSeries) {
  Open();
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(schema_);
  AppendTicks(&maker, 0, 3);
  NodeInfo node = *store_->FindNode("web1");
  node.labels.Set("env", "prod");
  ASSERT_OK(store_->PutNode(node));
  maker.StartRun(schema_);
  AppendTicks(&maker, 3, 3);
  EXPECT_EQ(Select(*store_, {Matcher::Equal("env", "test")}).begin()->second.size(), 3u);
  EXPECT_EQ(Select(*store_, {Matcher::Equal("env", "prod")}).begin()->second.size(), 3u);
}

TEST_F(StoreTest, ReadersSeeEveryTickWhileItIsSealed) {
  Open();
  std::atomic<int64_t> appended = 0;
  std::atomic<bool> done = false;
  std::thread reader([&] {
    while (!done) {
      const int64_t at_least = appended;
      const Samples got = SelectOne("m1");
      EXPECT_GE(static_cast<int64_t>(got.size()), at_least);
      EXPECT_EQ(got, Ticks(0, static_cast<int64_t>(got.size()), 1));
    }
  });
  std::thread sealer([&] {
    while (!done) {
      EXPECT_OK(store_->SealNow());
      EXPECT_GE(store_->Stats().blocks, 0);
    }
  });
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(schema_);
  for (int64_t tick = 0; tick < 2000; ++tick) {
    if (tick % 10 == 0) {
      maker.StartRun(schema_);
    }
    AppendTicks(&maker, tick, 1);
    appended = tick + 1;
    if (tick % 100 == 0) {
      EXPECT_OK(store_->Flush(5000));
    }
  }
  done = true;
  reader.join();
  sealer.join();
  EXPECT_EQ(store_->Stats().counters.duplicate_samples, 0);
}

// A store that seals by itself.
class SealingStoreTest : public StoreTest {
 protected:
  void OpenSealing() {
    store_.reset();
    options_.manual_seal = false;
    ASSERT_OK_AND_ASSIGN(store_, Store::Open(options_, clock_));
  }
  void WaitForBlocks(int64_t n) {
    EXPECT_TRUE(Eventually(10'000, [&] { return store_->Stats().blocks == n; }))
        << store_->Stats().blocks << " blocks";
  }
};

TEST_F(SealingStoreTest, SealsAndRemovesByItself) {
  options_.retention_raw_ms = 3'600'000;
  Open();
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(schema_);
  AppendTicks(&maker, 0, 240);
  ASSERT_OK(store_->Flush(5000));
  OpenSealing();
  clock_.Advance(options_.seal_after_ms);
  WaitForBlocks(2);
  EXPECT_EQ(SelectOne("m0").size(), 240u);
  clock_.Advance(3'700'000);
  WaitForBlocks(0);
  EXPECT_TRUE(SelectOne("m0").empty());
}

// Hours of backfill come in seconds: the memory does not hold them until they are old.
TEST_F(SealingStoreTest, WhatCameLateIsSealedAtOnce) {
  Open();
  OpenSealing();
  FrameMaker live(1, {"host", "node", ""});
  live.StartRun(schema_);
  AppendTicks(&live, 0, 240);
  FrameMaker late(2, {"other", "node", ""});
  late.StartRun(schema_);
  AppendTicks(&late, -7'200, 360);
  WaitForBlocks(3);  // of the late one alone
  EXPECT_EQ(store_->LateBytes(), 0);
  EXPECT_EQ(store_->Stats().series, 6);
}

}  // namespace
}  // namespace ronda::store
