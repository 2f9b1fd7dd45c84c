// Tested by tests/unit/collector/query/sample_stream_test.cc.
#include "collector/query/sample_stream.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/status.h"

namespace ronda::query {
namespace {

constexpr int64_t kDayMs = 86'400'000;
// A window that is longer than this is first narrowed to where there is data.
constexpr int64_t kLongMs = 60 * kDayMs;

}  // namespace

std::vector<Matcher> ExactMatchers(const Labels& labels) {
  std::vector<Matcher> matchers;
  for (const Label& label : labels.all()) {
    matchers.push_back(Matcher::Equal(label.name, label.value));
  }
  return matchers;
}

absl::StatusOr<std::vector<MetricInfo>> MatchingMetrics(Api& api,
                                                        const std::vector<Matcher>& matchers) {
  RONDA_ASSIGN_OR_RETURN(const std::vector<MetricStatus> known, api.Metrics("", false));
  std::vector<MetricInfo> found;
  for (const MetricStatus& metric : known) {
    const bool fits = std::all_of(matchers.begin(), matchers.end(), [&](const Matcher& m) {
      return m.name() != kMetricName || m.Matches(metric.info.name);
    });
    if (fits) {
      found.push_back(metric.info);
    }
  }
  std::sort(found.begin(), found.end(),
            [](const MetricInfo& a, const MetricInfo& b) { return a.name < b.name; });
  return found;
}

SampleStream::SampleStream(Api& api, std::vector<Matcher> matchers, int64_t start_ms,
                           int64_t end_ms, Options options)
    : api_(api),
      matchers_(std::move(matchers)),
      start_ms_(start_ms),
      end_ms_(end_ms),
      options_(options),
      data_start_ms_(start_ms),
      data_end_ms_(end_ms) {}

absl::StatusOr<const SeriesData*> SampleStream::Next() {
  while (batch_.empty()) {
    if (!pieces_.empty()) {
      Piece piece = std::move(pieces_.front());
      pieces_.pop_front();
      const int64_t width_ms = std::max<int64_t>(options_.batch_samples, 1) * 1000;
      if (!piece.only.empty() && piece.end_ms - piece.start_ms >= width_ms) {
        pieces_.push_front({{}, piece.only, piece.start_ms + width_ms, piece.end_ms});
        piece.end_ms = piece.start_ms + width_ms - 1;
      }
      const absl::Status status = Read(piece);
      if (absl::IsResourceExhausted(status) || absl::IsDeadlineExceeded(status)) {
        batch_.clear();
        RONDA_ASSIGN_OR_RETURN(const bool cut, Cut(piece));
        if (cut) {
          continue;
        }
      }
      RONDA_RETURN_IF_ERROR(status);
      continue;
    }
    if (start_ms_ > end_ms_) {
      return nullptr;
    }
    if (!listed_) {
      RONDA_ASSIGN_OR_RETURN(metrics_, MatchingMetrics(api_, matchers_));
      listed_ = true;
    }
    if (next_metric_ == metrics_.size()) {
      return nullptr;
    }
    RONDA_RETURN_IF_ERROR(PlanNextMetric());
  }
  current_ = std::move(batch_.front());
  batch_.pop_front();
  return &current_;
}

absl::Status SampleStream::PlanNextMetric() {
  std::vector<Matcher> matchers = matchers_;
  matchers.push_back(Matcher::Equal(std::string(kMetricName), metrics_[next_metric_].name));
  ++next_metric_;
  RONDA_ASSIGN_OR_RETURN(const std::vector<Labels> series,
                         api_.Series(matchers, start_ms_, end_ms_));
  if (series.empty()) {
    return absl::OkStatus();
  }
  RONDA_RETURN_IF_ERROR(FindRange(matchers));
  const int64_t seconds = (data_end_ms_ - data_start_ms_) / 1000 + 1;
  if (static_cast<int64_t>(series.size()) <= options_.batch_samples / seconds) {
    pieces_.push_back({std::move(matchers), Labels(), data_start_ms_, data_end_ms_});
  } else {
    PlanSeries(series);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> SampleStream::HasSeries(const std::vector<Matcher>& matchers, int64_t start_ms,
                                             int64_t end_ms) {
  if (start_ms > end_ms) {
    return false;
  }
  RONDA_ASSIGN_OR_RETURN(const std::vector<Labels> series, api_.Series(matchers, start_ms, end_ms));
  return !series.empty();
}

absl::Status SampleStream::FindRange(const std::vector<Matcher>& matchers) {
  if (end_ms_ - start_ms_ < kLongMs) {
    return absl::OkStatus();
  }
  if (range_found_) {
    // Most metrics begin and end with the others.
    RONDA_ASSIGN_OR_RETURN(const bool before, HasSeries(matchers, start_ms_, data_start_ms_ - 1));
    RONDA_ASSIGN_OR_RETURN(const bool after, HasSeries(matchers, data_end_ms_ + 1, end_ms_));
    if (!before && !after) {
      return absl::OkStatus();
    }
  }
  // The first day d for which [start, d] has data, and the last for which [d, end] has.
  int64_t low = 0;
  int64_t high = (end_ms_ - start_ms_) / kDayMs;
  while (low < high) {
    const int64_t day = (low + high) / 2;
    const int64_t until_ms = std::min(start_ms_ + (day + 1) * kDayMs - 1, end_ms_);
    RONDA_ASSIGN_OR_RETURN(const bool found, HasSeries(matchers, start_ms_, until_ms));
    (found ? high : low) = found ? day : day + 1;
  }
  data_start_ms_ = start_ms_ + low * kDayMs;
  high = (end_ms_ - start_ms_) / kDayMs;
  while (low < high) {
    const int64_t day = (low + high + 1) / 2;
    RONDA_ASSIGN_OR_RETURN(const bool found,
                           HasSeries(matchers, start_ms_ + day * kDayMs, end_ms_));
    (found ? low : high) = found ? day : day - 1;
  }
  data_end_ms_ = std::min(start_ms_ + (low + 1) * kDayMs - 1, end_ms_);
  range_found_ = true;
  return absl::OkStatus();
}

void SampleStream::PlanSeries(const std::vector<Labels>& series) {
  for (const Labels& labels : series) {
    pieces_.push_back({{}, labels, data_start_ms_, data_end_ms_});
  }
}

absl::Status SampleStream::Read(const Piece& piece) {
  SelectSpec spec;
  spec.matchers = piece.only.empty() ? piece.matchers : ExactMatchers(piece.only);
  spec.start_ms = piece.start_ms - 1;  // which is left out
  spec.end_ms = piece.end_ms;
  return api_.Select(spec, [&](SeriesData series) {
    // A series with more labels fits the same matchers.
    if (piece.only.empty() || series.labels == piece.only) {
      batch_.push_back(std::move(series));
    }
    return true;
  });
}

absl::StatusOr<bool> SampleStream::Cut(const Piece& piece) {
  std::deque<Piece> rest = std::exchange(pieces_, {});
  bool cut = true;
  if (piece.only.empty()) {
    RONDA_ASSIGN_OR_RETURN(const std::vector<Labels> series,
                           api_.Series(piece.matchers, piece.start_ms, piece.end_ms));
    PlanSeries(series);
  } else if (piece.end_ms > piece.start_ms) {
    const int64_t middle = piece.start_ms + (piece.end_ms - piece.start_ms) / 2;
    pieces_.push_back({{}, piece.only, piece.start_ms, middle});
    pieces_.push_back({{}, piece.only, middle + 1, piece.end_ms});
  } else {
    cut = false;
  }
  pieces_.insert(pieces_.end(), std::make_move_iterator(rest.begin()),
                 std::make_move_iterator(rest.end()));
  return cut;
}

}  // namespace ronda::query
