// Most columns are constant, or decimals with few digits that move little; the rest is raw. A
// decimal v is the integer m with v == m / 10^k to the bit, k the same for the column; 10^k is
// exact in a double up to k = 22, so that the division is the one correctly rounded operation both
// directions share.

#include "collector/store/block_chunk.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>

#include "common/base/status.h"
#include "common/codec/crc32c.h"
#include "common/codec/varint.h"
#include "common/model/sample.h"

namespace ronda::store {
namespace {

// On disk: do not change the numbers.
enum class Encoding : uint8_t {
  kAllStale = 0,
  kConstant = 1,
  kRaw = 2,
  kDecimal = 3,       // k, then zigzag varints of the differences
  kDecimalHoles = 4,  // k, a bitmap of the values that are not stale, then the same of those
};

constexpr std::array<double, 10> kPowers = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
constexpr double kMaxInteger = 9007199254740992.0;  // 2^53

uint64_t Bits(double v) { return std::bit_cast<uint64_t>(v); }

std::optional<int64_t> AsInteger(double v, double power) {
  const double scaled = v * power;
  if (!(std::fabs(scaled) < kMaxInteger)) {
    return std::nullopt;
  }
  const int64_t m = std::llround(scaled);
  if (Bits(static_cast<double>(m) / power) != Bits(v)) {
    return std::nullopt;
  }
  return m;
}

// The least k that fits every value that is not stale.
std::optional<size_t> CommonExponent(std::span<const double> values) {
  size_t k = 0;
  for (const double v : values) {
    if (IsStale(v)) {
      continue;
    }
    while (!AsInteger(v, kPowers[k])) {
      if (++k == kPowers.size()) {
        return std::nullopt;
      }
    }
  }
  // What fits 10^-k fits 10^-(k+1) too, unless it is too large for that.
  for (const double v : values) {
    if (!IsStale(v) && !AsInteger(v, kPowers[k])) {
      return std::nullopt;
    }
  }
  return k;
}

void AppendRaw(std::span<const double> values, std::string* out) {
  out->push_back(static_cast<char>(Encoding::kRaw));
  out->append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double));
}

void AppendDecimal(std::span<const double> values, size_t k, bool holes, std::string* out) {
  out->push_back(static_cast<char>(holes ? Encoding::kDecimalHoles : Encoding::kDecimal));
  out->push_back(static_cast<char>(k));
  if (holes) {
    std::string bitmap((values.size() + 7) / 8, '\0');
    for (size_t i = 0; i < values.size(); ++i) {
      if (!IsStale(values[i])) {
        bitmap[i / 8] = static_cast<char>(static_cast<uint8_t>(bitmap[i / 8]) | (1U << (i % 8)));
      }
    }
    out->append(bitmap);
  }
  int64_t last = 0;
  for (const double v : values) {
    if (!IsStale(v)) {
      const int64_t m = *AsInteger(v, kPowers[k]);
      codec::PutSigned(out, m - last);
      last = m;
    }
  }
}

absl::Status Damaged(std::string_view what) {
  return Fail(absl::StatusCode::kDataLoss, "a chunk with {}", what);
}

absl::StatusOr<std::vector<double>> DecodeDecimal(codec::ByteReader in, size_t n, bool holes) {
  const uint8_t k = in.U8();
  const std::string_view bitmap = holes ? in.Take((n + 7) / 8) : std::string_view();
  if (!in.ok() || k >= kPowers.size()) {
    return Damaged("a bad head");
  }
  std::vector<double> values(n, StaleMarker());
  uint64_t m = 0;
  for (size_t i = 0; i < n; ++i) {
    if (!holes || (static_cast<uint8_t>(bitmap[i / 8]) >> (i % 8) & 1U) != 0) {
      m += static_cast<uint64_t>(in.Signed());
      values[i] = static_cast<double>(static_cast<int64_t>(m)) / kPowers[k];
    }
  }
  if (!in.done()) {
    return Damaged("another number of values");
  }
  return values;
}

}  // namespace

void AppendChunk(std::span<const double> values, std::string* out) {
  const size_t start = out->size();
  bool constant = !values.empty();
  bool holes = false;
  for (const double v : values) {
    constant = constant && Bits(v) == Bits(values[0]);
    holes = holes || IsStale(v);
  }
  if (constant && holes) {
    out->push_back(static_cast<char>(Encoding::kAllStale));
  } else if (constant) {
    out->push_back(static_cast<char>(Encoding::kConstant));
    codec::PutU64(out, Bits(values[0]));
  } else if (const std::optional<size_t> k = CommonExponent(values)) {
    AppendDecimal(values, *k, holes, out);
  } else {
    AppendRaw(values, out);
  }
  if (out->size() - start > 1 + values.size() * sizeof(double)) {
    out->resize(start);
    AppendRaw(values, out);
  }
  codec::PutU32(out, codec::Crc32c(std::string_view(*out).substr(start)));
}

absl::StatusOr<std::vector<double>> DecodeChunk(std::string_view chunk, size_t n) {
  uint32_t stored = 0;
  if (chunk.size() < 1 + sizeof(stored)) {
    return Damaged("no content");
  }
  const std::string_view body = chunk.substr(0, chunk.size() - sizeof(stored));
  std::memcpy(&stored, chunk.data() + body.size(), sizeof(stored));
  if (codec::Crc32c(body) != stored) {
    return Damaged("a wrong checksum");
  }
  codec::ByteReader in(body);
  const auto encoding = static_cast<Encoding>(in.U8());
  switch (encoding) {
    case Encoding::kAllStale:
      return std::vector<double>(n, StaleMarker());
    case Encoding::kConstant: {
      const uint64_t bits = in.U64();
      if (!in.done()) {
        return Damaged("another number of values");
      }
      return std::vector<double>(n, std::bit_cast<double>(bits));
    }
    case Encoding::kRaw: {
      if (in.remaining() != n * sizeof(double)) {
        return Damaged("another number of values");
      }
      std::vector<double> values(n);
      std::memcpy(values.data(), body.data() + 1, n * sizeof(double));
      return values;
    }
    case Encoding::kDecimal:
    case Encoding::kDecimalHoles:
      return DecodeDecimal(in, n, encoding == Encoding::kDecimalHoles);
  }
  return Fail(absl::StatusCode::kUnimplemented, "a chunk of encoding {}, of a later version",
              static_cast<int>(encoding));
}

}  // namespace ronda::store
