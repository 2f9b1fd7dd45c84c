// Sends a set as Prometheus remote-write 1.0 requests: a snappy block of a protobuf WriteRequest,
// an entry a sample with all its labels, about 1000 samples a request, as its senders do.
// https://prometheus.io/docs/specs/prw/remote_write_spec/
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/bench/http_client.h"
#include "tests/bench/scale_set.h"

namespace ronda::bench {

// The TimeSeries messages of one tick of a node; values and times are put into the bytes made once.
class WriteRequestTick {
 public:
  WriteRequestTick(const ScaleSet& set, int node);

  // Appends the tick to *out. values.size() must be the set's number of series.
  void Append(int64_t t_ms, std::span<const double> values, std::string* out);

 private:
  std::string bytes_;
  std::vector<size_t> value_at_;  // of 8 bytes; the time's varint comes 9 bytes later
};

// Posts the whole set to /api/v1/write in order of time.
absl::Status FeedRemoteWrite(const ScaleSet& set, HttpClient* http,
                             const std::vector<std::string>& headers = {});

}  // namespace ronda::bench
