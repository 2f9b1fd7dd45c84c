#include "collector/store/record_block.h"

#include <algorithm>
#include <bit>
#include <map>
#include <tuple>
#include <utility>
#include <variant>

#include "collector/store/zstd_bytes.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/codec/column.h"
#include "common/codec/crc32c.h"
#include "common/codec/record_run.h"
#include "common/codec/varint.h"

namespace ronda::store {
namespace {

constexpr std::string_view kMagic = "RR01";
constexpr size_t kPrefixBytes = 12;
constexpr size_t kCellBytes = 16;
// 9999-12-31; the first is 1970.
constexpr int64_t kLastCalendarMs = 253'402'300'799'000;
// What one record may take: every column of it a longest text. Bounds what a small block unfolds
// to.
constexpr size_t kMaxRecordBytes =
    codec::kMaxRecordColumns * (codec::kMaxRecordTextBytes + kCellBytes) + kCellBytes;
constexpr size_t kMaxTextBytes = kMaxBlockRecordBytes + kMaxRecordBytes;
constexpr size_t kMaxNameBytes = 64 << 10;

// How the texts of a dictionary are stored. On disk: do not change the numbers.
enum class TextForm : uint8_t { kPlain = 0, kCompressed = 1 };
constexpr int kLevel = 6;

absl::Status Damaged(std::string_view what) {
  return Fail(absl::StatusCode::kDataLoss, "a block of records with {}", what);
}

void PutInts(const std::vector<int64_t>& values, std::string* out) {
  std::string column;
  codec::EncodeIntColumn(values, &column);
  codec::PutBytes(out, column);
}

absl::StatusOr<std::vector<int64_t>> ReadInts(codec::ByteReader* in, size_t n) {
  const std::string_view column = in->Bytes();
  std::vector<int64_t> values(n);
  if (!in->ok()) {
    return Damaged("a column that is cut short");
  }
  RONDA_RETURN_IF_ERROR(codec::DecodeIntColumn(column, values));
  return values;
}

bool SameValue(const RecordValue& a, const RecordValue& b) {
  const auto* x = std::get_if<double>(&a);
  const auto* y = std::get_if<double>(&b);
  return x != nullptr && y != nullptr ? std::bit_cast<uint64_t>(*x) == std::bit_cast<uint64_t>(*y)
                                      : a == b;
}

// The texts of a block, numbered by first use.
class Dictionary {
 public:
  int64_t NumberOf(const std::string& text) {
    const auto [it, is_new] = numbers_.try_emplace(text, static_cast<int64_t>(texts_.size()));
    if (is_new) {
      texts_.push_back(&it->first);
    }
    return it->second;
  }
  void Put(std::string* out) const {
    std::vector<int64_t> lengths;
    std::string all;
    for (const std::string* const text : texts_) {
      lengths.push_back(static_cast<int64_t>(text->size()));
      all += *text;
    }
    codec::PutVarint(out, texts_.size());
    PutInts(lengths, out);
    const std::string frame = CompressBytes(all, kLevel);
    const bool plain = frame.empty() || frame.size() + kCellBytes > all.size();
    out->push_back(static_cast<char>(plain ? TextForm::kPlain : TextForm::kCompressed));
    codec::PutBytes(out, plain ? all : frame);
  }

 private:
  std::map<std::string, int64_t> numbers_;
  std::vector<const std::string*> texts_;
};

// The texts point into `in`, or into *plain.
absl::StatusOr<std::vector<std::string_view>> ReadDictionary(codec::ByteReader* in,
                                                             std::string* plain) {
  const uint64_t count = in->Varint();
  if (!in->ok() || count > kMaxBlockRecords * codec::kMaxRecordColumns) {
    return Damaged("too many texts");
  }
  RONDA_ASSIGN_OR_RETURN(const std::vector<int64_t> lengths,
                         ReadInts(in, static_cast<size_t>(count)));
  const uint8_t form = in->U8();
  std::string_view bytes = in->Bytes();
  if (!in->ok()) {
    return Damaged("texts that are cut short");
  }
  if (form == static_cast<uint8_t>(TextForm::kCompressed)) {
    uint64_t size = 0;
    for (const int64_t length : lengths) {
      size += static_cast<uint64_t>(std::clamp<int64_t>(length, 0, kMaxTextBytes));
    }
    RONDA_ASSIGN_OR_RETURN(*plain, DecompressBytes(bytes, size, kMaxTextBytes,
                                                   "a block of records with compressed text"));
    bytes = *plain;
  } else if (form != static_cast<uint8_t>(TextForm::kPlain)) {
    return Fail(absl::StatusCode::kUnimplemented, "a block of records with texts of form {}", form);
  }
  codec::ByteReader all(bytes);
  std::vector<std::string_view> texts;
  texts.reserve(lengths.size());
  for (const int64_t length : lengths) {
    texts.push_back(all.Take(static_cast<size_t>(length)));
  }
  if (!in->ok() || !all.done()) {
    return Damaged("texts of another length");
  }
  return texts;
}

// The values of column `c`, of all records.
std::string EncodeValues(const RecordBlock& block, size_t c, Dictionary* dictionary) {
  std::vector<int64_t> ints;
  std::vector<double> doubles;
  for (const StoredRecord& stored : block.records) {
    const RecordValue& value = stored.record.values[c];
    switch (block.columns[c].type) {
      case ColumnType::kInt:
        ints.push_back(std::get<int64_t>(value));
        break;
      case ColumnType::kDouble:
        doubles.push_back(std::get<double>(value));
        break;
      case ColumnType::kString:
        ints.push_back(dictionary->NumberOf(std::get<std::string>(value)));
        break;
    }
  }
  std::string column;
  if (block.columns[c].type == ColumnType::kDouble) {
    codec::EncodeColumn(doubles, &column);
  } else {
    codec::EncodeIntColumn(ints, &column);
  }
  return column;
}

// Appends the values of a column to the records. `room`: bytes of text that they may still unfold
// to.
absl::Status ReadValues(ColumnType type, const std::vector<std::string_view>& texts,
                        codec::ByteReader* in, size_t* room, std::vector<StoredRecord>* records) {
  if (type == ColumnType::kDouble) {
    std::vector<double> values(records->size());
    RONDA_RETURN_IF_ERROR(codec::DecodeColumn(in->Bytes(), values));
    for (size_t i = 0; i < values.size(); ++i) {
      (*records)[i].record.values.emplace_back(values[i]);
    }
    return absl::OkStatus();
  }
  RONDA_ASSIGN_OR_RETURN(const std::vector<int64_t> values, ReadInts(in, records->size()));
  for (size_t i = 0; i < values.size(); ++i) {
    if (type == ColumnType::kInt) {
      (*records)[i].record.values.emplace_back(values[i]);
      continue;
    }
    if (values[i] < 0 || static_cast<size_t>(values[i]) >= texts.size()) {
      return Damaged("a text that is not there");
    }
    const std::string_view text = texts[static_cast<size_t>(values[i])];
    if (text.size() > *room) {
      return Damaged("too much text");
    }
    *room -= text.size();
    (*records)[i].record.values.emplace_back(std::string(text));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<RecordColumn>> ReadColumns(codec::ByteReader* in) {
  std::vector<RecordColumn> columns;
  const uint64_t count = in->Varint();
  if (count > codec::kMaxRecordColumns) {
    return Damaged("too many columns");
  }
  for (uint64_t i = 0; i < count && in->ok(); ++i) {
    const std::string_view name = in->Bytes();
    const uint8_t type = in->U8();
    if (type < static_cast<uint8_t>(ColumnType::kInt) ||
        type > static_cast<uint8_t>(ColumnType::kString)) {
      return Damaged("a column of no type");
    }
    columns.push_back({std::string(name), static_cast<ColumnType>(type)});
  }
  return columns;
}

absl::StatusOr<std::vector<StoredRecord>> ReadRecords(const std::vector<RecordColumn>& columns,
                                                      codec::ByteReader* in) {
  const uint64_t count = in->Varint();
  if (!in->ok() || count > kMaxBlockRecords) {
    return Damaged("too many records");
  }
  std::vector<StoredRecord> records(static_cast<size_t>(count));
  RONDA_ASSIGN_OR_RETURN(const std::vector<int64_t> t_ms, ReadInts(in, records.size()));
  RONDA_ASSIGN_OR_RETURN(const std::vector<int64_t> orders, ReadInts(in, records.size()));
  RONDA_ASSIGN_OR_RETURN(const std::vector<int64_t> rows, ReadInts(in, records.size()));
  for (size_t i = 0; i < records.size(); ++i) {
    records[i].record.t_ms = t_ms[i];
    records[i].order = static_cast<uint64_t>(orders[i]);
    records[i].row = static_cast<uint32_t>(rows[i]);
    records[i].record.values.reserve(columns.size());
    if (i > 0 && IsBefore(records[i], records[i - 1])) {
      return Damaged("records that are not in order");
    }
  }
  std::string plain;
  RONDA_ASSIGN_OR_RETURN(const std::vector<std::string_view> texts, ReadDictionary(in, &plain));
  size_t room = kMaxTextBytes;
  for (const RecordColumn& column : columns) {
    RONDA_RETURN_IF_ERROR(ReadValues(column.type, texts, in, &room, &records));
  }
  return records;
}

}  // namespace

bool IsBefore(const StoredRecord& a, const StoredRecord& b) {
  return std::tie(a.record.t_ms, a.order, a.row) < std::tie(b.record.t_ms, b.order, b.row);
}

bool IsSame(const StoredRecord& a, const StoredRecord& b) {
  return a.record.t_ms == b.record.t_ms && a.order == b.order && a.row == b.row &&
         std::equal(a.record.values.begin(), a.record.values.end(), b.record.values.begin(),
                    b.record.values.end(), SameValue);
}

void SortUnique(std::vector<StoredRecord>* records) {
  std::stable_sort(records->begin(), records->end(), IsBefore);
  size_t kept = 0;
  for (size_t i = 0; i < records->size(); ++i) {
    // Numbers are used twice only if ronda.db was lost: then what they say tells records apart.
    bool again = false;
    for (size_t k = kept; k > 0 && !again && !IsBefore((*records)[k - 1], (*records)[i]); --k) {
      again = IsSame((*records)[k - 1], (*records)[i]);
    }
    if (!again) {
      if (kept != i) {
        (*records)[kept] = std::move((*records)[i]);
      }
      ++kept;
    }
  }
  records->resize(kept);
}

size_t SizeOf(const Record& record) {
  size_t bytes = kCellBytes * (record.values.size() + 1);
  for (const RecordValue& value : record.values) {
    const auto* const text = std::get_if<std::string>(&value);
    bytes += text != nullptr ? text->size() : 0;
  }
  return bytes;
}

int64_t RecordHourOf(int64_t t_ms) {
  const int64_t t = std::clamp<int64_t>(t_ms, 0, kLastCalendarMs);
  return t % kRecordHourMs > 0 ? t / kRecordHourMs : t / kRecordHourMs - 1;
}

std::string EncodeRecordBlock(const RecordBlock& block) {
  RONDA_CHECK(block.records.size() <= kMaxBlockRecords);
  std::vector<int64_t> t_ms;
  std::vector<int64_t> orders;
  std::vector<int64_t> rows;
  for (const StoredRecord& stored : block.records) {
    RONDA_CHECK(stored.record.values.size() == block.columns.size());
    t_ms.push_back(stored.record.t_ms);
    orders.push_back(static_cast<int64_t>(stored.order));
    rows.push_back(stored.row);
  }
  std::string body;
  codec::PutBytes(&body, block.node);
  codec::PutBytes(&body, block.kind);
  codec::PutSigned(&body, block.hour);
  codec::PutVarint(&body, block.columns.size());
  for (const RecordColumn& column : block.columns) {
    codec::PutBytes(&body, column.name);
    body.push_back(static_cast<char>(column.type));
  }
  codec::PutVarint(&body, block.records.size());
  PutInts(t_ms, &body);
  PutInts(orders, &body);
  PutInts(rows, &body);
  Dictionary dictionary;
  std::string columns;
  for (size_t c = 0; c < block.columns.size(); ++c) {
    codec::PutBytes(&columns, EncodeValues(block, c, &dictionary));
  }
  dictionary.Put(&body);
  body += columns;
  std::string out(kMagic);
  codec::PutU32(&out, static_cast<uint32_t>(body.size()));
  codec::PutU32(&out, codec::Crc32c(body));
  return out + body;
}

absl::StatusOr<RecordBlock> DecodeRecordBlock(std::string_view bytes) {
  codec::ByteReader prefix(bytes);
  const bool magic = prefix.Take(kMagic.size()) == kMagic;
  const uint32_t size = prefix.U32();
  const uint32_t checksum = prefix.U32();
  if (!prefix.ok() || !magic || bytes.size() - kPrefixBytes != size) {
    return Damaged("a bad prefix");
  }
  const std::string_view body = bytes.substr(kPrefixBytes);
  if (codec::Crc32c(body) != checksum) {
    return Damaged("a wrong checksum");
  }
  codec::ByteReader in(body);
  RecordBlock block;
  block.node = in.Bytes();
  block.kind = in.Bytes();
  block.hour = in.Signed();
  if (!in.ok() || block.node.size() > kMaxNameBytes || block.kind.size() > kMaxNameBytes) {
    return Damaged("a bad key");
  }
  RONDA_ASSIGN_OR_RETURN(block.columns, ReadColumns(&in));
  RONDA_ASSIGN_OR_RETURN(block.records, ReadRecords(block.columns, &in));
  if (!in.done()) {
    return Damaged("another length");
  }
  return block;
}

}  // namespace ronda::store
