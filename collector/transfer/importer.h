// Reads files of samples and hands them to a collector, batch by batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "collector/transfer/batch.h"
#include "collector/transfer/line_reader.h"
#include "collector/transfer/text_format.h"
#include "common/base/clock.h"
#include "common/model/metric.h"

namespace ronda::transfer {

struct ImportCount {
  int64_t lines = 0;
  int64_t samples = 0;   // read: marks where series ended are not counted
  int64_t durable = 0;   // rows that the collector acknowledged, marks included
  int64_t repeated = 0;  // lines with a time that their series had already in the batch
  int64_t bad = 0;       // left out by --skip-bad
  std::string first_bad;
  int64_t first_ms = 0;  // of the samples read; 0: none
  int64_t last_ms = 0;
  std::set<std::string> nodes;
  int64_t bytes = 0;
};

// Not thread-safe. Memory is bounded by `max_rows` and `max_bytes`, whatever the files hold.
class Importer {
 public:
  struct Options {
    Batch::Options batch;
    bool seconds = false;
    bool skip_bad = false;
    size_t max_rows = 2'000'000;
    size_t max_bytes = 256 << 20;
    // Descriptions of metrics that the collector has; those of the files go before them.
    std::map<std::string, MetricInfo, std::less<>> metrics;
    // Takes the blocks of one node and returns when they are durable; adds to *durable what is,
    // also when it fails. Empty: a dry run.
    std::function<absl::Status(const std::string& node, std::span<const Block> blocks,
                               int64_t* durable)>
        send;
    // Called each few thousand lines; false ends the import with kCancelled.
    std::function<bool(const ImportCount&)> progress = [](const ImportCount&) { return true; };
  };

  // `clock` must outlive it: samples of more than 10 minutes ahead are bad.
  Importer(Options options, const Clock& clock);

  // One file after the other; they share batches. kInvalidArgument: "FILE:LINE: what", and nothing
  // of the present batch was sent. Else what reading or sending said.
  absl::Status Add(LineReader& reader);
  // Sends what is left.
  absl::Status Finish();

  const ImportCount& count() const { return count_; }

 private:
  absl::Status AddLine(Format format, std::string_view text);
  void Describe(const Line& line);
  absl::Status Flush();

  const Options options_;
  const Clock& clock_;
  std::map<std::string, MetricInfo, std::less<>> metrics_;
  Batch batch_;
  ImportCount count_;
};

}  // namespace ronda::transfer
