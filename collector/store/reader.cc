#include "collector/store/reader.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "collector/store/label_sets.h"
#include "common/base/status.h"
#include "common/model/sample.h"

namespace ronda::store {
namespace {

absl::Status CheckMatchers(const std::vector<Matcher>& matchers) {
  return matchers.empty() ? Fail(absl::StatusCode::kInvalidArgument,
                                 "selecting series: at least one matcher is needed")
                          : absl::OkStatus();
}

// One moment of recent.db is for so many: while it lasts, the file's -wal grows.
constexpr size_t kNodesAtOnce = 100;

// So many series are read at once that they take some 64 MiB at one sample a second.
size_t SeriesAtOnce(int64_t start_ms, int64_t end_ms) {
  constexpr double kSamples = 4 << 20;
  const double seconds = (static_cast<double>(end_ms) - static_cast<double>(start_ms)) / 1000;
  return static_cast<size_t>(std::clamp(kSamples / std::max(seconds, 1.0), 16.0, 100'000.0));
}

// The frames of a run in the window, and the one before: it says which markers are to be seen.
std::pair<size_t, size_t> TicksWithin(const RunSnapshot& run, const RunColumns& columns,
                                      int64_t start_ms, int64_t end_ms) {
  const auto t_ms = columns.t_ms().first(std::min(columns.frames(), run.frames.size()));
  const auto first = std::lower_bound(t_ms.begin(), t_ms.end(), start_ms);
  const auto last = std::upper_bound(first, t_ms.end(), end_ms);
  const auto begin = first != t_ms.begin() ? first - 1 : first;
  return {static_cast<size_t>(begin - t_ms.begin()), static_cast<size_t>(last - t_ms.begin())};
}

}  // namespace

PairIndex Reader::Index() const {
  MutexLock lock(&state_.mu);
  return state_.catalogue.Index();
}

absl::StatusOr<std::vector<Reader::Node>> Reader::FindNodes(PairMatcher* matcher, int64_t start_ms,
                                                            int64_t end_ms) const {
  std::vector<Node> nodes;
  absl::flat_hash_set<std::string> names;
  const auto add_node = [&](const PairIndex::Pair& pair) {
    const std::string& name = pair->pair.source->row.node_name;
    if (names.insert(name).second) {
      nodes.push_back({name, {}});
    }
  };
  // Ascending by node: the pairs of one come together.
  Index().Find(matcher, start_ms, end_ms,
               [&](const PairIndex::Pair& pair, const SeriesList& series) {
                 add_node(pair);
                 nodes.back().matches.push_back({pair, series});
               });
  for (const std::shared_ptr<SegmentFile>& file : segments_.Overlapping(start_ms, end_ms)) {
    RONDA_ASSIGN_OR_RETURN(const PairIndex in_file, file->Pairs());
    in_file.Find(matcher, start_ms, end_ms,
                 [&](const PairIndex::Pair& pair, const SeriesList&) { add_node(pair); });
  }
  return nodes;
}

absl::Status Reader::AddSegments(std::span<const Node> nodes, PairMatcher* matcher,
                                 int64_t start_ms, int64_t end_ms,
                                 std::vector<Place>* places) const {
  for (const std::shared_ptr<SegmentFile>& file : segments_.Overlapping(start_ms, end_ms)) {
    RONDA_ASSIGN_OR_RETURN(const PairIndex in_file, file->Pairs());
    for (const Node& node : nodes) {
      in_file.FindOfNode(node.name, matcher, start_ms, end_ms,
                         [&](const PairIndex::Pair& pair, const SeriesList& series) {
                           places->push_back({{pair, series}, file, {}, nullptr});
                         });
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

std::shared_ptr<const HeldTick> Reader::HeldOf(const SourceSchema& pair) const {
  MutexLock lock(&state_.mu);
  return state_.held.Find(pair.source->id, pair.schema->id);
}

bool Reader::HeadHas(const SourceSchema& pair, int64_t start_ms, int64_t end_ms) const {
  bool found = false;
  MutexLock lock(&state_.mu);
  state_.head.ForEachRunOf(pair.source->id, [&](const HeadRun& run) {
    found =
        found || (run.schema == pair.schema && run.t_min_ms <= end_ms && run.t_max_ms >= start_ms);
  });
  const std::shared_ptr<const HeldTick> held = state_.held.Find(pair.source->id, pair.schema->id);
  found = found || (held != nullptr && held->t_ms >= start_ms && held->t_ms <= end_ms);
  return found;
}

absl::Status Reader::SelectBy(SelectSome select, const std::vector<Matcher>& matchers,
                              int64_t start_ms, int64_t end_ms,
                              absl::FunctionRef<bool(const SeriesView&)> visit) const {
  RONDA_RETURN_IF_ERROR(CheckMatchers(matchers));
  PairMatcher matcher(matchers);
  RONDA_ASSIGN_OR_RETURN(const std::vector<Node> nodes, FindNodes(&matcher, start_ms, end_ms));
  for (size_t first = 0; first < nodes.size(); first += kNodesAtOnce) {
    const auto some = std::span(nodes).subspan(first, std::min(kNodesAtOnce, nodes.size() - first));
    RONDA_ASSIGN_OR_RETURN(const bool more,
                           (this->*select)(some, &matcher, start_ms, end_ms, visit));
    if (!more) {
      break;
    }
  }
  return absl::OkStatus();
}

absl::Status Reader::Select(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                            absl::FunctionRef<bool(const SeriesView&)> visit) const {
  return SelectBy(&Reader::SelectNodes, matchers, start_ms, end_ms, visit);
}

SeriesGroups Reader::Group(const std::vector<Place>& places) {
  std::vector<const Match*> matches;
  matches.reserve(places.size());
  for (const Place& place : places) {
    matches.push_back(&place.match);
  }
  return SeriesGroups(matches);
}

Labels Reader::LabelsOf(const std::vector<Place>& places, const SeriesPlace& at) {
  const SourceSchema& pair = places[at.place].match.pair->pair;
  return SeriesLabels(*pair.source, *pair.schema, at.series);
}

const MetricInfo& Reader::MetricOf(const std::vector<Place>& places, const SeriesPlace& at) {
  return places[at.place].match.pair->pair.schema->schema->metric_of(at.series);
}

absl::StatusOr<std::vector<Reader::Place>> Reader::PlacesOf(
    std::span<const Node> nodes, PairMatcher* matcher, int64_t start_ms, int64_t end_ms,
    std::unique_ptr<History::Moment>* recent) const {
  std::vector<Place> places;
  for (const Node& node : nodes) {
    for (const Match& match : node.matches) {
      const SourceSchema& pair = match.pair->pair;
      places.push_back({match, nullptr, RunsOf(pair, start_ms, end_ms), HeldOf(pair)});
    }
  }
  RONDA_ASSIGN_OR_RETURN(*recent, history_.Now());
  RONDA_RETURN_IF_ERROR(AddSegments(nodes, matcher, start_ms, end_ms, &places));
  return places;
}

absl::StatusOr<bool> Reader::SelectNodes(std::span<const Node> nodes, PairMatcher* matcher,
                                         int64_t start_ms, int64_t end_ms,
                                         absl::FunctionRef<bool(const SeriesView&)> visit) const {
  std::unique_ptr<History::Moment> recent;
  RONDA_ASSIGN_OR_RETURN(const std::vector<Place> places,
                         PlacesOf(nodes, matcher, start_ms, end_ms, &recent));
  const SeriesGroups groups = Group(places);
  const size_t at_once = SeriesAtOnce(start_ms, end_ms);
  for (size_t next = 0; next < groups.size();) {
    const size_t first = next;
    SeriesBatch wanted(places.size());
    for (; next < groups.size() && wanted.size() < at_once; ++next) {
      wanted.Add(groups[next]);
    }
    wanted.Sort();
    RONDA_RETURN_IF_ERROR(ReadPlaces(places, recent.get(), start_ms, end_ms, &wanted));
    MergedSeries merged;
    for (size_t i = 0; i < wanted.size(); ++i) {
      wanted.Merge(i, start_ms, end_ms, &merged);
      const SeriesPlace& at = groups[first + i].front();
      if (!merged.t_ms.empty() &&
          !visit({LabelsOf(places, at), MetricOf(places, at), merged.t_ms, merged.values})) {
        return false;
      }
    }
  }
  return true;
}

absl::Status Reader::ReadPlaces(const std::vector<Place>& places, History::Moment* recent,
                                int64_t start_ms, int64_t end_ms, SeriesBatch* wanted) const {
  SegmentFile* open = nullptr;
  std::unique_ptr<SegmentFile::Moment> rows;  // of the file `open`
  for (uint32_t i = 0; i < places.size(); ++i) {
    const Place& place = places[i];
    const SourceSchema& pair = place.match.pair->pair;
    const std::span<const uint32_t> series = wanted->series(i);
    if (series.empty()) {
      continue;
    }
    const auto add_run = [&](std::vector<int64_t> t_ms, std::vector<uint64_t> order,
                             std::vector<std::vector<double>> columns) {
      const auto times = std::make_shared<const std::vector<int64_t>>(std::move(t_ms));
      const auto orders = std::make_shared<const std::vector<uint64_t>>(std::move(order));
      for (size_t c = 0; c < columns.size(); ++c) {
        wanted->AddPiece(i, c, {times, orders, std::move(columns[c]), {}, i});
      }
    };
    for (const RunSnapshot& run : place.runs) {
      runs_.Read(run, series, [&](const RunColumns& columns) {
        std::vector<uint64_t> order;
        std::vector<std::vector<double>> values(series.size());
        const auto [first, last] = TicksWithin(run, columns, start_ms, end_ms);
        for (size_t f = first; f < last; ++f) {
          order.push_back(run.frames[f].order);
        }
        for (size_t c = 0; c < series.size(); ++c) {
          if (columns.Has(series[c])) {
            columns.Copy(series[c], first, last, &values[c]);
          }
        }
        const auto t_ms = columns.t_ms().subspan(first, last - first);
        add_run({t_ms.begin(), t_ms.end()}, std::move(order), std::move(values));
      });
    }
    if (place.held != nullptr) {
      std::vector<std::vector<double>> columns;
      for (const uint32_t one : series) {
        const double value = place.held->values[one];
        columns.push_back(IsStale(value) ? std::vector<double>() : std::vector<double>{value});
      }
      // Whatever has been taken of the same time comes first.
      add_run({place.held->t_ms}, {std::numeric_limits<uint64_t>::max()}, std::move(columns));
    }
    if (place.file != nullptr) {
      if (open != place.file.get()) {
        rows = nullptr;
        open = place.file.get();
        RONDA_ASSIGN_OR_RETURN(rows, open->Now());
      }
      RONDA_RETURN_IF_ERROR(rows->Read(pair, start_ms, end_ms, series,
                                       [&](const std::shared_ptr<const std::vector<int64_t>>& t_ms,
                                           size_t index, SegmentColumn column) {
                                         wanted->AddPiece(i, index,
                                                          {t_ms, nullptr, std::move(column.values),
                                                           std::move(column.present), i});
                                       }));
    } else if (recent != nullptr) {
      RONDA_RETURN_IF_ERROR(recent->ReadBlocks(
          pair, start_ms, end_ms, series,
          [&](BlockHeader header, std::vector<std::vector<double>> columns) {
            add_run(std::move(header.t_ms), std::move(header.order), std::move(columns));
          }));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Reader::MayHave(const IndexedPair& pair, int64_t start_ms,
                                     int64_t end_ms) const {
  const int64_t newest_ms = pair.t_max_ms;
  if (newest_ms <= end_ms) {
    return newest_ms >= start_ms;
  }
  if (HeadHas(pair.pair, start_ms, end_ms)) {
    return true;
  }
  const absl::StatusOr<bool> blocks = history_.HasBlocks(pair.pair, start_ms, end_ms);
  if (absl::IsDataLoss(blocks.status())) {
    return false;
  }
  return blocks;
}

absl::Status Reader::FindPairs(const std::vector<Matcher>& matchers, int64_t start_ms,
                               int64_t end_ms, PairIndex::Visit visit) const {
  PairMatcher matcher(matchers);
  absl::Status status;
  Index().Find(&matcher, start_ms, end_ms,
               [&](const PairIndex::Pair& pair, const SeriesList& series) {
                 const absl::StatusOr<bool> has = MayHave(*pair, start_ms, end_ms);
                 status.Update(has.status());
                 if (has.ok() && *has) {
                   visit(pair, series);
                 }
               });
  RONDA_RETURN_IF_ERROR(status);
  for (const std::shared_ptr<SegmentFile>& file : segments_.Overlapping(start_ms, end_ms)) {
    RONDA_ASSIGN_OR_RETURN(const PairIndex in_file, file->Pairs());
    in_file.Find(&matcher, start_ms, end_ms, visit);
  }
  // What has no samples any more is known by its buckets.
  for (const TimeRange& gone : WithoutSamples(start_ms - 1, end_ms)) {
    for (const Segments* const rolled_up : {level_.minute.get(), level_.hour.get()}) {
      for (const auto& file : rolled_up->Overlapping(gone.from_ms + 1, gone.to_ms)) {
        RONDA_ASSIGN_OR_RETURN(const PairIndex in_file, file->Pairs());
        in_file.Find(&matcher, gone.from_ms + 1, gone.to_ms, visit);
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Labels>> Reader::Series(const std::vector<Matcher>& matchers,
                                                   int64_t start_ms, int64_t end_ms) const {
  RONDA_RETURN_IF_ERROR(CheckMatchers(matchers));
  std::vector<Labels> found;
  RONDA_RETURN_IF_ERROR(
      FindPairs(matchers, start_ms, end_ms, [&](const auto& pair, const SeriesList& list) {
        for (const uint32_t series : *list) {
          found.push_back(SeriesLabels(*pair->pair.source, *pair->pair.schema, series));
        }
      }));
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

absl::StatusOr<std::vector<std::string>> Reader::LabelNames(const std::vector<Matcher>& matchers,
                                                            int64_t start_ms,
                                                            int64_t end_ms) const {
  LabelNameSet names;
  RONDA_RETURN_IF_ERROR(FindPairs(
      matchers, start_ms, end_ms,
      [&](const auto& pair, const SeriesList& series) { names.Add(pair->pair, series); }));
  return names.Take();
}

absl::StatusOr<std::vector<std::string>> Reader::LabelValues(std::string_view name,
                                                             const std::vector<Matcher>& matchers,
                                                             int64_t start_ms,
                                                             int64_t end_ms) const {
  LabelValueSet values(name);
  RONDA_RETURN_IF_ERROR(FindPairs(
      matchers, start_ms, end_ms,
      [&](const auto& pair, const SeriesList& series) { values.Add(pair->pair, series); }));
  return values.Take();
}

std::vector<MetricInfo> Reader::Metrics() const {
  MutexLock lock(&state_.mu);
  return state_.catalogue.Metrics();
}

}  // namespace ronda::store
