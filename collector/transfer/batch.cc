// Tested by tests/unit/collector/transfer/batch_test.cc.
#include "collector/transfer/batch.h"

#include <algorithm>
#include <span>
#include <tuple>
#include <utility>

#include "common/base/status.h"

namespace ronda::transfer {
namespace {

// Of one schema: well below the limits of a frame and of a schema (common/codec/frame.h).
constexpr size_t kMaxBlockSeries = 2000;
constexpr size_t kMaxBlockLabelBytes = 1 << 20;

size_t LabelBytes(const Labels& labels) {
  size_t bytes = 0;
  for (const Label& label : labels.all()) {
    bytes += label.name.size() + label.value.size() + 8;
  }
  return bytes;
}

}  // namespace

// The rows of one series, ascending.
struct Batch::Span {
  const SeriesEntry* series;
  std::span<const Row> rows;

  bool HasTimesOf(const Span& other) const {
    return std::equal(rows.begin(), rows.end(), other.rows.begin(), other.rows.end(),
                      [](const Row& a, const Row& b) { return a.t_ms == b.t_ms; });
  }
};

absl::StatusOr<uint32_t> Batch::Series(Format format, std::string_view text) {
  if (const auto known = by_text_.find(text); known != by_text_.end()) {
    return known->second;
  }
  RONDA_ASSIGN_OR_RETURN(Labels labels, ParseSeries(format, text));
  if (labels.Get("node").empty()) {
    if (options_.node.empty()) {
      return Fail(absl::StatusCode::kInvalidArgument,
                  "the series has no label node: name it with --node");
    }
    labels.Set("node", options_.node);
  }
  if (labels.Get("job").empty()) {
    labels.Set("job", options_.job);
  }
  if (labels.Get("instance").empty()) {
    labels.Set("instance", labels.Get("node"));
  }
  const auto [known, added] = by_labels_.emplace(labels, static_cast<uint32_t>(series_.size()));
  if (added) {
    SeriesEntry entry;
    entry.source = {std::string(labels.Get("node")), std::string(labels.Get("job")),
                    std::string(labels.Get("instance"))};
    entry.metric = std::string(labels.Get(kMetricName));
    for (const std::string_view name : {kMetricName, std::string_view("node"),
                                        std::string_view("job"), std::string_view("instance")}) {
      labels.Set(name, "");
    }
    entry.labels = std::move(labels);
    series_.push_back(std::move(entry));
  }
  by_text_.emplace(text, known->second);
  series_bytes_ += 3 * text.size() + 500;
  return known->second;
}

std::vector<Block> Batch::TakeBlocks(const std::map<std::string, MetricInfo, std::less<>>& metrics,
                                     int64_t* repeated) {
  const auto before = [](const Row& a, const Row& b) {
    return a.series != b.series ? a.series < b.series : a.t_ms < b.t_ms;
  };
  if (!std::is_sorted(rows_.begin(), rows_.end(), before)) {
    std::stable_sort(rows_.begin(), rows_.end(), before);
  }
  const auto unique_end = std::unique(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) {
    return a.series == b.series && a.t_ms == b.t_ms;
  });
  *repeated += rows_.end() - unique_end;
  rows_.erase(unique_end, rows_.end());

  std::map<Source, std::vector<Span>> sources;
  for (size_t i = 0; i < rows_.size();) {
    size_t end = i;
    while (end < rows_.size() && rows_[end].series == rows_[i].series) {
      ++end;
    }
    const SeriesEntry& entry = series_[rows_[i].series];
    sources[entry.source].push_back({&entry, std::span(rows_).subspan(i, end - i)});
    i = end;
  }

  std::vector<Block> blocks;
  for (auto& [source, spans] : sources) {
    // Those with equal times next to each other, then by name.
    std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) {
      const auto key = [](const Span& s) {
        return std::tuple(s.rows.front().t_ms, s.rows.back().t_ms, s.rows.size());
      };
      if (key(a) != key(b)) {
        return key(a) < key(b);
      }
      const auto [x, y] =
          std::mismatch(a.rows.begin(), a.rows.end(), b.rows.begin(),
                        [](const Row& p, const Row& q) { return p.t_ms == q.t_ms; });
      if (x != a.rows.end()) {
        return x->t_ms < y->t_ms;
      }
      return std::tie(a.series->metric, a.series->labels) <
             std::tie(b.series->metric, b.series->labels);
    });
    const Span* first = nullptr;
    std::shared_ptr<Schema> schema;
    size_t label_bytes = 0;
    for (const Span& span : spans) {
      if (first == nullptr || !span.HasTimesOf(*first) ||
          schema->series.size() >= kMaxBlockSeries || label_bytes > kMaxBlockLabelBytes) {
        first = &span;
        schema = std::make_shared<Schema>();
        label_bytes = 0;
        Block& block = blocks.emplace_back();
        block.node = source.node;
        block.group = {"import/" + source.job + "/" + source.instance, source.job,
                       source.instance == source.node ? "" : source.instance};
        block.schema = schema;
        for (const Row& row : span.rows) {
          block.t_ms.push_back(row.t_ms);
        }
      }
      if (schema->metrics.empty() || schema->metrics.back().name != span.series->metric) {
        const auto known = metrics.find(span.series->metric);
        schema->metrics.push_back(
            known != metrics.end() ? known->second
                                   : MetricInfo{span.series->metric, MetricType::kUnknown, "", ""});
      }
      schema->series.push_back(
          {static_cast<uint32_t>(schema->metrics.size() - 1), span.series->labels});
      label_bytes += LabelBytes(span.series->labels);
      std::vector<double>& values = blocks.back().values.emplace_back();
      values.reserve(span.rows.size());
      for (const Row& row : span.rows) {
        values.push_back(row.value);
      }
    }
  }
  rows_.clear();
  series_.clear();
  by_text_.clear();
  by_labels_.clear();
  series_bytes_ = 0;
  return blocks;
}

}  // namespace ronda::transfer
