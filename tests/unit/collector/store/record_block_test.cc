// The block of packed records: golden bytes of FORMAT.md, and what damage does.
#include "collector/store/record_block.h"

#include <bit>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "common/base/digest.h"
#include "common/codec/column.h"
#include "common/codec/crc32c.h"
#include "common/codec/varint.h"
#include "tests/support/status_matchers.h"

namespace ronda::store {
namespace {

constexpr int64_t kHour = 400'000;
constexpr int64_t kStart = kHour * kRecordHourMs;

RecordBlock SmallBlock() {
  RecordBlock block;
  block.node = "web1";
  block.kind = "k";
  block.hour = kHour;
  block.columns = {{"n", ColumnType::kInt}, {"x", ColumnType::kDouble}, {"s", ColumnType::kString}};
  block.records.push_back({7, 0, {kStart + 1, {int64_t{5}, 1.5, std::string("ab")}}});
  block.records.push_back({7, 1, {kStart + 1, {int64_t{6}, 1.5, std::string()}}});
  block.records.push_back({9, 0, {kStart + 2, {int64_t{7}, 1.5, std::string("ab")}}});
  return block;
}

void ExpectSame(const RecordBlock& a, const RecordBlock& b) {
  EXPECT_EQ(a.node, b.node);
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.hour, b.hour);
  EXPECT_EQ(a.columns, b.columns);
  ASSERT_EQ(a.records.size(), b.records.size());
  for (size_t i = 0; i < a.records.size(); ++i) {
    EXPECT_TRUE(IsSame(a.records[i], b.records[i])) << i;
  }
}

TEST(RecordBlockTest, HasTheseBytes) {
  const std::string bytes = EncodeRecordBlock(SmallBlock());
  EXPECT_EQ(ToHex(bytes),
            "52523031470000001e9f760f0477656231016b80ea3003016e01017802017303030a02828082ebe8"
            "5301020005020e010400070200000200010002030104030002616203010a020301001e0702000002"
            "000100");
  ASSERT_OK_AND_ASSIGN(const RecordBlock block, DecodeRecordBlock(bytes));
  ExpectSame(block, SmallBlock());
}

TEST(RecordBlockTest, GivesEveryValueBack) {
  RecordBlock block = SmallBlock();
  block.records.clear();
  const std::string big(64 << 10, 'x');
  const double values[] = {0.0, -0.0, std::numeric_limits<double>::infinity(), 1e-300,
                           std::bit_cast<double>(0x7ff8000000000123ULL)};
  for (uint32_t i = 0; i < 5; ++i) {
    block.records.push_back(
        {i == 0 ? 0 : ~uint64_t{0} - 5 + i,
         i,
         {i == 0 ? std::numeric_limits<int64_t>::min() : kStart + i,
          {i == 1 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max() - i,
           values[i], i == 2 ? big : std::string(i, '\0')}}});
  }
  ASSERT_OK_AND_ASSIGN(const RecordBlock got, DecodeRecordBlock(EncodeRecordBlock(block)));
  ExpectSame(got, block);
}

TEST(RecordBlockTest, CompressesItsTexts) {
  RecordBlock block = SmallBlock();
  block.records.clear();
  for (uint32_t i = 0; i < 500; ++i) {
    block.records.push_back(
        {i, 0, {kStart + i, {int64_t{i}, 1.5, "statement " + std::to_string(i * 7919)}}});
  }
  const std::string bytes = EncodeRecordBlock(block);
  EXPECT_LT(bytes.size(), 3500u);
  ASSERT_OK_AND_ASSIGN(const RecordBlock got, DecodeRecordBlock(bytes));
  ExpectSame(got, block);
}

TEST(RecordBlockTest, MayHaveNoColumnsOrNoTexts) {
  RecordBlock block = SmallBlock();
  block.columns.clear();
  for (StoredRecord& stored : block.records) {
    stored.record.values.clear();
  }
  ASSERT_OK_AND_ASSIGN(const RecordBlock got, DecodeRecordBlock(EncodeRecordBlock(block)));
  ExpectSame(got, block);
}

TEST(RecordBlockTest, EveryFlippedBitIsFound) {
  const std::string good = EncodeRecordBlock(SmallBlock());
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_THAT(DecodeRecordBlock(bad).status(), StatusIs(absl::StatusCode::kDataLoss, "")) << bit;
  }
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_THAT(DecodeRecordBlock(good.substr(0, size)).status(),
                StatusIs(absl::StatusCode::kDataLoss, ""));
  }
}

// A block with a right checksum that unfolds to far more than any real one.
TEST(RecordBlockTest, ASmallBlockDoesNotUnfoldToMuchText) {
  const auto put_ints = [](const std::vector<int64_t>& values, std::string* out) {
    std::string column;
    codec::EncodeIntColumn(values, &column);
    codec::PutBytes(out, column);
  };
  std::string body;
  codec::PutBytes(&body, "web1");
  codec::PutBytes(&body, "k");
  codec::PutSigned(&body, kHour);
  codec::PutVarint(&body, 1);
  codec::PutBytes(&body, "s");
  body.push_back(static_cast<char>(ColumnType::kString));
  const std::vector<int64_t> same(10'000, 1);
  codec::PutVarint(&body, same.size());
  put_ints(same, &body);
  put_ints(same, &body);
  put_ints(same, &body);
  codec::PutVarint(&body, 2);
  put_ints({0, 65'536}, &body);
  body.push_back(0);
  codec::PutBytes(&body, std::string(65'536, 'x'));
  put_ints(same, &body);
  std::string block = "RR01";
  codec::PutU32(&block, static_cast<uint32_t>(body.size()));
  codec::PutU32(&block, codec::Crc32c(body));
  EXPECT_THAT(DecodeRecordBlock(block + body).status(),
              StatusIs(absl::StatusCode::kDataLoss, "too much text"));
}

TEST(RecordBlockTest, RecordsThatAreStoredTwiceAreOne) {
  std::vector<StoredRecord> records = SmallBlock().records;
  const std::vector<StoredRecord> once = records;
  records.insert(records.end(), once.rbegin(), once.rend());
  StoredRecord other = once[0];  // a number that was used twice, for another record
  other.record.values[0] = int64_t{99};
  records.push_back(other);
  records.push_back(other);
  SortUnique(&records);
  ASSERT_EQ(records.size(), 4u);
  EXPECT_TRUE(IsSame(records[0], once[0]) || IsSame(records[1], once[0]));
  EXPECT_TRUE(IsSame(records[0], other) || IsSame(records[1], other));
  EXPECT_TRUE(IsSame(records[2], once[1]));
  EXPECT_TRUE(IsSame(records[3], once[2]));
}

TEST(RecordBlockTest, HoursAreOpenToTheLeft) {
  EXPECT_EQ(RecordHourOf(kStart), kHour - 1);
  EXPECT_EQ(RecordHourOf(kStart + 1), kHour);
  EXPECT_EQ(RecordHourOf(kStart + kRecordHourMs), kHour);
  EXPECT_EQ(RecordHourOf(std::numeric_limits<int64_t>::min()), -1);
  EXPECT_EQ(RecordHourOf(0), -1);
  EXPECT_EQ(RecordHourOf(std::numeric_limits<int64_t>::max()), RecordHourOf(253'402'300'799'000));
}

}  // namespace
}  // namespace ronda::store
