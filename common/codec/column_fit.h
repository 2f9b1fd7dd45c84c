// What the writer of coded columns chooses: how finely numbers become symbols, and which contexts
// are worth their tables. A reader need not know.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/codec/column_model.h"
#include "common/codec/column_tokens.h"

namespace ronda::codec {

// How often numbers came, by class and the digits after the leading one.
struct FineCounts {
  std::array<std::array<uint32_t, 1 << kMaxDetail>, kColumnClasses> counts{};
  uint32_t total = 0;  // of all counts; whoever adds sets it

  void Add(uint64_t number) {
    const int cls = ClassOf(number);
    const int rest = cls - 1 > kMaxDetail ? cls - 1 - kMaxDetail : 0;
    ++counts[static_cast<size_t>(cls)][(number >> rest) & ((1U << kMaxDetail) - 1)];
  }
};

// The details that make the symbols, and `tables` tables of them, shortest. Returns about the bits
// that they take. At least one number must have been counted.
double ChooseAlphabet(const FineCounts& fine, int tables, ColumnAlphabet* alphabet);

// How often each symbol came, by the score that told its context.
struct ScoreCounts {
  int score = 0;
  uint32_t total = 0;
  std::vector<uint32_t> counts;  // by symbol
};

// Chooses contexts and precision for `counts`, by ascending score; weights are the counts, until
// FinishModel(). Returns about the bits that symbols and model will take.
double FitModel(const ColumnAlphabet& alphabet, std::vector<ScoreCounts> counts,
                ColumnModel* model);
// Chooses the weights, and so the frequencies: for the model that is taken alone, as it takes long.
void FinishModel(ColumnModel* model);

}  // namespace ronda::codec
