#include "collector/store/conflicts.h"

#include <bit>
#include <cstdint>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "collector/store/run_decode.h"

namespace ronda::store {
namespace {

// (mine, theirs): indices of the series that both schemas have.
std::vector<std::pair<uint32_t, uint32_t>> Shared(const SchemaEntry& mine,
                                                  const SchemaEntry& theirs) {
  std::vector<std::pair<uint32_t, uint32_t>> out;
  absl::flat_hash_map<std::pair<std::string_view, Labels>, uint32_t> index;
  for (uint32_t i = 0; i < theirs.schema->series.size(); ++i) {
    index[{theirs.schema->metric_of(i).name, theirs.schema->series[i].labels}] = i;
  }
  for (uint32_t i = 0; i < mine.schema->series.size(); ++i) {
    const auto it = index.find({mine.schema->metric_of(i).name, mine.schema->series[i].labels});
    if (it != index.end()) {
      out.emplace_back(i, it->second);
    }
  }
  return out;
}

void Compare(const SealedRun& sealed, const SchemaEntry& schema, std::span<const int64_t> t_ms,
             const std::vector<std::vector<double>>& columns, Conflicts* out) {
  std::map<int64_t, size_t> ticks;
  for (size_t i = 0; i < t_ms.size(); ++i) {
    ticks[t_ms[i]] = i;
  }
  std::vector<std::pair<size_t, size_t>> common;
  for (size_t i = 0; i < sealed.t_ms.size(); ++i) {
    const auto it = ticks.find(sealed.t_ms[i]);
    if (it != ticks.end()) {
      common.emplace_back(i, it->second);
    }
  }
  if (common.empty()) {
    return;
  }
  for (const auto& [mine, theirs] : Shared(*sealed.run.schema, schema)) {
    for (const auto& [i, j] : common) {
      const std::vector<double>& a = sealed.columns[mine];
      const std::vector<double>& b = columns[theirs];
      if (!IsVisible(a, i) || !IsVisible(b, j)) {
        continue;
      }
      const bool equal = std::bit_cast<uint64_t>(a[i]) == std::bit_cast<uint64_t>(b[j]);
      out->duplicates += equal ? 1 : 0;
      out->conflicts += equal ? 0 : 1;
    }
  }
}

}  // namespace

Conflicts FindConflicts(const History& history, const std::vector<SourceSchema>& pairs_of_source,
                        const SealedRun& sealed, std::span<const SealedRun> before) {
  Conflicts out;
  for (const SealedRun& other : before) {
    if (other.run.schema != nullptr && other.run.source == sealed.run.source &&
        other.t_min_ms <= sealed.t_max_ms && other.t_max_ms >= sealed.t_min_ms) {
      Compare(sealed, *other.run.schema, other.t_ms, other.columns, &out);
    }
  }
  for (const SourceSchema& pair : pairs_of_source) {
    std::vector<uint32_t> all(pair.schema->schema->series.size());
    for (uint32_t i = 0; i < all.size(); ++i) {
      all[i] = i;
    }
    const absl::StatusOr<bool> overlaps = history.HasBlocks(pair, sealed.t_min_ms, sealed.t_max_ms);
    if (!overlaps.ok() || !*overlaps) {
      continue;
    }
    // Counting is not worth failing a seal for: what cannot be read is not compared.
    (void)history.ReadBlocks(pair, sealed.t_min_ms, sealed.t_max_ms, all,
                             [&](BlockHeader header, std::vector<std::vector<double>> columns) {
                               const bool itself = header.key.epoch == sealed.run.key.epoch.id &&
                                                   header.key.first_seq == sealed.run.key.first_seq;
                               if (!itself) {
                                 Compare(sealed, *pair.schema, header.t_ms, columns, &out);
                               }
                             });
  }
  return out;
}

}  // namespace ronda::store
