// Which places have the same series.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "collector/store/pair_index.h"
#include "collector/store/series_batch.h"

namespace ronda::store {

// The series that match in some places, each with all places that it is in. What has other target
// labels is another series, and what has the same ones and the same schema is the same series by
// its index: labels are made and compared only where a source has changed its schema or its labels.
class SeriesGroups {
 public:
  struct Match {
    PairIndex::Pair pair;
    SeriesList series;
  };
  // By number of the place. No two may be one place.
  explicit SeriesGroups(std::span<const Match* const> places);

  size_t size() const { return ends_.size(); }
  // Not empty.
  std::span<const SeriesPlace> operator[](size_t i) const {
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::span(places_).subspan(begin, ends_[i] - begin);
  }

 private:
  void AddAlike(std::span<const uint32_t> family, const std::vector<uint32_t>& series);
  void AddByLabels(std::span<const uint32_t> family, std::span<const Match* const> places);

  std::vector<SeriesPlace> places_;
  std::vector<size_t> ends_;  // of each series in places_
};

}  // namespace ronda::store
