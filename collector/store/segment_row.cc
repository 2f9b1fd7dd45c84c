#include "collector/store/segment_row.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "collector/store/page_fit.h"
#include "common/base/status.h"
#include "common/codec/column.h"
#include "common/codec/crc32c.h"
#include "common/codec/varint.h"

namespace ronda::store {
namespace {

constexpr std::string_view kMagic = "RS01";
constexpr size_t kMaxHeaderBytes = 4 << 20;
// A row's ids and the table's other columns.
constexpr size_t kAboutColumnBytes = 40;

// On disk: do not change the numbers.
enum class Form : uint8_t {
  kFull = 0,   // a value at each tick
  kHoles = 1,  // varint runs; lengths of runs of ticks, first with a value, then without, and so on
  kRollup = 2,  // rollup.h
};

absl::Status Damaged(std::string_view what) {
  return Fail(absl::StatusCode::kDataLoss, "a packed row with {}", what);
}

void PutRuns(const std::vector<bool>& present, std::string* out) {
  std::vector<size_t> runs;
  bool now = true;
  size_t length = 0;
  for (const bool there : present) {
    if (there != now) {
      runs.push_back(length);
      length = 0;
      now = there;
    }
    ++length;
  }
  runs.push_back(length);
  codec::PutVarint(out, runs.size());
  for (const size_t run : runs) {
    codec::PutVarint(out, run);
  }
}

absl::StatusOr<std::vector<bool>> ReadRuns(codec::ByteReader* in, size_t ticks) {
  std::vector<bool> present;
  const uint64_t runs = in->Varint();
  bool now = true;
  for (uint64_t i = 0; i < runs && in->ok(); ++i, now = !now) {
    const uint64_t length = in->Varint();
    if (length > ticks - present.size()) {
      return Damaged("too many ticks");
    }
    present.insert(present.end(), length, now);
  }
  if (!in->ok() || present.size() != ticks) {
    return Damaged("another number of ticks");
  }
  return present;
}

size_t VarintBytes(size_t v) { return (std::max<size_t>(std::bit_width(v), 1) + 6) / 7; }

// What of a column with holes lies in [first, first + n).
SegmentColumn Cut(std::vector<bool> present, const std::vector<double>& values, size_t first,
                  size_t n) {
  const auto begin = present.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = begin + static_cast<std::ptrdiff_t>(n);
  const auto before = std::count(present.begin(), begin, true);
  const auto inside = std::count(begin, end, true);
  SegmentColumn out;
  out.values.assign(values.begin() + before, values.begin() + before + inside);
  out.present.assign(begin, end);
  return out;
}

}  // namespace

void RowPacker::Finish(size_t start) {
  if (chunks_.size() > start) {
    codec::PutU32(&chunks_, codec::Crc32c(std::string_view(chunks_).substr(start)));
  }
  sizes_.push_back(chunks_.size() - start);
}

void RowPacker::Add(const SegmentColumn& column) {
  const size_t start = chunks_.size();
  if (!column.values.empty()) {
    chunks_.push_back(static_cast<char>(column.present.empty() ? Form::kFull : Form::kHoles));
    if (!column.present.empty()) {
      PutRuns(column.present, &chunks_);
    }
    codec::EncodeColumn(column.values, &chunks_);
  }
  Finish(start);
}

void RowPacker::AddRollup(std::string_view body) {
  const size_t start = chunks_.size();
  if (!body.empty()) {
    chunks_.push_back(static_cast<char>(Form::kRollup));
    chunks_ += body;
  }
  Finish(start);
}

std::vector<size_t> RowPacker::FindCuts(size_t times_bytes) const {
  // From the last series to the first: where the row that begins with series i ends, so that it and
  // those after it fit best.
  struct Row {
    size_t end = 0;
    size_t misfit = 0;
  };
  std::vector<Row> rows(sizes_.size() + 1);
  for (size_t begin = sizes_.size(); begin-- > 0;) {
    Row& best = rows[begin];
    size_t row = kSegmentPrefixBytes + kAboutColumnBytes + times_bytes;
    size_t chunks = 0;
    for (size_t end = begin + 1; end <= sizes_.size(); ++end) {
      chunks += sizes_[end - 1];
      row += sizes_[end - 1] + VarintBytes(sizes_[end - 1]);
      const bool is_first = best.end == 0;
      if (chunks > kMostSegmentRowBytes && !is_first) {
        break;
      }
      if (chunks < kLeastSegmentRowBytes && end < sizes_.size()) {
        // Too short, unless the next series is too large to go with it.
        if (chunks + sizes_[end] <= kMostSegmentRowBytes) {
          continue;
        }
      }
      const size_t misfit = LeafMisfit(row) + rows[end].misfit;
      if (is_first || misfit < best.misfit) {
        best = {end, misfit};
      }
    }
  }
  std::vector<size_t> cuts;
  for (size_t begin = 0; begin < sizes_.size(); begin = cuts.back()) {
    cuts.push_back(rows[begin].end);
  }
  return cuts;
}

std::vector<PackedRow> RowPacker::Take(std::span<const int64_t> t_ms) {
  std::string times;
  codec::EncodeIntColumn(t_ms, &times);
  std::vector<PackedRow> rows;
  size_t offset = 0;
  size_t begin = 0;
  for (const size_t end : FindCuts(times.size())) {
    PackedRow& row = rows.emplace_back();
    row.first_series = static_cast<uint32_t>(begin);
    row.sizes.assign(sizes_.begin() + static_cast<std::ptrdiff_t>(begin),
                     sizes_.begin() + static_cast<std::ptrdiff_t>(end));
    const size_t bytes = std::accumulate(row.sizes.begin(), row.sizes.end(), size_t{0});
    row.chunks = chunks_.substr(offset, bytes);
    offset += bytes;
    begin = end;
  }
  sizes_.clear();
  chunks_.clear();
  return rows;
}

std::string EncodeSegmentRow(SegmentRowKey key, std::span<const int64_t> t_ms,
                             const PackedRow& row) {
  std::string header;
  codec::PutSigned(&header, key.source);
  codec::PutSigned(&header, key.schema);
  codec::PutSigned(&header, key.window);
  codec::PutVarint(&header, row.first_series);
  codec::PutVarint(&header, t_ms.size());
  std::string times;
  codec::EncodeIntColumn(t_ms, &times);
  codec::PutBytes(&header, times);
  codec::PutVarint(&header, row.sizes.size());
  for (const size_t size : row.sizes) {
    codec::PutVarint(&header, size);
  }
  std::string out;
  out.reserve(kSegmentPrefixBytes + header.size() + row.chunks.size());
  out += kMagic;
  codec::PutU32(&out, static_cast<uint32_t>(header.size()));
  codec::PutU32(&out, codec::Crc32c(header));
  out += header;
  out += row.chunks;
  return out;
}

absl::StatusOr<size_t> SegmentHeaderBytes(std::string_view prefix) {
  codec::ByteReader in(prefix);
  const bool magic = in.Take(kMagic.size()) == kMagic;
  const uint32_t size = in.U32();
  if (!in.ok() || !magic || size > kMaxHeaderBytes) {
    return Damaged("a bad prefix");
  }
  return kSegmentPrefixBytes + size;
}

absl::StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view bytes) {
  RONDA_ASSIGN_OR_RETURN(const size_t size, SegmentHeaderBytes(bytes));
  if (bytes.size() < size) {
    return Damaged("a header that is cut short");
  }
  const std::string_view header = bytes.substr(kSegmentPrefixBytes, size - kSegmentPrefixBytes);
  if (codec::ByteReader(bytes.substr(kMagic.size() + 4)).U32() != codec::Crc32c(header)) {
    return Damaged("a header of a wrong checksum");
  }
  codec::ByteReader in(header);
  SegmentHeader out;
  out.key.source = in.Signed();
  out.key.schema = in.Signed();
  out.key.window = in.Signed();
  out.key.first_series = static_cast<uint32_t>(in.Varint());
  const uint64_t ticks = in.Varint();
  const std::string_view times = in.Bytes();
  const uint64_t series = in.Varint();
  if (!in.ok() || ticks > codec::kMaxColumnValues || series > in.remaining()) {
    return Damaged("a bad header");
  }
  out.t_ms.resize(ticks);
  RONDA_RETURN_IF_ERROR(codec::DecodeIntColumn(times, out.t_ms));
  out.key.series = static_cast<uint32_t>(series);
  size_t offset = size;
  out.chunk_offsets.reserve(series + 1);
  out.chunk_offsets.push_back(offset);
  for (uint64_t i = 0; i < series && in.ok(); ++i) {
    offset += static_cast<size_t>(in.Varint());
    out.chunk_offsets.push_back(offset);
  }
  if (!in.done() || !std::is_sorted(out.chunk_offsets.begin(), out.chunk_offsets.end())) {
    return Damaged("a header of another length");
  }
  return out;
}

namespace {

// Form and content of a chunk.
absl::StatusOr<std::string_view> CheckChunk(std::string_view chunk) {
  if (chunk.size() < 1 + sizeof(uint32_t)) {
    return Damaged("a chunk that is cut short");
  }
  const std::string_view body = chunk.substr(0, chunk.size() - sizeof(uint32_t));
  if (codec::ByteReader(chunk.substr(body.size())).U32() != codec::Crc32c(body)) {
    return Damaged("a chunk of a wrong checksum");
  }
  return body;
}

}  // namespace

absl::StatusOr<std::string_view> RollupBody(std::string_view chunk) {
  RONDA_ASSIGN_OR_RETURN(const std::string_view body, CheckChunk(chunk));
  if (static_cast<Form>(body[0]) != Form::kRollup) {
    return Damaged("samples where roll-ups should be");
  }
  return body.substr(1);
}

absl::StatusOr<SegmentColumn> DecodeSegmentChunk(std::string_view chunk, size_t ticks, size_t first,
                                                 size_t n) {
  SegmentColumn out;
  if (chunk.empty()) {
    out.present.assign(n, false);
    return out;
  }
  RONDA_ASSIGN_OR_RETURN(const std::string_view body, CheckChunk(chunk));
  codec::ByteReader in(body);
  switch (static_cast<Form>(in.U8())) {
    case Form::kFull:
      out.values.resize(n);
      RONDA_RETURN_IF_ERROR(codec::DecodeColumnRange(body.substr(1), ticks, first, out.values));
      return out;
    case Form::kHoles: {
      RONDA_ASSIGN_OR_RETURN(std::vector<bool> present, ReadRuns(&in, ticks));
      std::vector<double> values(
          static_cast<size_t>(std::count(present.begin(), present.end(), true)));
      RONDA_RETURN_IF_ERROR(codec::DecodeColumn(in.Take(in.remaining()), values));
      return Cut(std::move(present), values, first, n);
    }
    case Form::kRollup:
      return Damaged("roll-ups where samples should be");
  }
  return Fail(absl::StatusCode::kUnimplemented, "a chunk of form {}, of a later version",
              static_cast<int>(body[0]));
}

}  // namespace ronda::store
