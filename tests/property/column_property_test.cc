// Columns against the reference decoder: random ones of every character, and damaged ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "common/codec/column.h"
#include "common/model/sample.h"
#include "tests/property/reference_column_decoder.h"

namespace ronda::codec {
namespace {

using Random = std::mt19937_64;

uint64_t Seed() {
  const char* text = std::getenv("RONDA_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device()();
}

size_t Below(size_t n, Random* random) { return static_cast<size_t>((*random)() % n); }
double Uniform(Random* random) { return std::uniform_real_distribution<double>()(*random); }

// A number of up to `bits` bits, small ones as likely as large ones.
int64_t OfAnySize(int bits, Random* random) {
  return static_cast<int64_t>((*random)() >> (64 - 1 - Below(static_cast<size_t>(bits), random)));
}

double OddValue(Random* random) {
  const double odd[] = {StaleMarker(),
                        -0.0,
                        std::numeric_limits<double>::infinity(),
                        -std::numeric_limits<double>::infinity(),
                        std::numeric_limits<double>::denorm_min(),
                        std::numeric_limits<double>::max(),
                        std::sqrt(2.0),
                        9007199254740993.0,
                        std::bit_cast<double>((*random)() | 0x7ff0000000000000ULL),
                        std::bit_cast<double>((*random)())};
  return odd[Below(std::size(odd), random)];
}

// One character of series; the result gives the next value each time it is called.
std::function<double()> Character(Random* random) {
  const double unit = std::pow(10.0, static_cast<double>(Below(13, random)));
  const int bits = 1 + static_cast<int>(Below(50, random));
  const double often = Uniform(random);
  switch (Below(8, random)) {
    case 0:  // counter
      return [=, v = OfAnySize(40, random)]() mutable {
        v += Uniform(random) < often ? OfAnySize(bits, random) : 0;
        return static_cast<double>(v) / unit;
      };
    case 1:  // gauge that wanders
      return [=, v = int64_t{0}]() mutable {
        v += Uniform(random) < often ? OfAnySize(bits, random) - OfAnySize(bits, random) : 0;
        return static_cast<double>(v) / unit;
      };
    case 2:  // gauge around a level, in steps of its own
      return [=, step = OfAnySize(12, random) + 1] {
        return static_cast<double>((1000 + OfAnySize(bits % 12 + 1, random)) * step) / unit;
      };
    case 3:  // rare changes
      return [=, v = 0.0]() mutable {
        v = Below(300, random) == 0 ? std::floor(Uniform(random) * 1000) : v;
        return v;
      };
    case 4:  // full doubles
      return [=, v = 1e9]() mutable { return v += Uniform(random); };
    case 5:  // any bits
      return [=] { return std::bit_cast<double>((*random)()); };
    case 6:  // a line
      return [=, v = OfAnySize(50, random), step = OfAnySize(30, random)]() mutable {
        return static_cast<double>(v += step) / unit;
      };
    default:
      return [=] { return OddValue(random); };
  }
}

std::vector<double> RandomColumn(Random* random) {
  std::vector<double> values;
  const size_t sizes[] = {1,    2,    3,    20,   1199, 1200, 1201, 1202,
                          2400, 2401, 2402, 7200, 7201, 7202, 14401};
  const size_t n =
      Below(3, random) == 0 ? 1 + Below(3000, random) : sizes[Below(std::size(sizes), random)];
  while (values.size() < n) {
    const std::function<double()> next = Character(random);
    const size_t stretch = Below(3, random) == 0 ? Below(n, random) + 1 : n;
    for (size_t i = 0; i < stretch && values.size() < n; ++i) {
      values.push_back(next());
    }
  }
  for (size_t odd = Below(4, random) == 0 ? 1 + Below(20, random) : 0; odd > 0; --odd) {
    const size_t at = Below(n, random);
    const size_t end = std::min(n, at + 1 + Below(50, random));
    std::fill(values.begin() + static_cast<ptrdiff_t>(at),
              values.begin() + static_cast<ptrdiff_t>(end), OddValue(random));
  }
  return values;
}

std::vector<uint64_t> Bits(std::span<const double> values) {
  std::vector<uint64_t> bits;
  for (const double v : values) {
    bits.push_back(std::bit_cast<uint64_t>(v));
  }
  return bits;
}

class ColumnProperty : public testing::Test {
 protected:
  void SetUp() override { RecordProperty("seed", std::to_string(seed_)); }

  const uint64_t seed_ = Seed();
  Random random_{seed_};
};

TEST_F(ColumnProperty, RoundTripsAndTheReferenceAgrees) {
  for (int i = 0; i < 1500; ++i) {
    SCOPED_TRACE("RONDA_SEED=" + std::to_string(seed_) + " column " + std::to_string(i));
    const std::vector<double> values = RandomColumn(&random_);
    std::string bytes;
    EncodeColumn(values, &bytes);
    std::vector<double> out(values.size());
    ASSERT_TRUE(DecodeColumn(bytes, out).ok());
    ASSERT_EQ(Bits(out), Bits(values));
    const auto reference = ReferenceDecodeColumn(bytes, values.size());
    ASSERT_TRUE(reference.has_value());
    ASSERT_EQ(*reference, Bits(values));
    ASSERT_LE(bytes.size(), values.size() * 10 + 40);
    for (int range = 0; range < 5; ++range) {
      const size_t first = Below(values.size() + 1, &random_);
      std::vector<double> some(Below(values.size() - first + 1, &random_));
      ASSERT_TRUE(DecodeColumnRange(bytes, values.size(), first, some).ok());
      ASSERT_EQ(Bits(some), Bits(std::span(values).subspan(first, some.size())));
    }
  }
}

TEST_F(ColumnProperty, IntegersOfEverySizeRoundTrip) {
  for (int i = 0; i < 1500; ++i) {
    SCOPED_TRACE("RONDA_SEED=" + std::to_string(seed_) + " column " + std::to_string(i));
    const int bits = 1 + static_cast<int>(Below(64, &random_));
    const auto stride = static_cast<uint64_t>(OfAnySize(20, &random_)) + 1;
    std::vector<int64_t> values(1 + Below(2000, &random_));
    uint64_t last = random_();
    for (int64_t& v : values) {
      last = stride * static_cast<uint64_t>(OfAnySize(bits, &random_)) + (i % 2 == 0 ? last : 0);
      v = static_cast<int64_t>(last);
    }
    std::string bytes;
    EncodeIntColumn(values, &bytes);
    std::vector<int64_t> out(values.size());
    ASSERT_TRUE(DecodeIntColumn(bytes, out).ok());
    ASSERT_EQ(out, values);
    ASSERT_EQ(ReferenceDecodeIntColumn(bytes, values.size()), values);
    const size_t first = Below(values.size(), &random_);
    std::vector<int64_t> some(Below(values.size() - first + 1, &random_));
    ASSERT_TRUE(DecodeIntColumnRange(bytes, values.size(), first, some).ok());
    ASSERT_TRUE(
        std::equal(some.begin(), some.end(), values.begin() + static_cast<ptrdiff_t>(first)));
  }
}

// Damage gives an error or other values, the same from both decoders, and touches nothing else.
TEST_F(ColumnProperty, DamageIsRefusedOrHarmless) {
  int refused = 0;
  int taken = 0;
  for (int i = 0; i < 400; ++i) {
    const std::vector<double> values = RandomColumn(&random_);
    std::string bytes;
    EncodeColumn(values, &bytes);
    for (int damage = 0; damage < 8; ++damage) {
      SCOPED_TRACE("RONDA_SEED=" + std::to_string(seed_) + " column " + std::to_string(i) +
                   " damage " + std::to_string(damage));
      std::string bad = bytes;
      // The head is where most of the checks are.
      const size_t span = damage % 2 == 0 ? std::min<size_t>(bad.size(), 60) : bad.size();
      const size_t at = Below(span, &random_);
      if (damage < 6) {
        bad[at] = static_cast<char>(bad[at] ^ (1 << Below(8, &random_)));
      } else {
        bad.resize(at);
      }
      const size_t n = damage == 5 ? values.size() + 1 + Below(700, &random_) : values.size();
      // Of its own size, so that a sanitizer sees the first byte beyond.
      const std::vector<char> exact(bad.begin(), bad.end());
      const std::string_view view(exact.data(), exact.size());
      std::vector<double> out(n);
      const absl::Status status = DecodeColumn(view, out);
      const auto reference = ReferenceDecodeColumn(view, n);
      ASSERT_EQ(status.ok(), reference.has_value());
      if (status.ok()) {
        ++taken;
        ASSERT_EQ(Bits(out), *reference);
      } else {
        ++refused;
        ASSERT_EQ(status.code(), absl::StatusCode::kDataLoss);
      }
      const size_t first = Below(n, &random_);
      std::vector<double> some(Below(n - first, &random_) + 1);
      const absl::Status partial = DecodeColumnRange(view, n, first, some);
      ASSERT_TRUE(partial.ok() || partial.code() == absl::StatusCode::kDataLoss);
    }
  }
  EXPECT_GT(refused, 100);
  EXPECT_GT(taken, 100);
}

}  // namespace
}  // namespace ronda::codec
