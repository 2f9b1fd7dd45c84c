#include "common/codec/sample_run.h"

#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "common/codec/crc32c.h"
#include "common/codec/frame_format.h"
#include "common/codec/schema_codec.h"
#include "common/codec/varint.h"
#include "common/model/sample.h"
#include "tests/support/status_matchers.h"

namespace ronda::codec {
namespace {

// `types`: a letter per series, c for a counter, g for a gauge.
std::shared_ptr<const Schema> MakeSchema(const std::string& types) {
  auto schema = std::make_shared<Schema>();
  schema->metrics = {{"c_total", MetricType::kCounter, "", ""}, {"g", MetricType::kGauge, "", ""}};
  for (size_t i = 0; i < types.size(); ++i) {
    schema->series.push_back(
        {types[i] == 'c' ? 0U : 1U, Labels(std::vector<Label>{{"i", std::to_string(i)}})});
  }
  return schema;
}

std::vector<uint64_t> Bits(std::span<const double> values) {
  std::vector<uint64_t> bits;
  for (const double value : values) {
    bits.push_back(std::bit_cast<uint64_t>(value));
  }
  return bits;
}

std::string Encoded(SampleRunEncoder& encoder, uint64_t seq, int64_t t_ms,
                    const std::vector<double>& values) {
  std::string frame;
  encoder.Encode(seq, t_ms, values, &frame);
  return frame;
}

TEST(SampleRun, GivesBackEveryValueToTheBit) {
  const std::vector<double> odd = {0.0,
                                   -0.0,
                                   1.0,
                                   0.1,
                                   -0.1,
                                   53.489,
                                   53.489000000000004,
                                   1e300,
                                   5e-324,
                                   9007199254740992.0,
                                   9007199254740991.0,
                                   4096.0 * 12345,
                                   std::numeric_limits<double>::infinity(),
                                   std::bit_cast<double>(0x7ff8000000000001ULL),
                                   std::bit_cast<double>(0x7ff0000000000003ULL),
                                   StaleMarker(),
                                   1.0 / 3};
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const auto schema = MakeSchema(std::string(50, 'c') + std::string(51, 'g'));
  SampleRunEncoder encoder(7, {"host", "node", ""});
  SampleRunDecoder decoder;
  encoder.StartRun(schema);
  std::vector<double> values(101);
  std::vector<double> before;
  int64_t t_ms = 1'795'132'800'000;
  for (uint64_t seq = 1; seq < 500; ++seq) {
    before = values;
    for (double& value : values) {
      switch (random() % 6) {
        case 0:
          value = odd[random() % odd.size()];
          break;
        case 1:
          value = std::bit_cast<double>(random());
          break;
        case 2:
          value = std::round(value * 100 + static_cast<double>(random() % 1000)) / 100;
          break;
        default:
          break;
      }
    }
    t_ms += 1000 + static_cast<int64_t>(random() % 3);
    ASSERT_OK(decoder.Decode(Encoded(encoder, seq, t_ms, values)));
    ASSERT_EQ(Bits(decoder.values()), Bits(values));
    ASSERT_EQ(decoder.t_ms(), t_ms);
    std::vector<uint32_t> changed;
    for (uint32_t i = 0; i < values.size(); ++i) {
      if (encoder.frames_in_run() == 1 || Bits(values)[i] != Bits(before)[i]) {
        changed.push_back(i);
      }
    }
    ASSERT_EQ(std::vector<uint32_t>(decoder.changed().begin(), decoder.changed().end()), changed);
  }
  EXPECT_EQ(decoder.identity(), (GroupIdentity{"host", "node", ""}));
  EXPECT_EQ(decoder.schema_hash(), HashSchema(*schema));
  EXPECT_EQ(decoder.header().group, 7U);
}

// Frames 1, 2, 3 of group 1: three series, one of each kind of change.
std::vector<std::string> ThreeFrames() {
  SampleRunEncoder encoder(1, {"host", "node", ""});
  encoder.StartRun(MakeSchema("cgg"));
  return {Encoded(encoder, 1, 1000, {1, 2.5, StaleMarker()}),
          Encoded(encoder, 2, 2000, {2, StaleMarker(), 1.0 / 3}),
          Encoded(encoder, 3, 3000, {3, 2.125, -0.0})};
}

// The bytes with a checksum that is right again.
std::string Resealed(std::string frame) {
  frame.resize(frame.size() - 4);
  PutU32(&frame, Crc32c(frame));
  return frame;
}

TEST(SampleRun, TruncatedOrFlippedFramesAreRefusedAndChangeNothing) {
  const std::vector<std::string> frames = ThreeFrames();
  SampleRunDecoder decoder;
  for (size_t f = 0; f < frames.size(); ++f) {
    const std::string& frame = frames[f];
    const std::vector<uint64_t> before = Bits(decoder.values());
    const auto expect_refused = [&](std::string_view damaged) {
      ASSERT_THAT(decoder.Decode(damaged), StatusIs(absl::StatusCode::kDataLoss, ""));
      ASSERT_EQ(Bits(decoder.values()), before);
      ASSERT_EQ(decoder.header().seq, f);
    };
    for (size_t n = 0; n < frame.size(); ++n) {
      expect_refused(std::string_view(frame).substr(0, n));
    }
    for (size_t bit = 0; bit < frame.size() * 8; ++bit) {
      std::string damaged = frame;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
      expect_refused(damaged);
    }
    expect_refused(frame + '\0');
    expect_refused(std::string(kMaxFrameBytes + 1, 'x'));
    ASSERT_OK(decoder.Decode(frame));
  }
}

// With a right checksum the grammar itself has to hold; whatever is refused changes nothing.
TEST(SampleRun, ForgedFramesAreTakenOrRefusedWhole) {
  const std::vector<std::string> frames = ThreeFrames();
  for (size_t f = 0; f < frames.size(); ++f) {
    int refused = 0;
    for (size_t bit = 0; bit < (frames[f].size() - 4) * 8; ++bit) {
      SampleRunDecoder decoder;
      for (size_t i = 0; i < f; ++i) {
        ASSERT_OK(decoder.Decode(frames[i]));
      }
      std::string forged = frames[f];
      forged[bit / 8] = static_cast<char>(forged[bit / 8] ^ (1 << (bit % 8)));
      if (decoder.Decode(Resealed(forged)).ok()) {
        continue;
      }
      ++refused;
      ASSERT_EQ(decoder.header().seq, f);
      ASSERT_OK(decoder.Decode(frames[f]));
      for (size_t i = f + 1; i < frames.size(); ++i) {
        ASSERT_OK(decoder.Decode(frames[i]));
      }
      ASSERT_EQ(Bits(decoder.values()), Bits(std::vector<double>{3, 2.125, -0.0}));
    }
    EXPECT_GT(refused, 0);
  }
}

TEST(SampleRun, LaterVersionsAndUnknownKindsAreUnimplemented) {
  SampleRunDecoder decoder;
  for (const int first : {0x21, 0xf2, 0x15, 0x1f}) {
    std::string frame = ThreeFrames()[0];
    frame[0] = static_cast<char>(first);
    frame = Resealed(frame);
    EXPECT_THAT(decoder.Decode(frame), StatusIs(absl::StatusCode::kUnimplemented, "later"));
    EXPECT_THAT(ParseFrameHeader(frame), StatusIs(absl::StatusCode::kUnimplemented, "later"));
  }
  for (const int first : {0x01, 0x10, 0x00}) {
    std::string frame = ThreeFrames()[0];
    frame[0] = static_cast<char>(first);
    EXPECT_THAT(decoder.Decode(Resealed(frame)), StatusIs(absl::StatusCode::kDataLoss, ""));
  }
}

TEST(SampleRun, ADeltaNeedsItsPredecessor) {
  const std::vector<std::string> frames = ThreeFrames();
  SampleRunDecoder decoder;
  EXPECT_THAT(decoder.Decode(frames[1]), StatusIs(absl::StatusCode::kFailedPrecondition, ""));
  ASSERT_OK(decoder.Decode(frames[0]));
  EXPECT_THAT(decoder.Decode(frames[2]),
              StatusIs(absl::StatusCode::kFailedPrecondition, "follows frame 2"));
  ASSERT_OK(decoder.Decode(frames[1]));
  EXPECT_THAT(decoder.Decode(frames[1]), StatusIs(absl::StatusCode::kFailedPrecondition, ""));
  ASSERT_OK(decoder.Decode(frames[2]));

  // Of another group.
  ASSERT_OK(decoder.Decode(frames[0]));
  std::string other = frames[1];
  other[1] = 2;
  EXPECT_THAT(decoder.Decode(Resealed(other)),
              StatusIs(absl::StatusCode::kFailedPrecondition, "group 2"));
}

TEST(SampleRun, HeaderSaysWhatTheFrameIs) {
  const std::vector<std::string> frames = ThreeFrames();
  ASSERT_OK_AND_ASSIGN(const FrameHeader key, ParseFrameHeader(frames[0]));
  EXPECT_EQ(key.kind, FrameKind::kSampleKey);
  EXPECT_EQ(key.group, 1U);
  EXPECT_EQ(key.seq, 1U);
  EXPECT_EQ(key.prev_seq, 0U);
  ASSERT_OK_AND_ASSIGN(const FrameHeader delta, ParseFrameHeader(frames[2]));
  EXPECT_EQ(delta.kind, FrameKind::kSampleDelta);
  EXPECT_EQ(delta.seq, 3U);
  EXPECT_EQ(delta.prev_seq, 2U);
  EXPECT_EQ(delta.crc, Crc32c(std::string_view(frames[2]).substr(0, frames[2].size() - 4)));
}

TEST(SampleRun, StartsRunsWhenItMust) {
  SampleRunEncoder encoder(1, {"host", "node", ""});
  const auto schema = MakeSchema("g");
  EXPECT_EQ(encoder.frames_in_run(), 0);
  encoder.StartRun(schema);
  uint64_t seq = 0;
  int64_t t_ms = 0;
  const auto kind = [&] {
    const auto header = ParseFrameHeader(Encoded(encoder, ++seq, t_ms += 1000, {1}));
    EXPECT_OK(header);
    return header->kind;
  };
  for (int i = 0; i < 2 * kMaxRunFrames; ++i) {
    EXPECT_EQ(kind(), i % kMaxRunFrames == 0 ? FrameKind::kSampleKey : FrameKind::kSampleDelta);
    EXPECT_EQ(encoder.frames_in_run(), i % kMaxRunFrames + 1);
  }
  EXPECT_EQ(kind(), FrameKind::kSampleKey);
  EXPECT_EQ(kind(), FrameKind::kSampleDelta);
  encoder.StartRun(schema);
  EXPECT_EQ(encoder.frames_in_run(), 0);
  EXPECT_EQ(kind(), FrameKind::kSampleKey);
  t_ms -= 1000;  // the same time again
  EXPECT_EQ(kind(), FrameKind::kSampleKey);
  t_ms -= 3'600'000;
  EXPECT_EQ(kind(), FrameKind::kSampleKey);
  EXPECT_EQ(kind(), FrameKind::kSampleDelta);
  seq = 0;  // a new epoch
  EXPECT_EQ(kind(), FrameKind::kSampleKey);
}

TEST(SampleRun, ReaderRefusesTheFrameAfterTheLast) {
  // 120 frames, and one that continues them, as a careless writer would.
  SampleRunEncoder encoder(1, {"host", "node", ""});
  encoder.StartRun(MakeSchema("g"));
  SampleRunDecoder decoder;
  std::string frame;
  for (int i = 0; i < kMaxRunFrames; ++i) {
    frame = Encoded(encoder, 200 + static_cast<uint64_t>(i), 1000 * (i + 1), {1});
    ASSERT_OK(decoder.Decode(frame));
  }
  frame.replace(2, 2, std::string("\xc0\x02"));  // seq 320, one after 319
  EXPECT_THAT(decoder.Decode(Resealed(frame)),
              StatusIs(absl::StatusCode::kDataLoss, "the run is too long"));
}

TEST(SampleRun, ANewSchemaTakesEffectWithTheNextRun) {
  SampleRunEncoder encoder(1, {"host", "node", ""});
  SampleRunDecoder decoder;
  encoder.StartRun(MakeSchema("gg"));
  ASSERT_OK(decoder.Decode(Encoded(encoder, 1, 1000, {1, 2})));
  const auto larger = MakeSchema("ggc");
  encoder.StartRun(larger);
  ASSERT_OK(decoder.Decode(Encoded(encoder, 2, 2000, {1, 2, 3})));
  EXPECT_EQ(decoder.values().size(), 3U);
  EXPECT_EQ(decoder.schema_hash(), HashSchema(*larger));
  EXPECT_EQ(decoder.run_first_seq(), 2U);
  EXPECT_EQ(decoder.changed().size(), 3U);
}

TEST(SampleRun, ARegularTickWithoutChangesIsTenBytes) {
  SampleRunEncoder encoder(1, {"host", "node", ""});
  encoder.StartRun(MakeSchema(std::string(60, 'g')));
  const std::vector<double> values(60, StaleMarker());
  Encoded(encoder, 1, 1000, values);
  // Header 4, time 1, map of the map 1, checksum 4.
  EXPECT_EQ(Encoded(encoder, 2, 2000, values).size(), 10U);
}

TEST(SampleRun, DecodeRunGivesColumns) {
  const std::vector<std::string> frames = ThreeFrames();
  const std::vector<std::string_view> views(frames.begin(), frames.end());
  ASSERT_OK_AND_ASSIGN(const DecodedRun run, DecodeRun(views));
  EXPECT_EQ(run.identity, (GroupIdentity{"host", "node", ""}));
  EXPECT_EQ(run.first_seq, 1U);
  EXPECT_EQ(run.last_seq, 3U);
  EXPECT_EQ(run.t_ms, (std::vector<int64_t>{1000, 2000, 3000}));
  ASSERT_EQ(run.columns.size(), 3U);
  EXPECT_EQ(run.columns[0], (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(Bits(run.columns[1]), Bits(std::vector<double>{2.5, StaleMarker(), 2.125}));
  EXPECT_EQ(Bits(run.columns[2]), Bits(std::vector<double>{StaleMarker(), 1.0 / 3, -0.0}));

  const std::vector<uint32_t> only = {1};
  ASSERT_OK_AND_ASSIGN(const DecodedRun one, DecodeRun(views, only));
  EXPECT_TRUE(one.columns[0].empty());
  EXPECT_EQ(Bits(one.columns[1]), Bits(run.columns[1]));
  EXPECT_TRUE(one.columns[2].empty());
}

TEST(SampleRun, DecodeRunRefusesWhatIsNotARun) {
  const std::vector<std::string> frames = ThreeFrames();
  using Views = std::vector<std::string_view>;
  EXPECT_THAT(DecodeRun({}), StatusIs(absl::StatusCode::kInvalidArgument, "no frames"));
  EXPECT_THAT(DecodeRun(Views{frames[1]}), StatusIs(absl::StatusCode::kFailedPrecondition, ""));
  EXPECT_THAT(DecodeRun(Views{frames[0], frames[0]}),
              StatusIs(absl::StatusCode::kDataLoss, "second key"));
  const std::vector<uint32_t> only = {3};
  EXPECT_THAT(DecodeRun(Views{frames[0]}, only),
              StatusIs(absl::StatusCode::kInvalidArgument, "no series 3"));
}

TEST(SampleRun, ManySeriesFitAndMoreAreRefused) {
  SampleRunEncoder encoder(1, {"host", "node", ""});
  encoder.StartRun(MakeSchema(std::string(kMaxSeries, 'g')));
  std::vector<double> values(kMaxSeries);
  std::mt19937_64 random(3);
  SampleRunDecoder decoder;
  for (uint64_t seq = 1; seq < 5; ++seq) {
    for (double& value : values) {
      value = std::bit_cast<double>(random());  // the worst there is
    }
    const std::string frame = Encoded(encoder, seq, static_cast<int64_t>(seq), values);
    ASSERT_LE(frame.size(), kMaxFrameBytes);
    ASSERT_OK(decoder.Decode(frame));
    ASSERT_EQ(Bits(decoder.values()), Bits(values));
  }
  // A key frame that claims one more.
  std::string frame;
  PutFrameHeader(FrameKind::kSampleKey, 1, 1, 0, &frame);
  frame.append(16, 'h');
  frame.append(3, '\0');
  PutSigned(&frame, 1000);
  PutVarint(&frame, kMaxSeries + 1);
  frame.append(kMaxSeries + 1, static_cast<char>(kUnitNone));
  PutFrameCrc(0, &frame);
  EXPECT_THAT(decoder.Decode(frame), StatusIs(absl::StatusCode::kDataLoss, "too many series"));
}

}  // namespace
}  // namespace ronda::codec
