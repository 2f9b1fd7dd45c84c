// How often each symbol comes, by context: what both ends of the entropy coder share. FORMAT.md,
// "Column: coded".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/codec/bits.h"
#include "common/codec/column_tokens.h"
#include "common/codec/varint.h"

namespace ronda::codec {

inline constexpr int kMaxContexts = 16;
// A weight is below 2^this.
inline constexpr int kWeightDigits = 21;
inline constexpr int kMinPrecision = 8;
inline constexpr int kMaxPrecision = 12;
// All decoding tables of a column together have at most so many slots.
inline constexpr int kMaxModelSlots = 1 << 13;

struct ColumnModel {
  using Weights = std::array<uint32_t, kColumnSymbols>;      // by symbol
  using Frequencies = std::array<uint16_t, kColumnSymbols>;  // by symbol

  ColumnAlphabet alphabet;
  int precision = kMaxPrecision;  // the frequencies of a context add up to 2^precision
  std::array<uint8_t, kColumnScores> context{};  // by score; ascending
  std::vector<Weights> weights;                  // by context; the writer's only
  std::vector<Frequencies> frequency;            // by context

  int contexts() const { return static_cast<int>(frequency.size()); }
};

// A weight is told by its binary digits and the first of those after the leading one: so many, more
// for the large, whose share must be known better.
inline int MantissaBits(int digits) { return digits < 4 ? 0 : digits > 14 ? 5 : (digits - 4) / 2; }
// What tells a weight's digits; `last` are those of the weight before in the table.
inline uint64_t DigitsChange(int last, int digits) {
  return last == 0 ? static_cast<uint64_t>(digits) : ZigZag(digits - last);
}
// The nearest weight that can be told.
uint32_t RoundWeight(uint32_t weight);
// Frequencies in proportion to the weights that add up to 2^precision; none 0 whose weight is not.
void Normalise(std::span<const uint32_t> weights, int precision, ColumnModel::Frequencies* out);

void PutModel(const ColumnModel& model, std::string* out);
// False if what follows is not a model.
bool GetModel(ByteReader* in, ColumnModel* model);
// The same for those of IntEncoding::kCodedBefore.
bool GetModelBefore(ByteReader* in, ColumnModel* model);
// The alphabet of a model; `before`: of the latter.
bool GetAlphabet(bool before, BitReader* in, ColumnAlphabet* alphabet);
// A weight of so many digits, from those after the leading one that are told.
uint32_t GetWeight(int digits, BitReader* in);

}  // namespace ronda::codec
