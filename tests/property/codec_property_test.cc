// The codec against the reference decoder: every short sequence of awkward values, long random
// ones, and ten minutes' worth of a real host.
#include <bit>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "common/codec/sample_run.h"
#include "common/codec/units.h"
#include "common/model/sample.h"
#include "tests/property/reference_sample_decoder.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::codec {
namespace {

std::shared_ptr<const Schema> MakeSchema(const std::string& types) {
  auto schema = std::make_shared<Schema>();
  schema->metrics = {{"c_total", MetricType::kCounter, "", ""}, {"g", MetricType::kGauge, "", ""}};
  for (size_t i = 0; i < types.size(); ++i) {
    schema->series.push_back(
        {types[i] == 'c' ? 0U : 1U, Labels(std::vector<Label>{{"i", std::to_string(i)}})});
  }
  return schema;
}

bool Equal(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size()) {
    return false;
  }
  for (size_t i = 0; i < a.size(); ++i) {
    if (!SameBits(a[i], b[i])) {
      return false;
    }
  }
  return true;
}

// One group through encoder, decoder and reference.
class Chain {
 public:
  explicit Chain(std::shared_ptr<const Schema> schema) : encoder_(1, {"host", "node", ""}) {
    encoder_.StartRun(schema);
  }

  void StartRun(std::shared_ptr<const Schema> schema) { encoder_.StartRun(schema); }

  // Empty if all three agree; else what went wrong.
  std::string Send(int64_t t_ms, const std::vector<double>& values) {
    frame_.clear();
    encoder_.Encode(++seq_, t_ms, values, &frame_);
    const absl::Status status = decoder_.Decode(frame_);
    if (!status.ok()) {
      return status.ToString();
    }
    if (reference_.Decode(frame_) != absl::StatusCode::kOk) {
      return "the reference refuses the frame";
    }
    if (!Equal(decoder_.values(), values) || decoder_.t_ms() != t_ms) {
      return "decoded wrong";
    }
    if (!Equal(reference_.values(), values) || reference_.t_ms() != t_ms) {
      return "the reference decodes something else";
    }
    std::vector<uint32_t> changed;
    for (uint32_t i = 0; i < values.size(); ++i) {
      if (encoder_.frames_in_run() == 1 || !SameBits(values[i], before_[i])) {
        changed.push_back(i);
      }
    }
    before_ = values;
    if (changed != reference_.changed() ||
        !std::equal(changed.begin(), changed.end(), decoder_.changed().begin(),
                    decoder_.changed().end())) {
      return "changed() is wrong";
    }
    return "";
  }

  size_t frame_bytes() const { return frame_.size(); }

 private:
  SampleRunEncoder encoder_;
  SampleRunDecoder decoder_;
  ReferenceSampleDecoder reference_;
  std::vector<double> before_;
  std::string frame_;
  uint64_t seq_ = 0;
};

const std::vector<double>& Awkward() {
  static const std::vector<double> kValues = {
      0.0,
      -0.0,
      1,
      -1,
      0.1,
      0.12345,
      4096,
      5e15,
      9007199254740991.0,
      -9007199254740991.0,
      9007199254740992.0,
      1e300,
      5e-324,
      53.489000000000004,
      std::numeric_limits<double>::infinity(),
      std::bit_cast<double>(0x7ff8000000000000ULL),
      std::bit_cast<double>(0xfff8dead0000beefULL),
      std::bit_cast<double>(0x7ff0000000000001ULL),
      StaleMarker(),
  };
  return kValues;
}

// All sequences of `length` ticks of the given series, each value one of `values`.
void AllSequences(const std::string& types, size_t length, const std::vector<double>& values) {
  const auto schema = MakeSchema(types);
  size_t total = 1;
  for (size_t i = 0; i < length * types.size(); ++i) {
    total *= values.size();
  }
  Chain chain(schema);
  std::vector<double> tick(types.size());
  for (size_t n = 0; n < total; ++n) {
    chain.StartRun(schema);
    size_t rest = n;
    for (size_t t = 1; t <= length; ++t) {
      for (double& value : tick) {
        value = values[rest % values.size()];
        rest /= values.size();
      }
      ASSERT_EQ(chain.Send(static_cast<int64_t>(t), tick), "")
          << "sequence " << n << " tick " << t << " types " << types;
    }
  }
}

TEST(CodecProperty, EverySequenceOfOneSeries) {
  AllSequences("g", 4, Awkward());
  AllSequences("c", 4, Awkward());
}

TEST(CodecProperty, EveryPairOfTicksOfTwoSeries) { AllSequences("cg", 2, Awkward()); }

// Fewer values, one that leads to each escape.
TEST(CodecProperty, EverySequenceOfSeveralSeries) {
  const double nan = std::bit_cast<double>(0x7ff8dead0000beefULL);
  AllSequences("gc", 4, {0, 0.1, 4096, nan, StaleMarker()});
  AllSequences("cgc", 2, {0, -0.0, 0.1, 4096, 9007199254740991.0, nan, StaleMarker()});
}

TEST(CodecProperty, RandomWalksOfManySeries) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 30; ++round) {
    std::string types;
    for (size_t n = random() % 400; types.size() < n;) {
      types += random() % 2 == 0 ? 'c' : 'g';
    }
    Chain chain(MakeSchema(types));
    std::vector<double> values(types.size());
    int64_t t_ms = static_cast<int64_t>(random() % 1'000'000'000'000);
    const uint64_t calm = 1 + random() % 8;
    for (int tick = 0; tick < 250; ++tick) {
      for (double& value : values) {
        if (random() % calm != 0) {
          continue;
        }
        const double digits = std::pow(10, static_cast<double>(random() % 10));
        switch (random() % 8) {
          case 0:
            value = Awkward()[random() % Awkward().size()];
            break;
          case 1:
            value = std::bit_cast<double>(random());
            break;
          case 2:
            value += 1024 * static_cast<double>(random() % 100'000);
            break;
          default:
            value = std::round(value * digits + static_cast<double>(random() % 999)) / digits;
        }
      }
      // Now and then the clock goes back, which starts a run.
      t_ms += random() % 50 == 0 ? -5000 : static_cast<int64_t>(900 + random() % 200);
      ASSERT_EQ(chain.Send(t_ms, values), "") << "round " << round << " tick " << tick;
    }
  }
}

// tests/testdata/codec_capture.csv: types, then ticks; an empty cell is as the one above, "-" is
// no sample.
TEST(CodecProperty, RealHostSurvivesToTheBit) {
  std::ifstream file(TestData("codec_capture.csv"));
  ASSERT_TRUE(file.is_open());
  std::string line;
  std::string cell;
  std::getline(file, line);
  std::string types;
  std::istringstream header(line.substr(line.find(',') + 1));
  while (std::getline(header, cell, ',')) {
    types += cell;
  }
  Chain chain(MakeSchema(types));
  std::vector<double> values(types.size());
  size_t bytes = 0;
  size_t samples = 0;
  while (std::getline(file, line)) {
    std::istringstream row(line);
    std::getline(row, cell, ',');
    const int64_t t_ms = std::stoll(cell);
    for (double& value : values) {
      cell.clear();
      std::getline(row, cell, ',');
      if (!cell.empty()) {
        value = cell == "-" ? StaleMarker() : std::strtod(cell.c_str(), nullptr);
      }
      samples += IsStale(value) ? 0 : 1;
    }
    ASSERT_EQ(chain.Send(t_ms, values), "") << t_ms;
    bytes += chain.frame_bytes();
  }
  ASSERT_GT(samples, 15'000U);
  // What it is now and a little: a change that costs size must say so.
  EXPECT_LT(static_cast<double>(bytes) / static_cast<double>(samples), 0.66);
  RecordProperty("bytes_per_1000_samples", static_cast<int>(bytes * 1000 / samples));
}

}  // namespace
}  // namespace ronda::codec
