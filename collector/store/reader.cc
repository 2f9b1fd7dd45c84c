#include "collector/store/reader.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "collector/store/run_decode.h"
#include "collector/store/series_batch.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

absl::Status CheckMatchers(const std::vector<Matcher>& matchers) {
  return matchers.empty() ? Fail(absl::StatusCode::kInvalidArgument,
                                 "selecting series: at least one matcher is needed")
                          : absl::OkStatus();
}

// So many series of a node are read at once that they take some 64 MiB at one sample a second.
size_t SeriesAtOnce(int64_t start_ms, int64_t end_ms) {
  constexpr double kSamples = 4 << 20;
  const double seconds = (static_cast<double>(end_ms) - static_cast<double>(start_ms)) / 1000;
  return static_cast<size_t>(std::clamp(kSamples / std::max(seconds, 1.0), 16.0, 100'000.0));
}

}  // namespace

absl::StatusOr<Reader::Nodes> Reader::FindNodes(const std::vector<Matcher>& matchers,
                                                int64_t start_ms, int64_t end_ms) const {
  std::vector<SourceSchema> pairs;
  {
    MutexLock lock(&state_.mu);
    pairs = state_.catalogue.pairs();
  }
  Nodes nodes;
  for (SourceSchema& pair : pairs) {
    std::vector<uint32_t> series = MatchSeries(pair, matchers);
    if (!series.empty()) {
      std::vector<Place>& places = nodes[pair.source->row.node_name];
      places.push_back({std::move(pair), std::move(series), nullptr, {}});
    }
  }
  // Nodes whose data is all in history files.
  for (const std::shared_ptr<SegmentFile>& file : segments_.Overlapping(start_ms, end_ms)) {
    RONDA_ASSIGN_OR_RETURN(const auto in_file, file->Pairs());
    for (const auto& pair : in_file) {
      const std::string& node = pair->pair.source->row.node_name;
      if (!nodes.contains(node) && !MatchSeries(pair->pair, matchers).empty()) {
        nodes[node];
      }
    }
  }
  return nodes;
}

absl::Status Reader::AddSegments(std::string_view node, const std::vector<Matcher>& matchers,
                                 int64_t start_ms, int64_t end_ms,
                                 std::vector<Place>* places) const {
  for (const std::shared_ptr<SegmentFile>& file : segments_.Overlapping(start_ms, end_ms)) {
    RONDA_ASSIGN_OR_RETURN(const auto pairs, file->Pairs());
    auto it = std::partition_point(pairs.begin(), pairs.end(), [&](const auto& pair) {
      return pair->pair.source->row.node_name < node;
    });
    for (; it != pairs.end() && (*it)->pair.source->row.node_name == node; ++it) {
      if ((*it)->t_min_ms > end_ms || (*it)->t_max_ms < start_ms) {
        continue;
      }
      std::vector<uint32_t> series = MatchSeries((*it)->pair, matchers);
      if (!series.empty()) {
        places->push_back({(*it)->pair, std::move(series), file, {}});
      }
    }
  }
  return absl::OkStatus();
}

std::vector<RunSnapshot> Reader::RunsOf(const SourceSchema& pair, int64_t start_ms,
                                        int64_t end_ms) const {
  std::vector<RunSnapshot> runs;
  MutexLock lock(&state_.mu);
  state_.head.ForEachRunOf(pair.source->id, [&](const HeadRun& run) {
    if (run.schema == pair.schema && run.t_min_ms <= end_ms && run.t_max_ms >= start_ms) {
      runs.push_back(Snapshot(run));
    }
  });
  return runs;
}

bool Reader::HeadHas(const SourceSchema& pair, int64_t start_ms, int64_t end_ms) const {
  bool found = false;
  MutexLock lock(&state_.mu);
  state_.head.ForEachRunOf(pair.source->id, [&](const HeadRun& run) {
    found =
        found || (run.schema == pair.schema && run.t_min_ms <= end_ms && run.t_max_ms >= start_ms);
  });
  return found;
}

absl::Status Reader::Select(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                            absl::FunctionRef<bool(const SeriesView&)> visit) const {
  RONDA_RETURN_IF_ERROR(CheckMatchers(matchers));
  RONDA_ASSIGN_OR_RETURN(Nodes nodes, FindNodes(matchers, start_ms, end_ms));
  for (auto& [node, places] : nodes) {
    RONDA_ASSIGN_OR_RETURN(const bool more,
                           SelectNode(node, std::move(places), matchers, start_ms, end_ms, visit));
    if (!more) {
      break;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Reader::SelectNode(std::string_view node, std::vector<Place> places,
                                        const std::vector<Matcher>& matchers, int64_t start_ms,
                                        int64_t end_ms,
                                        absl::FunctionRef<bool(const SeriesView&)> visit) const {
  for (Place& place : places) {
    place.runs = RunsOf(place.pair, start_ms, end_ms);
  }
  RONDA_ASSIGN_OR_RETURN(const std::unique_ptr<History::Moment> now, history_.Now());
  RONDA_RETURN_IF_ERROR(AddSegments(node, matchers, start_ms, end_ms, &places));

  std::map<Labels, std::vector<SeriesPlace>> by_labels;
  for (uint32_t i = 0; i < places.size(); ++i) {
    const Place& place = places[i];
    for (const uint32_t series : place.series) {
      by_labels[SeriesLabels(*place.pair.source, *place.pair.schema, series)].push_back(
          {i, series});
    }
  }
  const size_t batch = SeriesAtOnce(start_ms, end_ms);
  for (auto it = by_labels.begin(); it != by_labels.end();) {
    const auto first = it;
    SeriesBatch wanted(places.size());
    for (; it != by_labels.end() && wanted.size() < batch; ++it) {
      wanted.Add(it->second);
    }
    wanted.Sort();
    for (uint32_t i = 0; i < places.size(); ++i) {
      const Place& place = places[i];
      if (wanted.series(i).empty()) {
        continue;
      }
      const auto add_run = [&](std::vector<int64_t> t_ms, std::vector<uint64_t> order,
                               std::vector<std::vector<double>> columns) {
        const auto times = std::make_shared<const std::vector<int64_t>>(std::move(t_ms));
        const auto orders = std::make_shared<const std::vector<uint64_t>>(std::move(order));
        for (size_t c = 0; c < columns.size(); ++c) {
          wanted.AddPiece(i, c, {times, orders, std::move(columns[c]), {}, i});
        }
      };
      for (const RunSnapshot& run : place.runs) {
        DecodedSamples decoded = DecodeSamples(run.frames, wanted.series(i));
        std::vector<uint64_t> order;
        for (size_t f = 0; f < decoded.frames; ++f) {
          order.push_back(run.frames[f].order);
        }
        add_run(std::move(decoded.t_ms), std::move(order), std::move(decoded.columns));
      }
      if (place.file != nullptr) {
        RONDA_RETURN_IF_ERROR(place.file->Read(
            place.pair, start_ms, end_ms, wanted.series(i),
            [&](const std::shared_ptr<const std::vector<int64_t>>& t_ms, size_t index,
                SegmentColumn column) {
              wanted.AddPiece(
                  i, index,
                  {t_ms, nullptr, std::move(column.values), std::move(column.present), i});
            }));
      } else if (now != nullptr) {
        RONDA_RETURN_IF_ERROR(now->ReadBlocks(
            place.pair, start_ms, end_ms, wanted.series(i),
            [&](BlockHeader header, std::vector<std::vector<double>> columns) {
              add_run(std::move(header.t_ms), std::move(header.order), std::move(columns));
            }));
      }
    }
    MergedSeries merged;
    auto one = first;
    for (size_t i = 0; i < wanted.size(); ++i, ++one) {
      wanted.Merge(i, start_ms, end_ms, &merged);
      const SeriesPlace& at = one->second.front();
      const MetricInfo& metric = places[at.place].pair.schema->schema->metric_of(at.series);
      if (!merged.t_ms.empty() && !visit({one->first, metric, merged.t_ms, merged.values})) {
        return false;
      }
    }
  }
  return true;
}

absl::StatusOr<std::vector<Labels>> Reader::Series(const std::vector<Matcher>& matchers,
                                                   int64_t start_ms, int64_t end_ms) const {
  RONDA_RETURN_IF_ERROR(CheckMatchers(matchers));
  RONDA_ASSIGN_OR_RETURN(Nodes nodes, FindNodes(matchers, start_ms, end_ms));
  std::set<Labels> found;
  for (auto& [node, places] : nodes) {
    for (Place& place : places) {
      bool has = HeadHas(place.pair, start_ms, end_ms);
      if (!has) {
        const absl::StatusOr<bool> blocks = history_.HasBlocks(place.pair, start_ms, end_ms);
        if (!blocks.ok() && !absl::IsDataLoss(blocks.status())) {
          return blocks.status();
        }
        has = blocks.ok() && *blocks;
      }
      if (!has) {
        place.series.clear();
      }
    }
    RONDA_RETURN_IF_ERROR(AddSegments(node, matchers, start_ms, end_ms, &places));
    for (const Place& place : places) {
      for (const uint32_t series : place.series) {
        found.insert(SeriesLabels(*place.pair.source, *place.pair.schema, series));
      }
    }
  }
  return std::vector<Labels>(found.begin(), found.end());
}

std::vector<MetricInfo> Reader::Metrics() const {
  MutexLock lock(&state_.mu);
  return state_.catalogue.Metrics();
}

absl::Status Reader::ScanRecords(
    std::string_view kind, std::string_view node, int64_t start_ms, int64_t end_ms,
    absl::FunctionRef<bool(std::string_view node, const Record& record)> visit) const {
  struct Found {
    std::string node;
    uint64_t order;
    Record record;
  };
  std::vector<Found> found;
  std::set<uint64_t> seen;  // orders of the frames taken from the head
  std::vector<RunSnapshot> runs;
  NodeId node_id = 0;
  absl::flat_hash_map<NodeId, std::string> names;
  {
    MutexLock lock(&state_.mu);
    if (!node.empty()) {
      const Catalogue::Node* known = state_.catalogue.FindNode(node);
      if (known == nullptr) {
        return absl::OkStatus();
      }
      node_id = known->id;
    }
    names = state_.catalogue.NodeNames();
    state_.head.ForEachRun([&](const EpochState& epoch, const HeadRun& run) {
      if (run.schema == nullptr && (node_id == 0 || epoch.node == node_id)) {
        runs.push_back(Snapshot(run));
      }
    });
  }
  const auto take = [&](NodeId of, std::span<const HeadFrame> frames, bool from_head) {
    RecordKind found_kind;
    DecodeRecords(frames, &found_kind, [&](size_t n, const Record& record) {
      const uint64_t order = frames[n].order;
      if (found_kind.name == kind && record.t_ms >= start_ms && record.t_ms <= end_ms &&
          (from_head || !seen.contains(order))) {
        found.push_back({names[of], order, record});
      }
    });
    for (size_t i = 0; from_head && i < frames.size(); ++i) {
      seen.insert(frames[i].order);
    }
  };
  for (const RunSnapshot& run : runs) {
    take(run.key.node, run.frames, true);
  }
  RONDA_RETURN_IF_ERROR(
      history_.ReadRecords(kind, node_id, start_ms, end_ms,
                           [&](NodeId of, const RunKey&, std::span<const HeadFrame> frames) {
                             take(of, frames, false);
                           }));
  std::stable_sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    return a.record.t_ms != b.record.t_ms ? a.record.t_ms < b.record.t_ms : a.order < b.order;
  });
  for (const Found& row : found) {
    if (!visit(row.node, row.record)) {
      break;
    }
  }
  return absl::OkStatus();
}

}  // namespace ronda::store
