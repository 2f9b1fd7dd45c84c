// Tested by tests/unit/collector/transfer/exporter_test.cc.
#include "collector/transfer/exporter.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

#include "collector/query/sample_stream.h"
#include "common/base/status.h"
#include "common/model/labels.h"
#include "common/model/sample.h"

namespace ronda::transfer {
namespace {

constexpr size_t kPieceBytes = 256 << 10;

class Exporter {
 public:
  Exporter(const ExportOptions& options, absl::FunctionRef<absl::Status(std::string_view)> write,
           absl::FunctionRef<bool(const ExportCount&)> progress)
      : options_(options), write_(write), progress_(progress) {
    if (options.format == Format::kCsv) {
      text_ = std::string(kCsvHeader) + "\n";
    }
  }

  // What the selectors before number `selector` had is left out.
  absl::Status Run(query::Api& api, const std::vector<Matcher>& matchers, size_t selector) {
    query::SampleStream stream(api, matchers, options_.start_ms, options_.end_ms);
    for (;;) {
      RONDA_ASSIGN_OR_RETURN(const query::SeriesData* part, stream.Next());
      count_.metrics_done = stream.metrics_done();
      count_.metrics = stream.metrics();
      if (part == nullptr) {
        return absl::OkStatus();
      }
      const bool written = std::any_of(
          options_.selectors.begin(),
          options_.selectors.begin() + static_cast<std::ptrdiff_t>(selector),
          [&](const std::vector<Matcher>& earlier) { return MatchesAll(part->labels, earlier); });
      if (!written) {
        RONDA_RETURN_IF_ERROR(Add(*part));
      }
    }
  }

  absl::StatusOr<ExportCount> Finish() {
    RONDA_RETURN_IF_ERROR(write_(text_));
    return count_;
  }

 private:
  absl::Status Add(const query::SeriesData& part) {
    if (part.labels != labels_) {
      labels_ = part.labels;
      series_ = SeriesText(options_.format, labels_);
      has_sample_ = false;
      after_sample_ = false;
    }
    for (size_t i = 0; i < part.t_ms.size(); ++i) {
      const bool stale = IsStale(part.values[i]);
      if (stale && !after_sample_) {
        continue;
      }
      if (!has_sample_) {
        has_sample_ = true;
        ++count_.series;
        AddMetric(part.metric);
      }
      AppendSample(options_.format, series_, part.t_ms[i], part.values[i], &text_);
      count_.samples += stale ? 0 : 1;
      after_sample_ = !stale;
      if (text_.size() >= kPieceBytes) {
        RONDA_RETURN_IF_ERROR(Flush());
      }
    }
    return absl::OkStatus();
  }

  void AddMetric(const MetricInfo& metric) {
    if (metrics_.insert(metric.name).second) {
      AppendMetric(options_.format, metric, &text_);
    }
  }

  absl::Status Flush() {
    RONDA_RETURN_IF_ERROR(write_(text_));
    text_.clear();
    return progress_(count_) ? absl::OkStatus()
                             : Fail(absl::StatusCode::kCancelled, "the export was interrupted");
  }

  const ExportOptions& options_;
  const absl::FunctionRef<absl::Status(std::string_view)> write_;
  const absl::FunctionRef<bool(const ExportCount&)> progress_;
  std::string text_;
  ExportCount count_;
  std::set<std::string> metrics_;  // described above their first sample
  Labels labels_;
  std::string series_;
  bool has_sample_ = false;    // of this series something was written
  bool after_sample_ = false;  // and the last was a sample
};

}  // namespace

absl::StatusOr<ExportCount> Export(query::Api& api, const ExportOptions& options,
                                   absl::FunctionRef<absl::Status(std::string_view)> write,
                                   absl::FunctionRef<bool(const ExportCount&)> progress) {
  Exporter exporter(options, write, progress);
  if (options.selectors.empty()) {
    RONDA_RETURN_IF_ERROR(exporter.Run(api, {}, 0));
  }
  for (size_t i = 0; i < options.selectors.size(); ++i) {
    RONDA_RETURN_IF_ERROR(exporter.Run(api, options.selectors[i], i));
  }
  return exporter.Finish();
}

}  // namespace ronda::transfer
