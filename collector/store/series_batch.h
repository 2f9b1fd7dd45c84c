// Some series of a node, the places they are in, and what was read of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "collector/store/sample_merge.h"

namespace ronda::store {

// Series `series` of the schema of place number `place`.
struct SeriesPlace {
  uint32_t place = 0;
  uint32_t series = 0;
};

// Not thread-safe. Add series, Sort, read each place's series(), AddPiece what was read, Merge.
class SeriesBatch {
 public:
  explicit SeriesBatch(size_t places) : wanted_(places), slots_(places) {}

  size_t size() const { return pieces_.size(); }
  // A series, and where it is.
  void Add(std::span<const SeriesPlace> at);
  void Sort();
  // Ascending: what to read of a place.
  std::span<const uint32_t> series(size_t place) const { return wanted_[place]; }
  // The number of a series: how many were added before it. `index` is that in series(place).
  size_t number(size_t place, size_t index) const { return slots_[place][index].second; }
  // A piece without values is nothing.
  void AddPiece(size_t place, size_t index, SeriesPiece piece);

  // What was read of the series added as number `i`.
  void Merge(size_t i, int64_t start_ms, int64_t end_ms, MergedSeries* out) const {
    MergePieces(pieces_[i], start_ms, end_ms, out);
  }

 private:
  std::vector<std::vector<SeriesPiece>> pieces_;                 // by number of the series
  std::vector<std::vector<uint32_t>> wanted_;                    // by place
  std::vector<std::vector<std::pair<uint32_t, size_t>>> slots_;  // by place: series, its number
};

}  // namespace ronda::store
