// The reader's part for who needs the newest sample of each series: it goes from where new data is
// to where older is, and to the older only for series that may have their newest sample there.
#include <algorithm>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "collector/store/reader.h"
#include "collector/store/run_decode.h"
#include "common/base/status.h"
#include "common/model/sample.h"

namespace ronda::store {
namespace {

// The newest sample of a series so far. Of two of one time that of the lower order: it was durable
// first.
struct Newest {
  int64_t t_ms = std::numeric_limits<int64_t>::min();
  uint64_t order = 0;
  double value = 0;
  bool found = false;

  // True if a sample of that time, or an earlier one, could still take its place.
  bool MayBeAt(int64_t newest_ms) const { return !found || newest_ms >= t_ms; }
  void Offer(int64_t t, uint64_t its_order, double its_value) {
    if (!found || t > t_ms || (t == t_ms && its_order < order)) {
      *this = {t, its_order, its_value, true};
    }
  }
};

// Series of a place that may have their newest sample in a part of it.
class Open {
 public:
  Open(const SeriesBatch& batch, std::vector<Newest>* newest) : batch_(batch), newest_(*newest) {}

  // Takes those of the place, where `newest_ms` is the time of its last sample. False: none.
  bool Begin(size_t place, int64_t start_ms, int64_t newest_ms) {
    series_.clear();
    numbers_.clear();
    from_ms_ = std::numeric_limits<int64_t>::max();
    const std::span<const uint32_t> all = batch_.series(place);
    for (size_t i = 0; i < all.size(); ++i) {
      const size_t number = batch_.number(place, i);
      const Newest& so_far = newest_[number];
      if (so_far.MayBeAt(newest_ms)) {
        series_.push_back(all[i]);
        numbers_.push_back(number);
        from_ms_ = std::min(from_ms_, so_far.found ? so_far.t_ms : start_ms);
      }
    }
    return !series_.empty();
  }
  std::span<const uint32_t> series() const { return series_; }
  int64_t from_ms() const { return from_ms_; }  // nothing before can be the newest
  // Of series()[index].
  Newest& newest(size_t index) { return newest_[numbers_[index]]; }

 private:
  const SeriesBatch& batch_;
  std::vector<Newest>& newest_;
  std::vector<uint32_t> series_;
  std::vector<size_t> numbers_;
  int64_t from_ms_ = 0;
};

void OfferRun(const RunSnapshot& run, const RunColumns& columns, int64_t start_ms, int64_t end_ms,
              Open* open) {
  const auto t_ms = columns.t_ms().first(std::min(columns.frames(), run.frames.size()));
  const auto end =
      static_cast<size_t>(std::upper_bound(t_ms.begin(), t_ms.end(), end_ms) - t_ms.begin());
  for (size_t i = 0; i < open->series().size(); ++i) {
    const uint32_t series = open->series()[i];
    for (size_t f = columns.Has(series) ? end : 0; f > 0 && t_ms[f - 1] >= start_ms; --f) {
      const double value = columns.At(series, f - 1);
      if (IsVisible(value, f > 1 ? std::optional(columns.At(series, f - 2)) : std::nullopt)) {
        open->newest(i).Offer(t_ms[f - 1], run.frames[f - 1].order, value);
        break;
      }
    }
  }
}

void OfferBlock(const BlockHeader& header, const std::vector<std::vector<double>>& columns,
                int64_t start_ms, int64_t end_ms, Open* open) {
  const auto end = static_cast<size_t>(
      std::upper_bound(header.t_ms.begin(), header.t_ms.end(), end_ms) - header.t_ms.begin());
  for (size_t i = 0; i < columns.size(); ++i) {
    for (size_t f = std::min(end, columns[i].size()); f > 0 && header.t_ms[f - 1] >= start_ms;
         --f) {
      if (IsVisible(columns[i], f - 1)) {
        open->newest(i).Offer(header.t_ms[f - 1], header.order[f - 1], columns[i][f - 1]);
        break;
      }
    }
  }
}

void OfferColumn(std::span<const int64_t> t_ms, const SegmentColumn& column, Newest* newest) {
  size_t last = column.values.empty() ? 0 : t_ms.size();
  while (last > 0 && !column.present.empty() && !column.present[last - 1]) {
    --last;
  }
  if (last > 0) {
    newest->Offer(t_ms[last - 1], 0, column.values.back());
  }
}

}  // namespace

absl::Status Reader::SelectNewest(const std::vector<Matcher>& matchers, int64_t start_ms,
                                  int64_t end_ms,
                                  absl::FunctionRef<bool(const SeriesView&)> visit) const {
  return SelectBy(&Reader::SelectNewestOf, matchers, start_ms, end_ms, visit);
}

absl::StatusOr<bool> Reader::SelectNewestOf(
    std::span<const Node> nodes, PairMatcher* matcher, int64_t start_ms, int64_t end_ms,
    absl::FunctionRef<bool(const SeriesView&)> visit) const {
  std::unique_ptr<History::Moment> recent;
  RONDA_ASSIGN_OR_RETURN(const std::vector<Place> places,
                         PlacesOf(nodes, matcher, start_ms, end_ms, &recent));
  const SeriesGroups groups = Group(places);
  SeriesBatch batch(places.size());
  for (size_t i = 0; i < groups.size(); ++i) {
    batch.Add(groups[i]);
  }
  batch.Sort();
  std::vector<Newest> newest(groups.size());
  Open open(batch, &newest);
  for (size_t i = 0; i < places.size(); ++i) {
    const Place& place = places[i];
    if (place.file == nullptr && open.Begin(i, start_ms, end_ms)) {
      for (const RunSnapshot& run : place.runs) {
        runs_.Read(run, open.series(), [&](const RunColumns& columns) {
          OfferRun(run, columns, start_ms, end_ms, &open);
        });
      }
      const HeldTick* const held = place.held.get();
      const bool in_window = held != nullptr && held->t_ms >= start_ms && held->t_ms <= end_ms;
      for (size_t s = 0; in_window && s < open.series().size(); ++s) {
        const double value = held->values[open.series()[s]];
        if (!IsStale(value) && !IsHole(value)) {
          open.newest(s).Offer(held->t_ms, std::numeric_limits<uint64_t>::max(), value);
        }
      }
    }
  }
  for (size_t i = 0; i < places.size() && recent != nullptr; ++i) {
    const SourceSchema& pair = places[i].match.pair->pair;
    const std::optional<int64_t> blocks_ms =
        places[i].file == nullptr ? history_.NewestBlockMs(pair) : std::nullopt;
    if (blocks_ms && open.Begin(i, start_ms, *blocks_ms)) {
      RONDA_RETURN_IF_ERROR(recent->ReadBlocks(
          pair, open.from_ms(), end_ms, open.series(),
          [&](const BlockHeader& header, const std::vector<std::vector<double>>& columns) {
            OfferBlock(header, columns, start_ms, end_ms, &open);
          }));
    }
  }
  // The newest file first: they are there from the oldest on.
  SegmentFile* file = nullptr;
  std::unique_ptr<SegmentFile::Moment> rows;
  for (size_t i = places.size(); i-- > 0;) {
    const Place& place = places[i];
    if (place.file == nullptr || !open.Begin(i, start_ms, place.match.pair->t_max_ms)) {
      continue;
    }
    if (file != place.file.get()) {
      rows = nullptr;
      file = place.file.get();
      RONDA_ASSIGN_OR_RETURN(rows, file->Now());
    }
    RONDA_RETURN_IF_ERROR(rows->Read(
        place.match.pair->pair, open.from_ms(), end_ms, open.series(),
        [&](const std::shared_ptr<const std::vector<int64_t>>& t_ms, size_t index,
            const SegmentColumn& column) { OfferColumn(*t_ms, column, &open.newest(index)); }));
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    const SeriesPlace& at = groups[i].front();
    if (newest[i].found &&
        !visit({LabelsOf(places, at), MetricOf(places, at), std::span(&newest[i].t_ms, 1),
                std::span(&newest[i].value, 1)})) {
      return false;
    }
  }
  return true;
}

}  // namespace ronda::store
