#include "collector/store/series_merger.h"

#include <algorithm>
#include <utility>

#include "collector/store/run_decode.h"

namespace ronda::store {

void SeriesMerger::Add(Labels labels, const MetricInfo& metric,
                       std::shared_ptr<const RunTicks> ticks, std::vector<double> values) {
  if (values.size() != ticks->t_ms.size() || values.empty()) {
    return;
  }
  Entry& entry = series_[std::move(labels)];
  entry.metric = &metric;
  entry.pieces.push_back({std::move(ticks), std::move(values)});
}

template <typename Emit>
void SeriesMerger::ForEachVisible(const Piece& piece, Emit emit) const {
  const std::vector<int64_t>& t_ms = piece.ticks->t_ms;
  for (size_t i = 0; i < t_ms.size(); ++i) {
    if (t_ms[i] >= start_ms_ && t_ms[i] <= end_ms_ && IsVisible(piece.values, i)) {
      emit(t_ms[i], piece.values[i], piece.ticks->order[i]);
    }
  }
}

void SeriesMerger::Merge(const std::vector<Piece>& pieces, std::vector<int64_t>* t_ms,
                         std::vector<double>* values) const {
  std::vector<const Piece*> sorted;
  for (const Piece& piece : pieces) {
    sorted.push_back(&piece);
  }
  std::sort(sorted.begin(), sorted.end(), [](const Piece* a, const Piece* b) {
    return a->ticks->t_ms.front() < b->ticks->t_ms.front();
  });
  // Nearly always one run follows the other, and each goes forward.
  bool in_order = true;
  for (const Piece* piece : sorted) {
    ForEachVisible(*piece, [&](int64_t t, double v, uint64_t) {
      in_order = in_order && (t_ms->empty() || t > t_ms->back());
      t_ms->push_back(t);
      values->push_back(v);
    });
  }
  if (in_order) {
    return;
  }
  struct Sample {
    int64_t t_ms;
    uint64_t order;
    double value;
  };
  std::vector<Sample> samples;
  for (const Piece* piece : sorted) {
    ForEachVisible(*piece, [&](int64_t t, double v, uint64_t order) {
      samples.push_back({t, order, v});
    });
  }
  std::stable_sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) {
    return a.t_ms != b.t_ms ? a.t_ms < b.t_ms : a.order < b.order;
  });
  t_ms->clear();
  values->clear();
  for (const Sample& sample : samples) {
    if (t_ms->empty() || sample.t_ms != t_ms->back()) {
      t_ms->push_back(sample.t_ms);
      values->push_back(sample.value);
    }
  }
}

bool SeriesMerger::Visit(absl::FunctionRef<bool(const SeriesView&)> visit) const {
  std::vector<int64_t> t_ms;
  std::vector<double> values;
  for (const auto& [labels, entry] : series_) {
    t_ms.clear();
    values.clear();
    Merge(entry.pieces, &t_ms, &values);
    if (!t_ms.empty() && !visit({labels, *entry.metric, t_ms, values})) {
      return false;
    }
  }
  return true;
}

}  // namespace ronda::store
