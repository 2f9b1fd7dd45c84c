#include "tests/bench/read_back.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/codec/frame.h"
#include "common/codec/sample_run.h"
#include "common/codec/schema_codec.h"
#include "common/model/sample.h"
#include "tests/bench/node_stream.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::bench {
namespace {

// Two gauges of one node over five minutes.
ScaleSet SmallSet() {
  HostCapture capture;
  for (const char* metric : {"node_load1", "node_load5"}) {
    capture.series.push_back({"node", metric, MetricType::kGauge, {}, 2});
  }
  for (int tick = 0; tick < 50; ++tick) {
    capture.values.push_back(tick * 0.25);
    capture.values.push_back(100 - tick * 0.5);
    ++capture.ticks;
  }
  ScaleSet set = *MakeScaleSet(capture, "day", 300.0 / 86'400, 1);
  set.start_ms = 1'700'000'000'000;
  return set;
}

// Stores the set's frames but for what `spoil` does to the values of a tick; false leaves it out.
void Store(const ScaleSet& set, const std::string& dir,
           const std::function<bool(int64_t, std::vector<double>*)>& spoil) {
  SystemClock clock;
  store::Store::Options options;
  options.dir = dir;
  ASSERT_OK_AND_ASSIGN(const auto store, store::Store::Open(options, clock));
  store::NodeInfo info;
  info.name = ScaleSet::NodeName(0);
  ASSERT_OK_AND_ASSIGN(const store::NodeId node, store->PutNode(info));
  ASSERT_OK(store->AddSchema(set.schema));
  const GroupIdentity group{"host", "node", ""};
  codec::SampleRunEncoder encoder(1, group);
  encoder.StartRun(set.schema);
  NodeStream stream(set, 0);
  uint64_t seq = 0;
  uint64_t run_first_seq = 0;
  for (int64_t tick = 0; tick < set.ticks; ++tick) {
    const auto sent = stream.Next();
    std::vector<double> values(sent.begin(), sent.end());
    if (!spoil(tick, &values)) {
      continue;
    }
    store::FrameEntry entry;
    entry.t_ms = set.start_ms + tick * 1000;
    encoder.Encode(++seq, entry.t_ms, values, &entry.bytes);
    ASSERT_OK_AND_ASSIGN(const codec::FrameHeader header, codec::ParseFrameHeader(entry.bytes));
    run_first_seq = codec::IsKey(header.kind) ? seq : run_first_seq;
    entry.kind = header.kind;
    entry.group = group;
    entry.schema = codec::HashSchema(*set.schema);
    entry.run_first_seq = run_first_seq;
    entry.seq = seq;
    entry.crc = header.crc;
    store::Batch batch;
    batch.node = node;
    batch.epoch = {1, 1};
    batch.frames.push_back(std::move(entry));
    ASSERT_OK(store->Append(std::move(batch)));
  }
  ASSERT_OK(store->Flush(10'000));
}

TEST(ReadBackTest, CountsWhatIsAsItWasSent) {
  const TempDir dir;
  const ScaleSet set = SmallSet();
  Store(set, dir.path(), [](int64_t, std::vector<double>*) { return true; });
  ASSERT_OK_AND_ASSIGN(const ReadBack read, ReadBackAll(set, dir.path()));
  EXPECT_EQ(read.samples, 600);
  EXPECT_GT(read.cpu_seconds, 0);
}

TEST(ReadBackTest, NamesTheSampleThatIsWrong) {
  const TempDir dir;
  const ScaleSet set = SmallSet();
  Store(set, dir.path(), [](int64_t tick, std::vector<double>* values) {
    (*values)[1] += tick == 200 ? 0.01 : 0;
    return true;
  });
  EXPECT_THAT(ReadBackAll(set, dir.path()),
              StatusIs(absl::StatusCode::kDataLoss, "at 1700000200000 was sent"));
}

TEST(ReadBackTest, NamesTheSampleThatIsMissing) {
  const TempDir dir;
  const ScaleSet set = SmallSet();
  Store(set, dir.path(), [](int64_t tick, std::vector<double>*) { return tick != 299; });
  EXPECT_THAT(ReadBackAll(set, dir.path()),
              StatusIs(absl::StatusCode::kDataLoss, "299 samples read, here nothing"));
}

TEST(ReadBackTest, NamesTheSeriesThatIsMissing) {
  const TempDir dir;
  const ScaleSet set = SmallSet();
  Store(set, dir.path(), [](int64_t, std::vector<double>* values) {
    (*values)[0] = StaleMarker();
    return true;
  });
  EXPECT_THAT(ReadBackAll(set, dir.path()), StatusIs(absl::StatusCode::kDataLoss, "node_load1"));
}

}  // namespace
}  // namespace ronda::bench
