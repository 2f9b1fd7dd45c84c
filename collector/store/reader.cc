#include "collector/store/reader.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "collector/store/run_decode.h"
#include "collector/store/series_merger.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

absl::Status CheckMatchers(const std::vector<Matcher>& matchers) {
  return matchers.empty() ? Fail(absl::StatusCode::kInvalidArgument,
                                 "selecting series: at least one matcher is needed")
                          : absl::OkStatus();
}

}  // namespace

std::vector<Reader::Match> Reader::FindMatches(const std::vector<Matcher>& matchers) const {
  std::vector<SourceSchema> pairs;
  {
    MutexLock lock(&state_.mu);
    pairs = state_.catalogue.pairs();
  }
  std::vector<Match> matches;
  for (SourceSchema& pair : pairs) {
    std::vector<uint32_t> series = MatchSeries(pair, matchers);
    if (!series.empty()) {
      matches.push_back({std::move(pair), std::move(series)});
    }
  }
  std::stable_sort(matches.begin(), matches.end(), [](const Match& a, const Match& b) {
    return a.pair.source->row.node < b.pair.source->row.node;
  });
  return matches;
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
  const std::vector<Match> matches = FindMatches(matchers);
  for (auto it = matches.begin(); it != matches.end();) {
    const NodeId node = it->pair.source->row.node;
    SeriesMerger merger(start_ms, end_ms);
    for (; it != matches.end() && it->pair.source->row.node == node; ++it) {
      const SourceSchema& pair = it->pair;
      const auto add = [&](std::shared_ptr<const RunTicks> ticks,
                           std::vector<std::vector<double>> columns) {
        for (size_t i = 0; i < columns.size(); ++i) {
          const uint32_t series = it->series[i];
          merger.Add(SeriesLabels(*pair.source, *pair.schema, series),
                     pair.schema->schema->metric_of(series), ticks, std::move(columns[i]));
        }
      };
      for (const RunSnapshot& run : RunsOf(pair, start_ms, end_ms)) {
        DecodedSamples decoded = DecodeSamples(run.frames, it->series);
        auto ticks = std::make_shared<RunTicks>();
        ticks->t_ms = std::move(decoded.t_ms);
        for (size_t i = 0; i < decoded.frames; ++i) {
          ticks->order.push_back(run.frames[i].order);
        }
        add(std::move(ticks), std::move(decoded.columns));
      }
      RONDA_RETURN_IF_ERROR(
          history_.ReadBlocks(pair, start_ms, end_ms, it->series,
                              [&](BlockHeader header, std::vector<std::vector<double>> columns) {
                                add(std::make_shared<RunTicks>(
                                        RunTicks{std::move(header.t_ms), std::move(header.order)}),
                                    std::move(columns));
                              }));
    }
    if (!merger.Visit(visit)) {
      break;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Labels>> Reader::Series(const std::vector<Matcher>& matchers,
                                                   int64_t start_ms, int64_t end_ms) const {
  RONDA_RETURN_IF_ERROR(CheckMatchers(matchers));
  std::set<Labels> found;
  for (const Match& match : FindMatches(matchers)) {
    bool has = HeadHas(match.pair, start_ms, end_ms);
    if (!has) {
      const absl::StatusOr<bool> blocks = history_.HasBlocks(match.pair, start_ms, end_ms);
      if (!blocks.ok() && !absl::IsDataLoss(blocks.status())) {
        return blocks.status();
      }
      has = blocks.ok() && *blocks;
    }
    for (size_t i = 0; has && i < match.series.size(); ++i) {
      found.insert(SeriesLabels(*match.pair.source, *match.pair.schema, match.series[i]));
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
