#include "collector/store/window_packer.h"

#include <algorithm>
#include <utility>

#include "collector/store/rollup.h"
#include "collector/store/segment_span.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

// So many series are decoded at once: at 7,200 ticks about 12 MB.
constexpr uint32_t kSeriesAtOnce = 64;

// The same source and schema, whatever their ids are.
bool IsSame(const SourceSchema& a, const SourceSchema& b) {
  const SourceRow& left = a.source->row;
  const SourceRow& right = b.source->row;
  return left.node_name == right.node_name && left.group == right.group &&
         left.node_labels == right.node_labels && a.schema->hash == b.schema->hash;
}

// Leaves the samples that are of `target`.
void KeepOwn(std::span<const uint32_t> target_of_origin, uint32_t target, MergedSeries* merged) {
  size_t kept = 0;
  for (size_t i = 0; i < merged->t_ms.size(); ++i) {
    if (target_of_origin[merged->origin[i]] == target) {
      merged->t_ms[kept] = merged->t_ms[i];
      merged->values[kept] = merged->values[i];
      ++kept;
    }
  }
  merged->t_ms.resize(kept);
  merged->values.resize(kept);
}

// The samples at the ticks of the rows.
SegmentColumn ColumnOf(const MergedSeries& merged, std::span<const int64_t> t_ms) {
  SegmentColumn column;
  column.values = merged.values;
  if (merged.t_ms.size() == t_ms.size()) {
    return column;
  }
  column.present.resize(t_ms.size());
  size_t tick = 0;
  for (const int64_t t : merged.t_ms) {
    while (t_ms[tick] < t) {
      ++tick;
    }
    column.present[tick] = true;
  }
  return column;
}

// Packs the roll-ups of a pair and window.
class RollupPacker {
 public:
  RollupPacker(int64_t window, int64_t resolution_ms)
      : window_(window), resolution_ms_(resolution_ms) {
    for (int64_t t = WindowStartMs(window); t < WindowEndMs(window); t += resolution_ms) {
      ends_.push_back(t + resolution_ms);
    }
  }
  void Add(const MergedSeries& series, bool is_counter) {
    const std::vector<Bucket> buckets =
        MakeBuckets(series.t_ms, series.values, resolution_ms_, is_counter);
    packer_.AddRollup(buckets.empty() ? ""
                                      : EncodeRollup(buckets, ends_, resolution_ms_, is_counter));
  }
  PackedWindow Take(const SourceSchema& pair, bool keep_existing) {
    std::vector<PackedRow> rows = packer_.Take(ends_);
    return {pair, keep_existing, window_, std::move(ends_), std::move(rows)};
  }

 private:
  const int64_t window_;
  const int64_t resolution_ms_;
  std::vector<int64_t> ends_;
  RowPacker packer_;
};

}  // namespace

absl::Status WindowPacker::FindPlaces() {
  const auto target_of = [&](const SourceSchema& pair) {
    const auto it = std::find_if(targets_.begin(), targets_.end(),
                                 [&](const SourceSchema& t) { return IsSame(t, pair); });
    if (it == targets_.end()) {
      targets_.push_back(pair);
      return targets_.size() - 1;
    }
    return static_cast<size_t>(it - targets_.begin());
  };
  for (DueBlock* const block : blocks_) {
    const size_t target = target_of(block->pair);
    if (target == places_.size()) {
      places_.push_back({block->pair, false, target, {}});
    }
    places_[target].blocks.push_back(block);
  }
  RONDA_ASSIGN_OR_RETURN(const std::vector<SourceSchema> in_file, file_.PairsIn(node_, window_));
  for (const SourceSchema& pair : in_file) {
    places_.push_back({pair, true, target_of(pair), {}});
  }
  return absl::OkStatus();
}

void WindowPacker::FindShared() {
  std::map<Labels, std::vector<SeriesPlace>> all;
  if (targets_.size() < 2) {
    return;
  }
  for (uint32_t i = 0; i < places_.size(); ++i) {
    const SourceSchema& pair = places_[i].pair;
    for (uint32_t series = 0; series < pair.schema->schema->series.size(); ++series) {
      all[SeriesLabels(*pair.source, *pair.schema, series)].push_back({i, series});
    }
  }
  for (auto& [labels, at] : all) {
    const size_t first = places_[at.front().place].target;
    if (std::any_of(at.begin(), at.end(),
                    [&](const SeriesPlace& p) { return places_[p.place].target != first; })) {
      shared_.emplace(labels, std::move(at));
    }
  }
}

absl::StatusOr<std::vector<int64_t>> WindowPacker::TicksOf(size_t target, bool* in_file) const {
  std::vector<int64_t> ticks;
  *in_file = false;
  for (const Place& place : places_) {
    if (place.target != target) {
      continue;
    }
    for (const DueBlock* const block : place.blocks) {
      for (const int64_t t : block->header.t_ms) {
        if (WindowOf(t) == window_) {
          ticks.push_back(t);
        }
      }
    }
    if (place.in_file) {
      const size_t before = ticks.size();
      RONDA_RETURN_IF_ERROR(file_.Ticks(place.pair, window_, &ticks));
      *in_file = ticks.size() > before;
    }
  }
  std::sort(ticks.begin(), ticks.end());
  ticks.erase(std::unique(ticks.begin(), ticks.end()), ticks.end());
  return ticks;
}

absl::Status WindowPacker::ReadPlace(size_t index, SeriesBatch* batch) {
  const Place& place = places_[index];
  const std::span<const uint32_t> wanted = batch->series(index);
  const auto origin = static_cast<uint32_t>(index);
  if (wanted.empty()) {
    return absl::OkStatus();
  }
  if (place.in_file) {
    return file_.Read(place.pair, WindowStartMs(window_) + 1, WindowEndMs(window_), wanted,
                      [&](const std::shared_ptr<const std::vector<int64_t>>& t_ms, size_t i,
                          SegmentColumn column) {
                        batch->AddPiece(index, i,
                                        {t_ms, nullptr, std::move(column.values),
                                         std::move(column.present), origin});
                      });
  }
  for (DueBlock* const block : place.blocks) {
    RONDA_RETURN_IF_ERROR(now_.ReadBlock(
        block->block, wanted, [&](BlockHeader header, std::vector<std::vector<double>> columns) {
          const auto times = std::make_shared<const std::vector<int64_t>>(std::move(header.t_ms));
          const auto orders =
              std::make_shared<const std::vector<uint64_t>>(std::move(header.order));
          for (size_t i = 0; i < columns.size(); ++i) {
            block->damaged = block->damaged || columns[i].empty();
            batch->AddPiece(index, i, {times, orders, std::move(columns[i]), {}, origin});
          }
        }));
  }
  return absl::OkStatus();
}

absl::Status WindowPacker::PackTarget(size_t target, PackedNode* packed, PackStats* stats) {
  PackedWindow out{targets_[target], false, window_, {}, {}};
  bool in_file = false;
  RONDA_ASSIGN_OR_RETURN(out.t_ms, TicksOf(target, &in_file));
  RollupPacker minute(window_, kMinuteMs);
  RollupPacker hour(window_, kHourMs);
  std::vector<uint32_t> target_of_origin;
  std::vector<uint32_t> own;  // the places of this pair
  for (uint32_t i = 0; i < places_.size(); ++i) {
    target_of_origin.push_back(static_cast<uint32_t>(places_[i].target));
    if (places_[i].target == target) {
      own.push_back(i);
    }
  }
  const SourceSchema& pair = out.pair;
  const auto count = static_cast<uint32_t>(pair.schema->schema->series.size());
  RowPacker packer;
  MergedSeries merged;
  for (uint32_t first = 0; first < count; first += kSeriesAtOnce) {
    const uint32_t last = std::min(count, first + kSeriesAtOnce);
    std::vector<std::vector<SeriesPlace>> at;
    SeriesBatch batch(places_.size());
    for (uint32_t series = first; series < last; ++series) {
      const auto shared = shared_.empty()
                              ? shared_.end()
                              : shared_.find(SeriesLabels(*pair.source, *pair.schema, series));
      if (shared != shared_.end()) {
        at.push_back(shared->second);
        continue;
      }
      at.emplace_back();
      for (const uint32_t place : own) {
        at.back().push_back({place, series});
      }
    }
    for (const std::vector<SeriesPlace>& places : at) {
      batch.Add(places);
    }
    batch.Sort();
    for (size_t i = 0; i < places_.size(); ++i) {
      RONDA_RETURN_IF_ERROR(ReadPlace(i, &batch));
    }
    for (size_t i = 0; i < at.size(); ++i) {
      batch.Merge(i, WindowStartMs(window_) + 1, WindowEndMs(window_), &merged);
      stats->duplicates += merged.duplicates;
      stats->conflicts += merged.conflicts;
      KeepOwn(target_of_origin, static_cast<uint32_t>(target), &merged);
      packer.Add(ColumnOf(merged, out.t_ms));
      const bool is_counter =
          pair.schema->schema->metric_of(first + static_cast<uint32_t>(i)).type ==
          MetricType::kCounter;
      minute.Add(merged, is_counter);
      hour.Add(merged, is_counter);
    }
  }
  out.rows = packer.Take(out.t_ms);
  packed->minute.push_back(minute.Take(out.pair, !in_file));
  packed->hour.push_back(hour.Take(out.pair, !in_file));
  packed->raw.push_back(std::move(out));
  return absl::OkStatus();
}

absl::StatusOr<PackedNode> WindowPacker::Pack(PackStats* stats) {
  RONDA_RETURN_IF_ERROR(FindPlaces());
  FindShared();
  PackedNode packed;
  for (const Place& place : places_) {
    if (place.in_file) {
      continue;
    }
    RONDA_RETURN_IF_ERROR(PackTarget(place.target, &packed, stats));
  }
  return packed;
}

}  // namespace ronda::store
