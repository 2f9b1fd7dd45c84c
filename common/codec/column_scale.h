// Between a column's doubles and the integers that are packed. FORMAT.md, "Column: values".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/codec/varint.h"

namespace ronda::codec {

// The integer is the value's bits, ordered as the values are; below it are decimal exponents.
inline constexpr uint8_t kScaleBits = 16;
// In the scale's byte: a list of exceptions follows.
inline constexpr uint8_t kScaleExceptions = 64;

// A stretch of equal bits that the scale does not hold.
struct ColumnException {
  size_t first = 0;
  size_t count = 0;
  uint64_t bits = 0;
};

struct ScaledColumn {
  uint8_t scale = 0;
  std::vector<int64_t> integers;  // in place of an exception: the integer before it
  std::vector<ColumnException> exceptions;
  size_t unfit = 0;  // values in exceptions, stale markers apart
};

// The shortest decimal exponent that holds all values that any holds.
void ScaleToDecimal(std::span<const double> values, ScaledColumn* out);
// As bits; only stale markers are exceptions.
void ScaleToBits(std::span<const double> values, ScaledColumn* out);

// The scale's byte and the exceptions.
void PutScale(const ScaledColumn& column, std::string* out);
// False if what follows is not a scale of a column of n values.
bool GetScale(size_t n, ByteReader* in, uint8_t* scale, std::vector<ColumnException>* exceptions);

// The values of `integers`, which are those from `first` on.
void Unscale(uint8_t scale, std::span<const ColumnException> exceptions, size_t first,
             std::span<const int64_t> integers, std::span<double> out);
// Bits as integers in the order of the values: neighbours are close, whatever their sign.
int64_t OrderedBits(double value);
double UnscaleOne(uint8_t scale, int64_t integer);

}  // namespace ronda::codec
