#include "collector/store/sample_merge.h"

#include <algorithm>
#include <bit>

#include "collector/store/run_decode.h"

namespace ronda::store {
namespace {

// Calls emit(t_ms, value, order) for each sample in the window.
template <typename Emit>
void ForEachSample(const SeriesPiece& piece, int64_t start_ms, int64_t end_ms, Emit emit) {
  const std::vector<int64_t>& t_ms = *piece.t_ms;
  if (piece.order != nullptr) {
    for (size_t i = 0; i < t_ms.size() && i < piece.values.size(); ++i) {
      if (t_ms[i] >= start_ms && t_ms[i] <= end_ms && IsVisible(piece.values, i)) {
        emit(t_ms[i], piece.values[i], (*piece.order)[i]);
      }
    }
    return;
  }
  size_t next = 0;
  for (size_t i = 0; i < t_ms.size() && next < piece.values.size(); ++i) {
    if (piece.present.empty() || piece.present[i]) {
      if (t_ms[i] >= start_ms && t_ms[i] <= end_ms) {
        emit(t_ms[i], piece.values[next], 0);
      }
      ++next;
    }
  }
}

// Appends a piece of level 1 without holes; false if it is none, or if it is not after *out.
bool AppendWhole(const SeriesPiece& piece, int64_t start_ms, int64_t end_ms, MergedSeries* out) {
  const std::vector<int64_t>& t_ms = *piece.t_ms;
  if (piece.order != nullptr || !piece.present.empty() || piece.values.size() != t_ms.size()) {
    return false;
  }
  const auto first = std::lower_bound(t_ms.begin(), t_ms.end(), start_ms);
  const auto last = std::upper_bound(first, t_ms.end(), end_ms);
  if (first != last && !out->t_ms.empty() && *first <= out->t_ms.back()) {
    return false;
  }
  const auto value = piece.values.begin() + (first - t_ms.begin());
  out->t_ms.insert(out->t_ms.end(), first, last);
  out->values.insert(out->values.end(), value, value + (last - first));
  out->origin.resize(out->t_ms.size(), piece.origin);
  return true;
}

struct Sample {
  int64_t t_ms;
  uint64_t order;
  double value;
  uint32_t origin;
};

void SortAndPick(std::span<const SeriesPiece> pieces, int64_t start_ms, int64_t end_ms,
                 MergedSeries* out) {
  std::vector<Sample> samples;
  for (const SeriesPiece& piece : pieces) {
    ForEachSample(piece, start_ms, end_ms, [&](int64_t t, double v, uint64_t order) {
      samples.push_back({t, order, v, piece.origin});
    });
  }
  std::stable_sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) {
    return a.t_ms != b.t_ms ? a.t_ms < b.t_ms : a.order < b.order;
  });
  uint64_t kept_order = 0;
  for (const Sample& sample : samples) {
    if (out->t_ms.empty() || sample.t_ms != out->t_ms.back()) {
      out->t_ms.push_back(sample.t_ms);
      out->values.push_back(sample.value);
      out->origin.push_back(sample.origin);
      kept_order = sample.order;
    } else if (kept_order == 0 && sample.order != 0) {
      const bool equal =
          std::bit_cast<uint64_t>(sample.value) == std::bit_cast<uint64_t>(out->values.back());
      (equal ? out->duplicates : out->conflicts) += 1;
    }
  }
}

}  // namespace

void MergedSeries::Clear() {
  t_ms.clear();
  values.clear();
  origin.clear();
  duplicates = 0;
  conflicts = 0;
}

void MergePieces(std::span<const SeriesPiece> pieces, int64_t start_ms, int64_t end_ms,
                 MergedSeries* out) {
  out->Clear();
  std::vector<const SeriesPiece*> sorted;
  size_t total = 0;
  for (const SeriesPiece& piece : pieces) {
    if (!piece.t_ms->empty()) {
      sorted.push_back(&piece);
      total += piece.values.size();
    }
  }
  std::sort(sorted.begin(), sorted.end(), [](const SeriesPiece* a, const SeriesPiece* b) {
    return a->t_ms->front() < b->t_ms->front();
  });
  out->t_ms.reserve(total);
  out->values.reserve(total);
  out->origin.reserve(total);
  // Nearly always one piece follows the other, and each goes forward.
  bool in_order = true;
  for (const SeriesPiece* piece : sorted) {
    if (AppendWhole(*piece, start_ms, end_ms, out)) {
      continue;
    }
    ForEachSample(*piece, start_ms, end_ms, [&](int64_t t, double v, uint64_t) {
      in_order = in_order && (out->t_ms.empty() || t > out->t_ms.back());
      out->t_ms.push_back(t);
      out->values.push_back(v);
      out->origin.push_back(piece->origin);
    });
  }
  if (!in_order) {
    out->Clear();
    SortAndPick(pieces, start_ms, end_ms, out);
  }
}

}  // namespace ronda::store
