#include "collector/store/series_groups.h"

#include <algorithm>
#include <string_view>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "collector/store/source_schema.h"

namespace ronda::store {
namespace {

using Target = std::tuple<std::string_view, std::string_view, std::string_view>;

Target TargetOf(const SourceEntry& source) {
  return {source.row.node_name, source.row.group.job, source.target.Get("instance")};
}

}  // namespace

SeriesGroups::SeriesGroups(std::span<const Match* const> places) {
  absl::flat_hash_map<Target, size_t> known;
  std::vector<std::vector<uint32_t>> families;
  for (uint32_t i = 0; i < places.size(); ++i) {
    const auto [it, is_new] =
        known.emplace(TargetOf(*places[i]->pair->pair.source), families.size());
    if (is_new) {
      families.emplace_back();
    }
    families[it->second].push_back(i);
  }
  for (const std::vector<uint32_t>& family : families) {
    const Match& first = *places[family.front()];
    const SourceSchema& pair = first.pair->pair;
    const bool alike = std::all_of(family.begin(), family.end(), [&](uint32_t i) {
      const SourceSchema& other = places[i]->pair->pair;
      return other.schema->hash == pair.schema->hash &&
             other.source->target == pair.source->target && *places[i]->series == *first.series;
    });
    if (alike) {
      AddAlike(family, *first.series);
    } else {
      AddByLabels(family, places);
    }
  }
}

void SeriesGroups::AddAlike(std::span<const uint32_t> family, const std::vector<uint32_t>& series) {
  for (const uint32_t one : series) {
    for (const uint32_t place : family) {
      places_.push_back({place, one});
    }
    ends_.push_back(places_.size());
  }
}

void SeriesGroups::AddByLabels(std::span<const uint32_t> family,
                               std::span<const Match* const> places) {
  absl::flat_hash_map<Labels, size_t> known;
  std::vector<std::vector<SeriesPlace>> found;
  for (const uint32_t place : family) {
    const SourceSchema& pair = places[place]->pair->pair;
    for (const uint32_t one : *places[place]->series) {
      const auto [it, is_new] =
          known.emplace(SeriesLabels(*pair.source, *pair.schema, one), found.size());
      if (is_new) {
        found.emplace_back();
      }
      found[it->second].push_back({place, one});
    }
  }
  for (const std::vector<SeriesPlace>& of_one : found) {
    places_.insert(places_.end(), of_one.begin(), of_one.end());
    ends_.push_back(places_.size());
  }
}

}  // namespace ronda::store
