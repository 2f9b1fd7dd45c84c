#include "common/codec/column.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "common/model/sample.h"

namespace ronda::codec {
namespace {

std::vector<uint64_t> Bits(std::span<const double> values) {
  std::vector<uint64_t> bits;
  for (const double v : values) {
    bits.push_back(std::bit_cast<uint64_t>(v));
  }
  return bits;
}

// The bytes, after they came back as they went in: whole, and from several places.
std::string RoundTrip(const std::vector<double>& values) {
  std::string bytes = "kept";
  EncodeColumn(values, &bytes);
  EXPECT_EQ(bytes.substr(0, 4), "kept");
  bytes.erase(0, 4);
  std::vector<double> out(values.size());
  EXPECT_TRUE(DecodeColumn(bytes, out).ok());
  EXPECT_EQ(Bits(out), Bits(values));
  for (size_t first = 0; first < values.size(); first += 1 + values.size() / 7) {
    std::vector<double> some(std::min<size_t>(700, values.size() - first));
    EXPECT_TRUE(DecodeColumnRange(bytes, values.size(), first, some).ok());
    EXPECT_EQ(Bits(some), Bits(std::span(values).subspan(first, some.size()))) << first;
  }
  return bytes;
}

TEST(Column, EmptyHasNoBytes) { EXPECT_EQ(RoundTrip({}), ""); }

TEST(Column, ConstantsAreAFewBytes) {
  EXPECT_EQ(RoundTrip(std::vector<double>(7200, 0.0)).size(), 3);
  EXPECT_EQ(RoundTrip(std::vector<double>(7200, 12.34)).size(), 4);
  EXPECT_LE(RoundTrip(std::vector<double>(7200, std::sqrt(2.0))).size(), 12);
  EXPECT_LE(RoundTrip(std::vector<double>(7200, StaleMarker())).size(), 12);
  EXPECT_LE(RoundTrip({-0.0}).size(), 12);
}

TEST(Column, SteadyStepsAreAFewBytes) {
  std::vector<double> values;
  for (int i = 0; i < 7200; ++i) {
    values.push_back((100 + 25 * i) / 100.0);
  }
  EXPECT_LE(RoundTrip(values).size(), 6);
}

TEST(Column, FewChangesAreFewBytes) {
  std::vector<double> values(7200, 5);
  std::fill(values.begin() + 1000, values.begin() + 1010, 7);
  EXPECT_LE(RoundTrip(values).size(), 12);
}

TEST(Column, OneOddValueCostsItself) {
  std::vector<double> values;
  for (int i = 0; i < 7200; ++i) {
    values.push_back(static_cast<double>(i / 10 * (i % 7)));
  }
  const size_t plain = RoundTrip(values).size();
  for (const double odd :
       {std::sqrt(2.0), StaleMarker(), -0.0, 1e300, std::numeric_limits<double>::infinity(),
        std::bit_cast<double>(0x7ff8dead00000001ULL)}) {
    values[4000] = odd;
    EXPECT_LE(RoundTrip(values).size(), plain + 40) << odd;
  }
}

TEST(Column, WrongLengthsAndRangesAreRefused) {
  const std::vector<double> values = {1, 5, 2, 8, 1, 9};
  std::string bytes;
  EncodeColumn(values, &bytes);
  std::vector<double> out(7);
  EXPECT_EQ(DecodeColumn(bytes, out).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeColumn(bytes + "x", std::span(out).first(6)).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeColumn("", std::span(out).first(6)).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeColumnRange(bytes, 6, 4, std::span(out).first(3)).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Column, IntegersOfEverySize) {
  const int64_t least = std::numeric_limits<int64_t>::min();
  const int64_t most = std::numeric_limits<int64_t>::max();
  for (const std::vector<int64_t>& values :
       std::vector<std::vector<int64_t>>{{},
                                         {most},
                                         {least, most},
                                         {0, most, least, -1, 1, least, least, most},
                                         {1795132800000, 1795132801000, 1795132802000},
                                         {3, 3, 3, 4}}) {
    std::string bytes;
    EncodeIntColumn(values, &bytes);
    std::vector<int64_t> out(values.size());
    EXPECT_TRUE(DecodeIntColumn(bytes, out).ok());
    EXPECT_EQ(out, values);
  }
}

}  // namespace
}  // namespace ronda::codec
