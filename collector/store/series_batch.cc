#include "collector/store/series_batch.h"

#include <algorithm>

namespace ronda::store {

void SeriesBatch::Add(std::span<const SeriesPlace> at) {
  for (const SeriesPlace& place : at) {
    slots_[place.place].emplace_back(place.series, pieces_.size());
  }
  pieces_.emplace_back();
}

void SeriesBatch::Sort() {
  for (size_t place = 0; place < slots_.size(); ++place) {
    std::sort(slots_[place].begin(), slots_[place].end());
    for (const auto& [series, number] : slots_[place]) {
      wanted_[place].push_back(series);
    }
  }
}

void SeriesBatch::AddPiece(size_t place, size_t index, SeriesPiece piece) {
  if (!piece.values.empty()) {
    pieces_[slots_[place][index].second].push_back(std::move(piece));
  }
}

}  // namespace ronda::store
