// agent/spool/FORMAT.md, "A row of frames", byte for byte.
#include "agent/spool/spool_row.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace ronda::agent {
namespace {

// The frames of the worked example of common/codec/FORMAT.md.
constexpr char kKeyHex[] =
    "110105a4a57fdbeae5e0a58188cf6b583a931204686f7374046e6f64650080f085e4be6803000242a4131e02"
    "cafa4582";
constexpr char kDeltaHex[] = "12010702000106d80c768301fd7ae674";
constexpr char kRowHex[] =
    "010807060504030201d00f0501a4a57fdbeae5e0a58188cf6b583a93120280f085e4be6830110105a4a57fdbea"
    "e5e0a58188cf6b583a931204686f7374046e6f64650080f085e4be6803000242a4131e02cafa4582d00f101201"
    "0702000106d80c768301fd7ae674bf8b4c8c";

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

Piece Example() {
  Piece piece;
  piece.epoch = {0x0102030405060708, 1000};
  piece.key.first_seq = 5;
  piece.group = 1;
  const std::string hash = FromHex("a4a57fdbeae5e0a58188cf6b583a9312");
  std::copy(hash.begin(), hash.end(), piece.hash.begin());
  piece.frames = {{5, 1'795'132'800'000, std::make_shared<const std::string>(FromHex(kKeyHex))},
                  {7, 1'795'132'801'000, std::make_shared<const std::string>(FromHex(kDeltaHex))}};
  return piece;
}

TEST(SpoolRowTest, IsAsWritten) { EXPECT_EQ(EncodePiece(Example()), FromHex(kRowHex)); }

TEST(SpoolRowTest, DecodesToWhatWasWritten) {
  ASSERT_OK_AND_ASSIGN(const Piece piece, DecodePiece(FromHex(kRowHex)));
  const Piece expected = Example();
  EXPECT_EQ(piece.epoch, expected.epoch);
  EXPECT_EQ(piece.key.first_seq, 5u);
  EXPECT_EQ(piece.group, 1u);
  EXPECT_EQ(piece.hash, expected.hash);
  ASSERT_EQ(piece.frames.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(piece.frames[i].seq, expected.frames[i].seq);
    EXPECT_EQ(piece.frames[i].t_ms, expected.frames[i].t_ms);
    EXPECT_EQ(*piece.frames[i].bytes, *expected.frames[i].bytes);
  }
}

TEST(SpoolRowTest, EveryFlippedBitAndEveryTruncationIsDamage) {
  const std::string row = FromHex(kRowHex);
  for (size_t i = 0; i < row.size(); ++i) {
    EXPECT_THAT(DecodePiece(row.substr(0, i)), StatusIs(absl::StatusCode::kDataLoss, ""));
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = row;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      EXPECT_THAT(DecodePiece(flipped), StatusIs(absl::StatusCode::kDataLoss, ""));
    }
  }
}

TEST(SpoolRowTest, FramesOfAnotherRunOrOutOfOrderAreDamage) {
  Piece swapped = Example();
  std::swap(swapped.frames[0], swapped.frames[1]);
  EXPECT_THAT(DecodePiece(EncodePiece(swapped)), StatusIs(absl::StatusCode::kDataLoss, "order"));
  Piece other_group = Example();
  other_group.group = 2;
  EXPECT_THAT(DecodePiece(EncodePiece(other_group)), StatusIs(absl::StatusCode::kDataLoss, ""));
  Piece other_run = Example();
  other_run.key.first_seq = 4;
  EXPECT_THAT(DecodePiece(EncodePiece(other_run)), StatusIs(absl::StatusCode::kDataLoss, ""));
  // A later row of the run begins with a delta.
  Piece later = Example();
  later.frames.erase(later.frames.begin());
  EXPECT_OK(DecodePiece(EncodePiece(later)));
}

}  // namespace
}  // namespace ronda::agent
