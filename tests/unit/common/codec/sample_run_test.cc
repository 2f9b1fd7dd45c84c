#include "common/codec/sample_run.h"

#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "common/codec/schema_codec.h"
#include "common/model/sample.h"
#include "tests/support/status_matchers.h"

namespace ronda::codec {
namespace {

// `types`: a letter per series, c for a counter, g for a gauge.
std::shared_ptr<const Schema> MakeSchema(const std::string& types) {
  auto schema = std::make_shared<Schema>();
  schema->metrics = {{"c_total", MetricType::kCounter, "", ""}, {"g", MetricType::kGauge, "", ""}};
  for (size_t i = 0; i < types.size(); ++i) {
    schema->series.push_back({types[i] == 'c' ? 0U : 1U, Labels({{"i", std::to_string(i)}})});
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

}  // namespace
}  // namespace ronda::codec
