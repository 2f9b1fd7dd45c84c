// Samples that were read and not yet sent, and the frames that they become.
//
// A value that a frame does not have ends its series (common/codec/FORMAT.md), so a frame must hold
// just the series that have a sample at its time. Series with the same times share frames: those
// of one sampler nearly always do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/transfer/text_format.h"
#include "common/base/strings.h"
#include "common/model/labels.h"
#include "common/model/metric.h"
#include "common/model/schema.h"

namespace ronda::transfer {

// Series of one source (node, job, instance) whose samples have the same times.
struct Block {
  std::string node;
  GroupIdentity group;
  std::shared_ptr<const Schema> schema;
  std::vector<int64_t> t_ms;                // ascending
  std::vector<std::vector<double>> values;  // [series of the schema][time]
};

// Not thread-safe.
class Batch {
 public:
  struct Options {
    std::string node;  // of series without the label node; "": an error
    std::string job = "import";
  };
  explicit Batch(Options options) : options_(std::move(options)) {}

  // The number of a series, made from its text at its first sight. kInvalidArgument.
  absl::StatusOr<uint32_t> Series(Format format, std::string_view text);
  void Add(uint32_t series, int64_t t_ms, double value) { rows_.push_back({series, t_ms, value}); }

  size_t rows() const { return rows_.size(); }
  // About what it holds.
  size_t bytes() const { return rows_.capacity() * sizeof(Row) + series_bytes_; }

  // Sorts, leaves out what repeats a time of its series (the first one stays; *repeated counts
  // them) and cuts into blocks, by node. `metrics` are the descriptions known. The batch is empty
  // then.
  std::vector<Block> TakeBlocks(const std::map<std::string, MetricInfo, std::less<>>& metrics,
                                int64_t* repeated);

 private:
  struct Row {
    uint32_t series;
    int64_t t_ms;
    double value;
  };
  struct Source {
    std::string node;
    std::string job;
    std::string instance;
    auto operator<=>(const Source&) const = default;
  };
  struct SeriesEntry {
    Source source;
    std::string metric;
    Labels labels;  // without those of the source and without __name__
  };
  struct Span;

  const Options options_;
  std::vector<Row> rows_;
  std::vector<SeriesEntry> series_;
  StringMap<uint32_t> by_text_;
  absl::flat_hash_map<Labels, uint32_t> by_labels_;  // texts may differ and mean the same
  size_t series_bytes_ = 0;
};

}  // namespace ronda::transfer
