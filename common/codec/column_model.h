// How often each symbol comes, by context: what both ends of the entropy coder share. FORMAT.md,
// "Column: coded".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

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

  int detail = 0;
  int precision = kMaxPrecision;  // the frequencies of a context add up to 2^precision
  std::array<uint8_t, kColumnScores> context{};  // by score; ascending
  std::vector<Weights> weights;                  // by context; the writer's only
  std::vector<Frequencies> frequency;            // by context

  int contexts() const { return static_cast<int>(frequency.size()); }
};

// About the bits that symbols with these counts (a, and b unless it is null) take, their table
// included.
double TableBits(const uint32_t* a, const uint32_t* b, size_t symbols, uint32_t total);

// Chooses contexts and precision. `counts` has a row of kColumnSymbols for each score: how often
// each symbol came there. Returns the bits that the symbols and the model will take.
double FitModel(int detail, const std::vector<uint32_t>& counts, ColumnModel* model);

void PutModel(const ColumnModel& model, std::string* out);
// False if what follows is not a model.
bool GetModel(ByteReader* in, ColumnModel* model);

}  // namespace ronda::codec
