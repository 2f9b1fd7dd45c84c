// A packed row of level 1: two hours of consecutive series of one source and schema, column by
// column, so that one series is read without the others. Grammar: FORMAT.md, "Packed row".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace ronda::store {

// The samples of one series in the ticks of a row. `present` is empty if there is one at each tick;
// else it says at which. A staleness marker is a sample here.
struct SegmentColumn {
  std::vector<bool> present;
  std::vector<double> values;  // of the ticks that are there
};

// What a row holds; in the table's row and, under the checksum, in the bytes: what does not agree
// is damaged.
struct SegmentRowKey {
  int64_t source = 0;
  int64_t schema = 0;
  int64_t window = 0;  // number of the window (segment_span.h)
  uint32_t first_series = 0;
  uint32_t series = 0;
  bool operator==(const SegmentRowKey&) const = default;
};

struct SegmentHeader {
  SegmentRowKey key;
  std::vector<int64_t> t_ms;          // ascending, unique
  std::vector<size_t> chunk_offsets;  // in the row; one more than there are series
};

// A row's chunks have about so many bytes: between these, unless series are larger or no more are
// left. Where in between is chosen so that SQLite's pages are full.
inline constexpr size_t kLeastSegmentRowBytes = 192 << 10;
inline constexpr size_t kMostSegmentRowBytes = 256 << 10;

// The chunks of a row, and what comes into its header.
struct PackedRow {
  uint32_t first_series = 0;
  std::vector<size_t> sizes;  // of the chunks, one a series
  std::string chunks;
};

// Packs the columns of a pair and window, series by series, then cuts them into rows.
class RowPacker {
 public:
  // The next series; one without samples costs a byte.
  void Add(const SegmentColumn& column);
  // The same with roll-ups; `body` is that of EncodeRollup(), or empty.
  void AddRollup(std::string_view body);
  // What was added, as rows with these ticks. The packer is empty then.
  std::vector<PackedRow> Take(std::span<const int64_t> t_ms);

 private:
  // One more than the last series of each row.
  std::vector<size_t> FindCuts(size_t times_bytes) const;
  void Finish(size_t start);

  std::vector<size_t> sizes_;
  std::string chunks_;
};

// The bytes of a row: `key.first_series` and `key.series` are the packed row's.
std::string EncodeSegmentRow(SegmentRowKey key, std::span<const int64_t> t_ms,
                             const PackedRow& row);

// Bytes at the front of each row that say how long the header is.
inline constexpr size_t kSegmentPrefixBytes = 12;
// Length of prefix and header, from the prefix. kDataLoss: not a row.
absl::StatusOr<size_t> SegmentHeaderBytes(std::string_view prefix);
// From prefix and header. kDataLoss: damaged.
absl::StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view bytes);

// The body of a chunk of roll-ups. kDataLoss: damaged, or of samples.
absl::StatusOr<std::string_view> RollupBody(std::string_view chunk);

// The samples of ticks [first, first + n) of the `ticks` ones of the row. kDataLoss: damaged.
absl::StatusOr<SegmentColumn> DecodeSegmentChunk(std::string_view chunk, size_t ticks, size_t first,
                                                 size_t n);

}  // namespace ronda::store
