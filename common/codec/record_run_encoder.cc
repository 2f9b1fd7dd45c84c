#include <algorithm>
#include <bit>

#include "common/base/check.h"
#include "common/base/strings.h"
#include "common/codec/frame_format.h"
#include "common/codec/record_run.h"
#include "common/codec/varint.h"

namespace ronda::codec {
namespace {

// Most that anything but text takes: a cell, a row's time, the header, a column's declaration.
constexpr size_t kMaxCellBytes = 10;
constexpr size_t kMaxHeaderBytes = 64;
constexpr size_t kMaxColumnBytes = kMaxRecordNameBytes + 3;

std::string_view Cut(const std::string& text) {
  return std::string_view(text).substr(0, kMaxRecordTextBytes);
}

// Most bytes that a row takes.
size_t RowBound(const Record& row) {
  size_t bytes = kMaxCellBytes;
  for (const RecordValue& value : row.values) {
    const auto* text = std::get_if<std::string>(&value);
    bytes += kMaxCellBytes + (text != nullptr ? Cut(*text).size() : 0);
  }
  return bytes;
}

}  // namespace

struct RecordRunEncoder::State {
  const uint32_t group;
  const RecordKind kind;
  int frames = 0;
  uint64_t seq = 0;
  int64_t t_ms = 0;               // of the row before
  std::vector<int64_t> integers;  // of the row before; used for columns of integers
  StringMap<uint64_t> dictionary;
  size_t dictionary_bytes = 0;

  State(uint32_t g, const RecordKind& k) : group(g), kind(k), integers(k.columns.size()) {}

  void PutKind(std::string* out) const;
  void PutRow(const Record& row, size_t* text_bytes, std::string* out);
  void PutText(std::string_view text, std::string* out);
};

void RecordRunEncoder::State::PutKind(std::string* out) const {
  PutBytes(out, kind.name);
  PutVarint(out, kind.columns.size());
  for (const RecordColumn& column : kind.columns) {
    PutBytes(out, column.name);
    out->push_back(static_cast<char>(column.type));
  }
}

void RecordRunEncoder::State::PutText(std::string_view text, std::string* out) {
  const auto it = dictionary.find(text);
  if (it != dictionary.end()) {
    PutVarint(out, it->second);
    return;
  }
  PutVarint(out, 0);
  PutBytes(out, text);
  dictionary.emplace(text, dictionary.size() + 1);
  dictionary_bytes += text.size() + kDictionaryEntryBytes;
}

void RecordRunEncoder::State::PutRow(const Record& row, size_t* text_bytes, std::string* out) {
  RONDA_CHECK(row.values.size() == kind.columns.size());
  PutSigned(out, WrappingSub(row.t_ms, t_ms));
  t_ms = row.t_ms;
  for (size_t c = 0; c < kind.columns.size(); ++c) {
    const RecordValue& value = row.values[c];
    switch (kind.columns[c].type) {
      case ColumnType::kInt: {
        const auto* v = std::get_if<int64_t>(&value);
        RONDA_CHECK(v != nullptr);
        PutSigned(out, WrappingSub(*v, integers[c]));
        integers[c] = *v;
        break;
      }
      case ColumnType::kDouble: {
        const auto* v = std::get_if<double>(&value);
        RONDA_CHECK(v != nullptr);
        PutU64(out, std::bit_cast<uint64_t>(*v));
        break;
      }
      case ColumnType::kString: {
        const auto* v = std::get_if<std::string>(&value);
        RONDA_CHECK(v != nullptr);
        *text_bytes += Cut(*v).size();
        PutText(Cut(*v), out);
        break;
      }
    }
  }
}

RecordRunEncoder::RecordRunEncoder(uint32_t group, const RecordKind& kind)
    : state_(std::make_unique<State>(group, kind)) {
  RONDA_CHECK(kind.name.size() <= kMaxRecordNameBytes);
  RONDA_CHECK(kind.columns.size() <= kMaxRecordColumns);
  for (const RecordColumn& column : kind.columns) {
    RONDA_CHECK(column.name.size() <= kMaxRecordNameBytes);
  }
}
RecordRunEncoder::~RecordRunEncoder() = default;

void RecordRunEncoder::StartRun() { state_->frames = 0; }

size_t RecordRunEncoder::RowsThatFit(std::span<const Record> rows) const {
  size_t left = kMaxFrameBytes - kMaxHeaderBytes - kCrcBytes -
                (state_->kind.columns.size() + 1) * kMaxColumnBytes;
  size_t n = 0;
  while (n < std::min(rows.size(), kMaxRecordRows)) {
    const size_t bytes = RowBound(rows[n]);
    if (n > 0 && bytes > left) {
      break;
    }
    left -= std::min(bytes, left);
    ++n;
  }
  return n;
}

void RecordRunEncoder::Encode(uint64_t seq, std::span<const Record> rows, std::string* out) {
  State& s = *state_;
  RONDA_CHECK(rows.size() <= kMaxRecordRows);
  const bool key = s.frames == 0 || s.frames == kMaxRunFrames || seq <= s.seq ||
                   s.dictionary_bytes > kMaxDictionaryBytes;
  const size_t begin = out->size();
  PutFrameHeader(key ? FrameKind::kRecordKey : FrameKind::kRecordDelta, s.group, seq, s.seq, out);
  s.seq = seq;
  if (key) {
    s.frames = 0;
    s.t_ms = 0;
    std::fill(s.integers.begin(), s.integers.end(), 0);
    s.dictionary.clear();
    s.dictionary_bytes = 0;
    s.PutKind(out);
  }
  ++s.frames;
  PutVarint(out, rows.size());
  size_t text_bytes = 0;
  for (const Record& row : rows) {
    s.PutRow(row, &text_bytes, out);
  }
  PutFrameCrc(begin, out);
  RONDA_CHECK(text_bytes <= kMaxFrameTextBytes);
  RONDA_CHECK(out->size() - begin <= kMaxFrameBytes);
}

}  // namespace ronda::codec
