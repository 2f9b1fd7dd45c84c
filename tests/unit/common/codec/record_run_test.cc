#include "common/codec/record_run.h"

#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "common/codec/crc32c.h"
#include "common/codec/frame_format.h"
#include "common/codec/varint.h"
#include "tests/support/status_matchers.h"

namespace ronda::codec {
namespace {

const RecordKind& Event() {
  static const RecordKind kKind{
      "event",
      {{"n", ColumnType::kInt}, {"x", ColumnType::kDouble}, {"text", ColumnType::kString}}};
  return kKind;
}

Record Row(int64_t t_ms, int64_t n, double x, std::string text) {
  return {t_ms, {n, x, std::move(text)}};
}

std::string Encoded(RecordRunEncoder& encoder, uint64_t seq, const std::vector<Record>& rows) {
  std::string frame;
  encoder.Encode(seq, rows, &frame);
  return frame;
}

std::vector<Record> Rows(const RecordRunDecoder& decoder) {
  return {decoder.rows().begin(), decoder.rows().end()};
}

std::string Resealed(std::string frame) {
  frame.resize(frame.size() - 4);
  PutU32(&frame, Crc32c(frame));
  return frame;
}

TEST(RecordRun, RoundTripsRandomRows) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  RecordRunEncoder encoder(3, Event());
  RecordRunDecoder decoder;
  for (uint64_t seq = 1; seq < 400; ++seq) {
    std::vector<Record> rows;
    for (uint64_t i = random() % 20; i > 0; --i) {
      rows.push_back(Row(static_cast<int64_t>(random()), static_cast<int64_t>(random()),
                         static_cast<double>(random() % 1000) / 7,
                         std::string(random() % 300, static_cast<char>(random() % 5))));
    }
    ASSERT_OK(decoder.Decode(Encoded(encoder, seq, rows)));
    ASSERT_EQ(Rows(decoder), rows);
    ASSERT_EQ(decoder.kind(), Event());
    ASSERT_EQ(decoder.header().seq, seq);
  }
}

TEST(RecordRun, KeepsTheBitsOfDoublesAndTheEndsOfIntegers) {
  RecordRunEncoder encoder(3, Event());
  RecordRunDecoder decoder;
  ASSERT_OK(decoder.Decode(
      Encoded(encoder, 1,
              {Row(INT64_MIN, INT64_MAX, -0.0, ""),
               Row(INT64_MAX, INT64_MIN, std::bit_cast<double>(0x7ff0000000000002ULL),
                   std::string("\0x", 2))})));
  EXPECT_EQ(decoder.rows()[0], Row(INT64_MIN, INT64_MAX, 0.0, ""));
  EXPECT_TRUE(std::signbit(std::get<double>(decoder.rows()[0].values[1])));
  EXPECT_EQ(decoder.rows()[1].t_ms, INT64_MAX);
  EXPECT_EQ(std::get<int64_t>(decoder.rows()[1].values[0]), INT64_MIN);
  EXPECT_EQ(std::bit_cast<uint64_t>(std::get<double>(decoder.rows()[1].values[1])),
            0x7ff0000000000002ULL);
  EXPECT_EQ(std::get<std::string>(decoder.rows()[1].values[2]), std::string("\0x", 2));
}

TEST(RecordRun, SendsATextOncePerRun) {
  RecordRunEncoder encoder(3, Event());
  const std::string text(500, 'x');
  EXPECT_GT(Encoded(encoder, 1, {Row(1, 1, 1, text)}).size(), 500U);
  EXPECT_LT(Encoded(encoder, 2, {Row(2, 2, 2, text), Row(3, 3, 3, text)}).size(), 50U);
  encoder.StartRun();
  EXPECT_GT(Encoded(encoder, 3, {Row(4, 4, 4, text)}).size(), 500U);
}

TEST(RecordRun, StartsRunsWhenItMust) {
  RecordRunEncoder encoder(3, Event());
  RecordRunDecoder decoder;
  std::vector<uint64_t> keys;
  for (uint64_t seq = 1; seq <= 250; ++seq) {
    ASSERT_OK(decoder.Decode(Encoded(encoder, seq, {Row(1, 1, 1, "same")})));
    if (IsKey(decoder.header().kind)) {
      keys.push_back(seq);
      EXPECT_EQ(decoder.run_first_seq(), seq);
    }
  }
  EXPECT_EQ(keys, (std::vector<uint64_t>{1, 121, 241}));
  ASSERT_OK(decoder.Decode(Encoded(encoder, 1, {})));
  EXPECT_TRUE(IsKey(decoder.header().kind));
  EXPECT_TRUE(decoder.rows().empty());

  // Each frame brings 30 KiB of new text: the dictionary is full after three.
  keys.clear();
  for (uint64_t seq = 2; seq <= 7; ++seq) {
    ASSERT_OK(decoder.Decode(
        Encoded(encoder, seq, {Row(1, 1, 1, std::string(30 << 10, static_cast<char>(seq)))})));
    if (IsKey(decoder.header().kind)) {
      keys.push_back(seq);
    }
  }
  EXPECT_EQ(keys, (std::vector<uint64_t>{5}));
}

TEST(RecordRun, LongTextsAreCutAndRowsThatFitFit) {
  RecordRunEncoder encoder(3, Event());
  RecordRunDecoder decoder;
  ASSERT_OK(decoder.Decode(Encoded(encoder, 1, {Row(1, 1, 1, std::string(100'000, 'x'))})));
  EXPECT_EQ(std::get<std::string>(decoder.rows()[0].values[2]).size(), kMaxRecordTextBytes);

  std::vector<Record> rows;
  for (int i = 0; i < 40; ++i) {
    rows.push_back(Row(i, i, i, std::string(70'000, static_cast<char>('0' + i))));
  }
  std::span<const Record> left = rows;
  size_t total = 0;
  for (uint64_t seq = 2; !left.empty(); ++seq) {
    const size_t n = encoder.RowsThatFit(left);
    ASSERT_GT(n, 0U);
    ASSERT_LE(n, 16U);
    std::string frame;
    encoder.Encode(seq, left.first(n), &frame);
    ASSERT_OK(decoder.Decode(frame));
    total += decoder.rows().size();
    left = left.subspan(n);
  }
  EXPECT_EQ(total, rows.size());
  EXPECT_EQ(encoder.RowsThatFit({}), 0U);
  EXPECT_EQ(encoder.RowsThatFit(std::vector<Record>(20'000, Row(1, 1, 1, ""))), kMaxRecordRows);
}

TEST(RecordRun, DamagedFramesAreRefusedAndChangeNothing) {
  RecordRunEncoder encoder(3, Event());
  const std::vector<Record> last = {Row(3000, 7, 0.5, "one"), Row(3001, 8, 0.25, "three")};
  const std::vector<std::string> frames = {Encoded(encoder, 1, {Row(1000, 5, 1.5, "one")}),
                                           Encoded(encoder, 2, {Row(2000, 6, 2.5, "two")}),
                                           Encoded(encoder, 3, last)};
  for (size_t f = 0; f < frames.size(); ++f) {
    for (size_t bit = 0; bit < frames[f].size() * 8; ++bit) {
      RecordRunDecoder decoder;
      for (size_t i = 0; i < f; ++i) {
        ASSERT_OK(decoder.Decode(frames[i]));
      }
      const std::vector<Record> before = Rows(decoder);
      std::string damaged = frames[f];
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
      ASSERT_THAT(decoder.Decode(damaged), StatusIs(absl::StatusCode::kDataLoss, ""));
      ASSERT_THAT(decoder.Decode(frames[f].substr(0, bit / 8)),
                  StatusIs(absl::StatusCode::kDataLoss, ""));
      ASSERT_EQ(Rows(decoder), before);
      // With a right checksum, the rows may be others, but a refusal leaves no trace.
      if (decoder.Decode(Resealed(damaged)).ok()) {
        continue;
      }
      ASSERT_EQ(Rows(decoder), before);
      for (size_t i = f; i < frames.size(); ++i) {
        ASSERT_OK(decoder.Decode(frames[i]));
      }
      ASSERT_EQ(Rows(decoder), last);
    }
  }
}

TEST(RecordRun, ADeltaNeedsItsPredecessor) {
  RecordRunEncoder encoder(3, Event());
  const std::string first = Encoded(encoder, 1, {});
  const std::string second = Encoded(encoder, 2, {});
  const std::string third = Encoded(encoder, 3, {});
  RecordRunDecoder decoder;
  EXPECT_THAT(decoder.Decode(second), StatusIs(absl::StatusCode::kFailedPrecondition, ""));
  ASSERT_OK(decoder.Decode(first));
  EXPECT_THAT(decoder.Decode(third), StatusIs(absl::StatusCode::kFailedPrecondition, "frame 2"));
  ASSERT_OK(decoder.Decode(second));
}

// A small frame must not unfold to gigabytes.
TEST(RecordRun, WhatAFrameUnfoldsToIsBounded) {
  std::string frame;
  PutFrameHeader(FrameKind::kRecordKey, 1, 1, 0, &frame);
  PutBytes(&frame, "bomb");
  PutVarint(&frame, 1);
  PutBytes(&frame, "text");
  frame.push_back(static_cast<char>(ColumnType::kString));
  PutVarint(&frame, 300);
  PutSigned(&frame, 0);
  PutVarint(&frame, 0);
  PutBytes(&frame, std::string(kMaxRecordTextBytes, 'x'));
  for (int i = 1; i < 300; ++i) {
    PutSigned(&frame, 0);
    PutVarint(&frame, 1);
  }
  PutFrameCrc(0, &frame);
  RecordRunDecoder decoder;
  EXPECT_THAT(decoder.Decode(frame), StatusIs(absl::StatusCode::kDataLoss, "bad rows"));

  std::string rows;
  PutFrameHeader(FrameKind::kRecordKey, 1, 1, 0, &rows);
  PutBytes(&rows, "bomb");
  PutVarint(&rows, 0);
  PutVarint(&rows, kMaxRecordRows + 1);
  rows.append(kMaxRecordRows + 1, '\0');
  PutFrameCrc(0, &rows);
  EXPECT_THAT(decoder.Decode(rows), StatusIs(absl::StatusCode::kDataLoss, "bad rows"));
}

}  // namespace
}  // namespace ronda::codec
