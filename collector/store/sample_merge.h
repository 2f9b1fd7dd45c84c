// Puts together what several runs, blocks and packed rows have of one series.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace ronda::store {

// The samples of one series in one place. What is in level 1 was durable before everything that is
// not.
struct SeriesPiece {
  std::shared_ptr<const std::vector<int64_t>> t_ms;    // ascending
  std::shared_ptr<const std::vector<uint64_t>> order;  // HeadFrame::order by tick; null: level 1
  // Of a run: a value at each tick, and markers as IsVisible() (run_decode.h) says. Of level 1:
  // values of the ticks that `present` has, all of them samples; an empty `present` is all ticks.
  std::vector<double> values;
  std::vector<bool> present;
  uint32_t origin = 0;  // the caller's
};

struct MergedSeries {
  std::vector<int64_t> t_ms;  // ascending, unique
  std::vector<double> values;
  std::vector<uint32_t> origin;  // of the piece that each is from
  int64_t duplicates = 0;        // samples left out because level 1 has the same
  int64_t conflicts = 0;         // samples left out because level 1 has another value at that time

  void Clear();
};

// The samples in [start_ms, end_ms]. Of samples with one time the one with the lower order wins:
// the first that became durable. Clears *out first.
void MergePieces(std::span<const SeriesPiece> pieces, int64_t start_ms, int64_t end_ms,
                 MergedSeries* out);

}  // namespace ronda::store
