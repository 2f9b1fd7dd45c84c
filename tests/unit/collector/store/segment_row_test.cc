// Packed rows: where they are cut, and what that spares in SQLite's pages.
#include "collector/store/segment_row.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "collector/store/page_fit.h"
#include "tests/support/status_matchers.h"

namespace ronda::store {
namespace {

TEST(PageFitTest, KnowsWhatStaysInTheLeafPage) {
  EXPECT_EQ(LeafMisfit(100), 100u);       // all of it
  EXPECT_EQ(LeafMisfit(489 + 4092), 0u);  // one overflow page, full
  EXPECT_EQ(LeafMisfit(489 + 5 * 4092 + 7), 7u);
  EXPECT_EQ(LeafMisfit(489 + 4092 + 3572), 3572u);  // 4061 bytes stay
  EXPECT_EQ(LeafMisfit(489 + 4092 + 3573), 519u);   // one more, and they go to a page of their own
}

std::vector<SegmentColumn> RandomColumns(size_t series, size_t ticks, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<SegmentColumn> columns(series);
  for (SegmentColumn& column : columns) {
    const uint64_t range = uint64_t{1} << random() % 12;
    for (size_t i = 0; i < ticks; ++i) {
      column.values.push_back(static_cast<double>(random() % range));
    }
  }
  return columns;
}

TEST(RowPackerTest, CutsRowsWhereTheyFillPages) {
  const std::vector<SegmentColumn> columns = RandomColumns(400, 3'000, 3);
  std::vector<int64_t> t_ms;
  for (int64_t i = 0; i < 3'000; ++i) {
    t_ms.push_back(i * 1000);
  }
  RowPacker packer;
  for (const SegmentColumn& column : columns) {
    packer.Add(column);
  }
  const std::vector<PackedRow> rows = packer.Take(t_ms);
  ASSERT_GT(rows.size(), 3u);
  uint32_t next = 0;
  size_t misfit = 0;
  for (const PackedRow& row : rows) {
    EXPECT_EQ(row.first_series, next);
    const std::string bytes = EncodeSegmentRow(
        {1, 1, 5, row.first_series, static_cast<uint32_t>(row.sizes.size())}, t_ms, row);
    ASSERT_OK_AND_ASSIGN(const SegmentHeader header, DecodeSegmentHeader(bytes));
    ASSERT_EQ(header.key.series, row.sizes.size());
    for (size_t i = 0; i < row.sizes.size(); ++i, ++next) {
      const std::string_view chunk = std::string_view(bytes).substr(
          header.chunk_offsets[i], header.chunk_offsets[i + 1] - header.chunk_offsets[i]);
      ASSERT_OK_AND_ASSIGN(const SegmentColumn got, DecodeSegmentChunk(chunk, 3'000, 0, 3'000));
      EXPECT_EQ(got.values, columns[next].values);
    }
    if (&row != &rows.back()) {
      EXPECT_GE(row.chunks.size(), kLeastSegmentRowBytes);
      EXPECT_LE(row.chunks.size(), kMostSegmentRowBytes);
      misfit += LeafMisfit(bytes.size() + 40);
    }
  }
  EXPECT_EQ(next, columns.size());
  // Cut anywhere it would be about 1,300.
  EXPECT_LT(misfit / (rows.size() - 1), 600u);
  EXPECT_TRUE(packer.Take(t_ms).empty());
}

TEST(RowPackerTest, ASeriesLargerThanARowHasOneOfItsOwn) {
  RowPacker packer;
  std::mt19937_64 random(5);
  for (int series = 0; series < 3; ++series) {
    SegmentColumn column;
    for (int i = 0; i < 40'000; ++i) {
      column.values.push_back(std::ldexp(static_cast<double>(random()), -30));
    }
    packer.Add(column);
  }
  packer.Add({std::vector<bool>(40'000, false), {}});
  std::vector<int64_t> t_ms(40'000);
  std::iota(t_ms.begin(), t_ms.end(), 1);
  const std::vector<PackedRow> rows = packer.Take(t_ms);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[2].first_series, 2u);
  EXPECT_EQ(rows[3].sizes, std::vector<size_t>{0});
}

}  // namespace
}  // namespace ronda::store
