#include "common/codec/column.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <vector>

#include "common/base/check.h"
#include "common/base/status.h"
#include "common/codec/column_ints.h"
#include "common/codec/column_scale.h"
#include "common/codec/units.h"
#include "common/codec/varint.h"

namespace ronda::codec {
namespace {

// Beyond so many exceptions, or digits, the bits themselves may be shorter.
constexpr size_t kFewExceptions = 2;
constexpr uint8_t kFewDigits = 9;

bool AllSame(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(),
                     [&](double v) { return SameBits(v, values[0]); });
}

absl::Status CheckRange(size_t n, size_t first, size_t count) {
  if (n > kMaxColumnValues || first > n || count > n - first) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "decoding values [{}, {} more) of a column of {}", first, count, n);
  }
  return absl::OkStatus();
}

absl::Status Malformed(size_t n) {
  return Fail(absl::StatusCode::kDataLoss, "decoding a column: not one of {} values", n);
}

void EncodeScaled(const ScaledColumn& column, std::string* out) {
  PutScale(column, out);
  EncodeInts(column.integers, out);
}

bool DecodeDoubles(std::string_view bytes, size_t n, size_t first, std::span<double> out) {
  if (n == 0) {
    return bytes.empty();
  }
  ByteReader in(bytes);
  uint8_t scale = 0;
  std::vector<ColumnException> exceptions;
  if (!GetScale(n, &in, &scale, &exceptions)) {
    return false;
  }
  const std::string_view packed = in.Take(in.remaining());
  int64_t constant = 0;
  if (exceptions.empty() && DecodeConstant(packed, &constant)) {
    std::fill(out.begin(), out.end(), UnscaleOne(scale, constant));
    return true;
  }
  const auto integers = std::make_unique_for_overwrite<int64_t[]>(out.size());
  const std::span<int64_t> span(integers.get(), out.size());
  if (!DecodeInts(packed, n, first, span)) {
    return false;
  }
  Unscale(scale, exceptions, first, span, out);
  return true;
}

}  // namespace

void EncodeColumn(std::span<const double> values, std::string* out) {
  RONDA_CHECK(values.size() <= kMaxColumnValues);
  if (values.empty()) {
    return;
  }
  ScaledColumn column;
  if (AllSame(values)) {
    ScaleToDecimal(values.first(1), &column);
    if (!column.exceptions.empty()) {
      ScaleToBits(values.first(1), &column);
      column.exceptions.clear();
      column.integers[0] = OrderedBits(values[0]);
    }
    EncodeScaled(column, out);
    return;
  }
  const size_t begin = out->size();
  ScaleToDecimal(values, &column);
  if (column.unfit > values.size() / 2) {
    ScaleToBits(values, &column);
    EncodeScaled(column, out);
    return;
  }
  EncodeScaled(column, out);
  if (column.exceptions.size() > kFewExceptions || column.scale > kFewDigits) {
    const size_t end = out->size();
    ScaleToBits(values, &column);
    EncodeScaled(column, out);
    if (out->size() - end < end - begin) {
      out->erase(begin, end - begin);
    } else {
      out->resize(end);
    }
  }
}

absl::Status DecodeColumn(std::string_view bytes, std::span<double> out) {
  return DecodeColumnRange(bytes, out.size(), 0, out);
}

absl::Status DecodeColumnRange(std::string_view bytes, size_t n, size_t first,
                               std::span<double> out) {
  RONDA_RETURN_IF_ERROR(CheckRange(n, first, out.size()));
  return DecodeDoubles(bytes, n, first, out) ? absl::OkStatus() : Malformed(n);
}

void EncodeIntColumn(std::span<const int64_t> values, std::string* out) {
  RONDA_CHECK(values.size() <= kMaxColumnValues);
  EncodeInts(values, out);
}

absl::Status DecodeIntColumn(std::string_view bytes, std::span<int64_t> out) {
  return DecodeIntColumnRange(bytes, out.size(), 0, out);
}

absl::Status DecodeIntColumnRange(std::string_view bytes, size_t n, size_t first,
                                  std::span<int64_t> out) {
  RONDA_RETURN_IF_ERROR(CheckRange(n, first, out.size()));
  return DecodeInts(bytes, n, first, out) ? absl::OkStatus() : Malformed(n);
}

}  // namespace ronda::codec
