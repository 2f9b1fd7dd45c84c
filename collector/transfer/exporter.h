// All raw samples of a window as text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/query/api.h"
#include "collector/transfer/text_format.h"
#include "common/model/matcher.h"

namespace ronda::transfer {

struct ExportOptions {
  Format format = Format::kCsv;
  // A series is written once, whatever number of selectors it fits; no selector means every series.
  std::vector<std::vector<Matcher>> selectors;
  int64_t start_ms = 1;  // both ends included
  int64_t end_ms = 0;
};

struct ExportCount {
  int64_t samples = 0;  // without the marks where series ended
  int64_t series = 0;
  size_t metrics_done = 0;  // of the present selector
  size_t metrics = 0;
};

// Writes the samples series by series, in the order (metric, labels, time), through `write`; the
// same data give the same bytes. Memory does not grow with the data. A mark where a series ended is
// written only right after a sample. `progress` is called now and then, with false it ends the
// export (kCancelled). Errors: the Api's, and what `write` returns.
absl::StatusOr<ExportCount> Export(query::Api& api, const ExportOptions& options,
                                   absl::FunctionRef<absl::Status(std::string_view)> write,
                                   absl::FunctionRef<bool(const ExportCount&)> progress);

}  // namespace ronda::transfer
