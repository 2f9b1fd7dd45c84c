// The reader's part for roll-ups.
#include <algorithm>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "collector/store/reader.h"
#include "collector/store/rollup.h"
#include "collector/store/segment_span.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

constexpr size_t kNodesAtOnce = 100;
// Buckets that are held at once: some 50 MiB of them.
constexpr int64_t kBucketsAtOnce = 500'000;

int64_t RoundDown(int64_t t_ms, int64_t unit_ms) {
  const int64_t rest = t_ms % unit_ms;
  return t_ms - rest - (rest < 0 ? unit_ms : 0);
}
int64_t RoundUp(int64_t t_ms, int64_t unit_ms) { return -RoundDown(-t_ms, unit_ms); }

// Times far outside of what can be, so that arithmetic on them is safe.
constexpr int64_t kFarMs = int64_t{1} << 50;

TimeRange Clamped(int64_t from_ms, int64_t to_ms) {
  return {std::clamp(from_ms, -kFarMs, kFarMs), std::clamp(to_ms, -kFarMs, kFarMs)};
}

}  // namespace

const Segments& Reader::SegmentsOf(Resolution resolution) const {
  return resolution == Resolution::kMinute ? *level_.minute : *level_.hour;
}

std::vector<TimeRange> Reader::WithoutSamples(int64_t start_ms, int64_t end_ms) const {
  std::vector<TimeRange> gone;
  auto [from_ms, to_ms] = Clamped(start_ms, end_ms);
  for (const std::shared_ptr<SegmentFile>& file : segments_.All()) {
    const SegmentSpan& span = file->span();
    if (span.end_ms() <= from_ms || span.start_ms() >= to_ms) {
      continue;
    }
    if (span.start_ms() > from_ms) {
      gone.push_back({from_ms, span.start_ms()});
    }
    from_ms = span.end_ms();
  }
  if (from_ms < to_ms) {
    gone.push_back({from_ms, to_ms});
  }
  return gone;
}

absl::StatusOr<TimeRange> Reader::BucketsCover(const std::vector<Matcher>& matchers,
                                               Resolution resolution, int64_t start_ms,
                                               int64_t end_ms) const {
  TimeRange range = Clamped(start_ms, end_ms);
  const int64_t unit_ms = ResolutionMs(resolution);
  // Samples that level 1 does not have. First the head, then recent.db: data moves that way.
  PairMatcher matcher(matchers);
  std::vector<PairIndex::Pair> pairs;
  Index().Find(&matcher, range.from_ms + 1, range.to_ms,
               [&](const PairIndex::Pair& pair, const SeriesList&) { pairs.push_back(pair); });
  const auto end_before = [&](int64_t first_ms, int64_t last_ms) {
    if (last_ms > range.from_ms && first_ms <= range.to_ms) {
      range.to_ms = std::max(range.from_ms, first_ms - 1);
    }
  };
  std::set<int64_t> sources;
  {
    MutexLock lock(&state_.mu);
    for (const PairIndex::Pair& pair : pairs) {
      sources.insert(pair->pair.source->id);
      state_.head.ForEachRunOf(pair->pair.source->id, [&](const HeadRun& run) {
        if (run.schema == pair->pair.schema) {
          end_before(run.t_min_ms, run.t_max_ms);
        }
      });
    }
  }
  RONDA_ASSIGN_OR_RETURN(const std::unique_ptr<History::Moment> recent, history_.Now());
  for (const int64_t source : sources) {
    if (recent == nullptr || range.to_ms <= range.from_ms) {
      break;
    }
    RONDA_ASSIGN_OR_RETURN(const std::vector<History::Uncompacted> blocks,
                           recent->BlocksToCompact(source, range.to_ms));
    for (const History::Uncompacted& block : blocks) {
      const int64_t through_ms =
          block.block.through_ms.value_or(std::numeric_limits<int64_t>::min());
      end_before(
          std::max(block.block.row.t_min_ms, through_ms == INT64_MAX ? through_ms : through_ms + 1),
          block.block.row.t_max_ms);
    }
  }
  // Samples that stay for longer than their roll-ups.
  const std::vector<std::shared_ptr<SegmentFile>> rolled_up = SegmentsOf(resolution).All();
  for (const std::shared_ptr<SegmentFile>& file : segments_.All()) {
    const SegmentSpan& span = file->span();
    const bool has_buckets = std::any_of(rolled_up.begin(), rolled_up.end(), [&](const auto& of) {
      return of->span().start_ms() <= span.start_ms() && of->span().end_ms() >= span.end_ms();
    });
    if (!has_buckets && span.end_ms() > range.from_ms && span.start_ms() < range.to_ms) {
      range.from_ms = std::min(span.end_ms(), range.to_ms);
    }
  }
  range = {RoundUp(range.from_ms, unit_ms), RoundDown(range.to_ms, unit_ms)};
  range.to_ms = std::max(range.from_ms, range.to_ms);
  return range;
}

absl::Status Reader::SelectBuckets(const std::vector<Matcher>& matchers, Resolution resolution,
                                   int64_t start_ms, int64_t end_ms,
                                   absl::FunctionRef<bool(const BucketsView&)> visit) const {
  if (matchers.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "selecting buckets: at least one matcher is needed");
  }
  const TimeRange range = Clamped(start_ms, end_ms);
  PairMatcher matcher(matchers);
  std::set<std::string> names;
  for (const auto& file : SegmentsOf(resolution).Overlapping(range.from_ms, range.to_ms)) {
    RONDA_ASSIGN_OR_RETURN(const PairIndex in_file, file->Pairs());
    in_file.Find(&matcher, range.from_ms, range.to_ms,
                 [&](const PairIndex::Pair& pair, const SeriesList&) {
                   names.insert(pair->pair.source->row.node_name);
                 });
  }
  const std::vector<std::string> nodes(names.begin(), names.end());
  for (size_t first = 0; first < nodes.size(); first += kNodesAtOnce) {
    const auto some = std::span(nodes).subspan(first, std::min(kNodesAtOnce, nodes.size() - first));
    RONDA_ASSIGN_OR_RETURN(const bool more, SelectBucketsOf(some, &matcher, resolution,
                                                            range.from_ms, range.to_ms, visit));
    if (!more) {
      break;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Reader::SelectBucketsOf(
    std::span<const std::string> nodes, PairMatcher* matcher, Resolution resolution,
    int64_t start_ms, int64_t end_ms, absl::FunctionRef<bool(const BucketsView&)> visit) const {
  std::vector<Place> places;
  for (const auto& file : SegmentsOf(resolution).Overlapping(start_ms, end_ms)) {
    RONDA_ASSIGN_OR_RETURN(const PairIndex in_file, file->Pairs());
    for (const std::string& node : nodes) {
      in_file.FindOfNode(node, matcher, start_ms, end_ms,
                         [&](const PairIndex::Pair& pair, const SeriesList& series) {
                           places.push_back({{pair, series}, file, {}, nullptr});
                         });
    }
  }
  const SeriesGroups groups = Group(places);
  const int64_t each = std::max<int64_t>(
      1, std::min(end_ms - start_ms, int64_t{400} * 86'400'000) / ResolutionMs(resolution));
  const auto at_once = static_cast<size_t>(std::clamp<int64_t>(kBucketsAtOnce / each, 1, 10'000));
  for (size_t next = 0; next < groups.size();) {
    const size_t begin = next;
    std::vector<std::vector<std::pair<uint32_t, size_t>>> wanted(places.size());
    size_t count = 0;
    for (; next < groups.size() && count < at_once; ++next, ++count) {
      for (const SeriesPlace& at : groups[next]) {
        wanted[at.place].push_back({at.series, count});
      }
    }
    std::vector<std::vector<Bucket>> found(count);
    for (size_t i = 0; i < places.size(); ++i) {
      std::sort(wanted[i].begin(), wanted[i].end());
      std::vector<uint32_t> series;
      for (const auto& [of_schema, of_batch] : wanted[i]) {
        series.push_back(of_schema);
      }
      if (series.empty()) {
        continue;
      }
      RONDA_RETURN_IF_ERROR(places[i].file->ReadRollups(
          places[i].match.pair->pair, start_ms, end_ms, series,
          [&](size_t index, const std::vector<Bucket>& buckets) {
            for (const Bucket& bucket : buckets) {
              if (bucket.end_ms >= start_ms && bucket.end_ms <= end_ms) {
                found[wanted[i][index].second].push_back(bucket);
              }
            }
          }));
    }
    for (size_t i = 0; i < count; ++i) {
      const SeriesPlace& at = groups[begin + i].front();
      const MetricInfo& metric = MetricOf(places, at);
      MergeBuckets(metric.type == MetricType::kCounter, &found[i]);
      if (!found[i].empty() && !visit({LabelsOf(places, at), metric, found[i]})) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace ronda::store
