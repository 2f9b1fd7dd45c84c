#include "tests/bench/remote_write.h"

#include <snappy.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/base/check.h"
#include "common/base/status.h"
#include "tests/bench/node_stream.h"

namespace ronda::bench {
namespace {

constexpr size_t kSamplesPerRequest = 1000;
constexpr size_t kTimeBytes = 6;  // of a varint from 2^35 to 2^42: 1971 to 2109 in milliseconds

void AppendVarint(uint64_t value, std::string* out) {
  for (; value >= 128; value >>= 7) {
    out->push_back(static_cast<char>(value | 128));
  }
  out->push_back(static_cast<char>(value));
}

void AppendField(char tag, std::string_view content, std::string* out) {
  out->push_back(tag);
  AppendVarint(content.size(), out);
  out->append(content);
}

// message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
// message Label { string name = 1; string value = 2; }
std::string EncodeLabels(const Labels& labels) {
  std::string out;
  for (const Label& label : labels.all()) {
    std::string one;
    AppendField('\x0a', label.name, &one);
    AppendField('\x12', label.value, &one);
    AppendField('\x0a', one, &out);
  }
  return out;
}

}  // namespace

WriteRequestTick::WriteRequestTick(const ScaleSet& set, int node) {
  for (size_t i = 0; i < set.series(); ++i) {
    Labels labels = set.LabelsOf(node, i);
    labels.Set("node", "");  // Ronda's own; others have the instance for it
    std::string series = EncodeLabels(labels);
    // message Sample { double value = 1; int64 timestamp = 2; }
    std::string sample = "\x09" + std::string(8, '\0') + "\x10" + std::string(kTimeBytes, '\0');
    AppendField('\x12', sample, &series);
    AppendField('\x0a', series, &bytes_);
    value_at_.push_back(bytes_.size() - sample.size() + 1);
  }
}

void WriteRequestTick::Append(int64_t t_ms, std::span<const double> values, std::string* out) {
  std::string time;
  AppendVarint(static_cast<uint64_t>(t_ms), &time);
  RONDA_CHECK(time.size() == kTimeBytes);
  for (size_t i = 0; i < values.size(); ++i) {
    char* const at = bytes_.data() + value_at_[i];
    std::memcpy(at, &values[i], 8);
    std::memcpy(at + 9, time.data(), kTimeBytes);
  }
  out->append(bytes_);
}

absl::Status FeedRemoteWrite(const ScaleSet& set, HttpClient* http,
                             const std::vector<std::string>& headers) {
  std::vector<std::string> all = {"Content-Encoding: snappy",
                                  "Content-Type: application/x-protobuf",
                                  "X-Prometheus-Remote-Write-Version: 0.1.0"};
  all.insert(all.end(), headers.begin(), headers.end());
  std::vector<NodeStream> streams;
  std::vector<WriteRequestTick> ticks;
  for (int node = 0; node < set.nodes; ++node) {
    streams.emplace_back(set, node);
    ticks.emplace_back(set, node);
  }
  const size_t per_request = std::max<size_t>(1, kSamplesPerRequest / set.series());
  std::string request;
  std::string compressed;
  size_t held = 0;
  const auto post = [&]() -> absl::Status {
    held = 0;
    snappy::Compress(request.data(), request.size(), &compressed);
    request.clear();
    return http->Post("/api/v1/write", compressed, all).status();
  };
  for (int64_t tick = 0; tick < set.ticks; ++tick) {
    for (size_t node = 0; node < streams.size(); ++node) {
      ticks[node].Append(set.start_ms + tick * 1000, streams[node].Next(), &request);
      if (++held == per_request) {
        RONDA_RETURN_IF_ERROR(post());
      }
    }
  }
  return held > 0 ? post() : absl::OkStatus();
}

}  // namespace ronda::bench
