// Golden bytes of what FORMAT.md describes. A change here is a change of the format: files that
// exist must still be read.

#include <bit>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "collector/store/block.h"
#include "collector/store/block_chunk.h"
#include "collector/store/catalogue_rows.h"
#include "collector/store/journal_row.h"
#include "common/base/digest.h"
#include "common/model/sample.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/collector/store/frame_maker.h"

namespace ronda::store {
namespace {

std::string Chunk(const std::vector<double>& values) {
  std::string out;
  AppendChunk(values, &out);
  return out;
}

void ExpectRoundTrip(const std::vector<double>& values) {
  const std::string bytes = Chunk(values);
  EXPECT_LE(bytes.size(), 5 + 8 * values.size());
  ASSERT_OK_AND_ASSIGN(const std::vector<double> got, DecodeChunk(bytes, values.size()));
  ASSERT_EQ(got.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(std::bit_cast<uint64_t>(got[i]), std::bit_cast<uint64_t>(values[i])) << i;
  }
}

TEST(FormatTest, ChunksHaveTheseBytes) {
  EXPECT_EQ(ToHex(Chunk({StaleMarker(), StaleMarker()})), "0051537d52");
  EXPECT_EQ(ToHex(Chunk({1.5, 1.5})), "01000000000000f83fb826a5f8");
  EXPECT_EQ(ToHex(Chunk({1, 1.5, 1.25})), "0302c8016431208129b5");
  EXPECT_EQ(ToHex(Chunk({1, StaleMarker(), 2})), "0400050202f8bed658");
}

TEST(FormatTest, ChunksGiveEveryValueBack) {
  const double nan = std::bit_cast<double>(0x7ff8000000000123ULL);
  const double inf = std::numeric_limits<double>::infinity();
  ExpectRoundTrip({0.1, 0.2, 0.30000000000000004});
  ExpectRoundTrip({-0.0, 0.0});
  ExpectRoundTrip({-0.0, -0.0});
  ExpectRoundTrip({nan, StaleMarker(), inf, -inf});
  ExpectRoundTrip({9007199254740991.0, -9007199254740991.0, 1});
  ExpectRoundTrip({1e300, 1e-300, std::numeric_limits<double>::denorm_min()});
  ExpectRoundTrip({123456.789, StaleMarker(), 0.001});
  std::mt19937_64 random(7);
  for (int i = 0; i < 2000; ++i) {
    std::vector<double> values(1 + random() % 130);
    const uint64_t style = random() % 4;
    for (double& v : values) {
      v = style == 0   ? std::bit_cast<double>(random())
          : style == 1 ? static_cast<double>(random() % 100000) / 1000
          : style == 2 ? (random() % 3 == 0 ? StaleMarker() : static_cast<double>(random() % 10))
                       : static_cast<double>(random() >> (random() % 64));
    }
    ExpectRoundTrip(values);
  }
}

TEST(FormatTest, DamagedChunksAreRefused) {
  const std::string good = Chunk({1, 1.5, StaleMarker(), 7});
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      EXPECT_FALSE(DecodeChunk(bad, 4).ok()) << i << "." << bit;
    }
    EXPECT_FALSE(DecodeChunk(good.substr(0, i), 4).ok());
  }
  EXPECT_THAT(DecodeChunk(good, 9), StatusIs(absl::StatusCode::kDataLoss, "another number"));
}

TEST(FormatTest, BlockHasTheseBytesAndReadsBack) {
  const std::vector<int64_t> t_ms = {1000, 2000};
  const std::vector<uint64_t> order = {10, 12};
  const std::vector<std::vector<double>> columns = {{1, 1}, {StaleMarker(), StaleMarker()}};
  const BlockKey key{3, 4, 0x1122334455667788ULL, 5, 9};
  const std::string bytes = EncodeBlock(key, t_ms, order, columns);
  EXPECT_EQ(ToHex(bytes),
            "5242303116000000fdd35eb406088877665544332211050902d00fd00f1404020d05"
            "01000000000000f03f00e5b1650051537d52");
  ASSERT_OK_AND_ASSIGN(const BlockHeader header, DecodeBlockHeader(bytes));
  EXPECT_EQ(header.key, key);
  EXPECT_EQ(header.t_ms, t_ms);
  EXPECT_EQ(header.order, order);
  ASSERT_EQ(header.columns(), 2u);
  EXPECT_EQ(header.chunk_offsets.back(), bytes.size());
  for (size_t i = 0; i < header.chunk_offsets[0]; ++i) {
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    EXPECT_FALSE(DecodeBlockHeader(bad).ok()) << i;
  }
}

TEST(FormatTest, JournalRowHasTheseBytesAndReadsBack) {
  const std::shared_ptr<const Schema> schema = GaugeSchema(1);
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(schema);
  const std::vector<double> values = {2};
  const FrameEntry a = maker.Make(5, 1000, values);
  const FrameEntry b = maker.Make(6, 2000, values);
  JournalRowBuilder builder(42, 1000);
  const JournalRun run{{3, {0x1122334455667788ULL, 77}, 5}, 8, 9};
  builder.Add(run, a.t_ms, a.bytes);
  builder.Add(run, b.t_ms, b.bytes);
  const std::string bytes = builder.Encode();
  // What is not a frame: the frames' bytes are the codec's to fix.
  std::string without = bytes;
  without.erase(without.find(a.bytes), a.bytes.size());
  without.erase(without.find(b.bytes), b.bytes.size());
  without.resize(without.size() - 4);
  EXPECT_EQ(ToHex(without), "524a0154e807010688776655443322119a010510120200d00f2700d00f0a");
  ASSERT_OK_AND_ASSIGN(const JournalRow row, DecodeJournalRow(42, bytes));
  EXPECT_EQ(row.first_order, 1000u);
  ASSERT_EQ(row.runs.size(), 1u);
  EXPECT_EQ(row.runs[0].key, run.key);
  EXPECT_EQ(row.runs[0].source, 8);
  EXPECT_EQ(row.runs[0].schema, 9);
  ASSERT_EQ(row.frames.size(), 2u);
  EXPECT_EQ(row.frames[1].bytes, b.bytes);
  EXPECT_EQ(row.frames[1].seq, 6u);
  EXPECT_EQ(row.frames[1].prev_seq, 5u);
  EXPECT_EQ(row.frames[1].t_ms, 2000);
  EXPECT_THAT(DecodeJournalRow(43, bytes), StatusIs(absl::StatusCode::kDataLoss, "another"));
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 0x40);
    EXPECT_FALSE(DecodeJournalRow(42, bad).ok()) << i;
    EXPECT_FALSE(DecodeJournalRow(42, bytes.substr(0, i)).ok()) << i;
  }
}

TEST(FormatTest, CatalogueRowsKnowTheirPlace) {
  NodeInfo node;
  node.name = "web1";
  node.labels.Set("env", "prod");
  node.last_seen_ms = 5;
  node.epoch = {1, 2};
  const std::string bytes = EncodeNodeRow(7, node);
  ASSERT_OK_AND_ASSIGN(const NodeInfo got, DecodeNodeRow(7, bytes));
  EXPECT_EQ(got.name, "web1");
  EXPECT_EQ(got.labels, node.labels);
  EXPECT_EQ(got.epoch, node.epoch);
  EXPECT_THAT(DecodeNodeRow(8, bytes), StatusIs(absl::StatusCode::kDataLoss, "node/8"));
  const SourceRow source{7, "web1", {"host", "node", "x"}, node.labels};
  ASSERT_OK_AND_ASSIGN(const SourceRow source_got, DecodeSourceRow(1, EncodeSourceRow(1, source)));
  EXPECT_EQ(source_got, source);
}

}  // namespace
}  // namespace ronda::store
