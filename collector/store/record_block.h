// A block of packed records: those of one node, kind and hour, column by column. Grammar:
// FORMAT.md, "Record block".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/record.h"

namespace ronda::store {

// A record, and which of all it is: `row` of the frame that has `order` (HeadFrame::order). Nothing
// else tells a record that is stored twice from two that say the same.
struct StoredRecord {
  uint64_t order = 0;
  uint32_t row = 0;
  Record record;
};

// In order of time; of one time, as they came.
bool IsBefore(const StoredRecord& a, const StoredRecord& b);
// One record, stored twice: all is equal, doubles bit by bit.
bool IsSame(const StoredRecord& a, const StoredRecord& b);
// Sorts, and leaves one of those that are the same.
void SortUnique(std::vector<StoredRecord>* records);
// About the bytes that it takes in memory.
size_t SizeOf(const Record& record);

// Hour k holds the records of (k h, (k + 1) h], in UTC, as the windows of samples do; times that no
// calendar has count as the first or last one that it has.
inline constexpr int64_t kRecordHourMs = 3'600'000;
int64_t RecordHourOf(int64_t t_ms);

struct RecordBlock {
  std::string node;
  std::string kind;
  int64_t hour = 0;
  std::vector<RecordColumn> columns;
  std::vector<StoredRecord> records;  // sorted; values as the columns say
};

// What a block holds at most: of records, and of SizeOf() all of them (but for one record alone,
// which may be larger).
inline constexpr size_t kMaxBlockRecords = 16'384;
inline constexpr size_t kMaxBlockRecordBytes = 1 << 20;

std::string EncodeRecordBlock(const RecordBlock& block);

// kDataLoss: damaged, or more than a block can hold. kUnimplemented: of a later version.
absl::StatusOr<RecordBlock> DecodeRecordBlock(std::string_view bytes);

}  // namespace ronda::store
