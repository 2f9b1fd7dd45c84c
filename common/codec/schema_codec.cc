#include "common/codec/schema_codec.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/codec/frame.h"
#include "common/codec/schema_limits.h"
#include "common/codec/varint.h"
#include "common/model/labels.h"

namespace ronda::codec {
namespace {

constexpr uint8_t kSchemaVersion = 1;

absl::Status Malformed(std::string_view what) {
  return Fail(absl::StatusCode::kDataLoss, "decoding a schema: {}", what);
}

template <typename... Args>
absl::Status Refused(fmt::format_string<Args...> format, Args&&... args) {
  return Annotate(Fail(absl::StatusCode::kInvalidArgument, format, std::forward<Args>(args)...),
                  "decoding a schema");
}

bool IsReserved(std::string_view label) {
  return label == "node" || label == "instance" || label == "job" || label.substr(0, 2) == "__";
}

// The first bytes of a text from outside, for messages.
std::string_view Shown(std::string_view text) { return text.substr(0, 64); }

absl::Status ReadMetric(ByteReader* reader, MetricInfo* metric) {
  metric->name = reader->Bytes();
  const uint8_t type = reader->U8();
  metric->unit = reader->Bytes();
  metric->help = reader->Bytes();
  if (!reader->ok() || type > static_cast<uint8_t>(MetricType::kGauge)) {
    return Malformed("bad metric");
  }
  metric->type = static_cast<MetricType>(type);
  if (metric->name.size() > kMaxNameBytes || !IsName(metric->name)) {
    return Refused("bad metric name {}", QuoteLabelValue(Shown(metric->name)));
  }
  if (metric->unit.size() > kMaxTextBytes || metric->help.size() > kMaxTextBytes) {
    return Refused("unit or help of {} is longer than {} bytes", metric->name, kMaxTextBytes);
  }
  return absl::OkStatus();
}

absl::Status CheckLabel(const MetricInfo& metric, std::string_view name, std::string_view value) {
  if (name.size() > kMaxNameBytes || !IsName(name)) {
    return Refused("bad label name {} of metric {}", QuoteLabelValue(Shown(name)), metric.name);
  }
  if (IsReserved(name)) {
    return Refused("label {} of metric {} is reserved", name, metric.name);
  }
  if (value.size() > kMaxTextBytes) {
    return Refused("label {} of metric {} is longer than {} bytes", name, metric.name,
                   kMaxTextBytes);
  }
  return absl::OkStatus();
}

absl::Status ReadSeries(ByteReader* reader, const std::vector<MetricInfo>& metrics,
                        Schema::Series* series) {
  const uint64_t metric = reader->Varint();
  const uint64_t count = reader->Varint();
  if (!reader->ok() || metric >= metrics.size()) {
    return Malformed("bad series");
  }
  series->metric = static_cast<uint32_t>(metric);
  if (count > kMaxLabels) {
    return Refused("a series of {} has {} labels, more than {}", metrics[metric].name, count,
                   kMaxLabels);
  }
  std::vector<Label> labels;
  labels.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    const std::string_view name = reader->Bytes();
    const std::string_view value = reader->Bytes();
    if (!reader->ok() || value.empty() || (!labels.empty() && name <= labels.back().name)) {
      return Malformed("bad label");
    }
    RONDA_RETURN_IF_ERROR(CheckLabel(metrics[metric], name, value));
    labels.push_back({std::string(name), std::string(value)});
  }
  series->labels = Labels(std::move(labels));
  return absl::OkStatus();
}

absl::Status CheckUnique(const Schema& schema) {
  absl::flat_hash_set<std::string> names;
  for (const MetricInfo& metric : schema.metrics) {
    if (!names.insert(metric.name).second) {
      return Refused("metric {} is there twice", metric.name);
    }
  }
  absl::flat_hash_set<std::pair<uint32_t, const Labels*>,
                      decltype([](const std::pair<uint32_t, const Labels*>& s) {
                        return absl::HashOf(s.first, *s.second);
                      }),
                      decltype([](const auto& a, const auto& b) {
                        return a.first == b.first && *a.second == *b.second;
                      })>
      seen;
  for (const Schema::Series& series : schema.series) {
    if (!seen.insert({series.metric, &series.labels}).second) {
      return Refused("series {}{} is there twice", schema.metrics[series.metric].name,
                     series.labels.ToString());
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodeSchema(const Schema& schema) {
  std::string out;
  out.push_back(static_cast<char>(kSchemaVersion));
  PutVarint(&out, schema.metrics.size());
  for (const MetricInfo& metric : schema.metrics) {
    PutBytes(&out, metric.name);
    out.push_back(static_cast<char>(metric.type));
    PutBytes(&out, metric.unit);
    PutBytes(&out, metric.help);
  }
  PutVarint(&out, schema.series.size());
  for (const Schema::Series& series : schema.series) {
    PutVarint(&out, series.metric);
    PutVarint(&out, series.labels.size());
    for (const Label& label : series.labels.all()) {
      PutBytes(&out, label.name);
      PutBytes(&out, label.value);
    }
  }
  return out;
}

SchemaHash HashSchema(const Schema& schema) { return ContentHash(EncodeSchema(schema)); }

absl::StatusOr<Schema> DecodeSchema(std::string_view bytes) {
  if (bytes.size() > kMaxSchemaBytes) {
    return Refused("{} bytes are more than {}", bytes.size(), kMaxSchemaBytes);
  }
  ByteReader reader(bytes);
  const uint8_t version = reader.U8();
  if (version > kSchemaVersion) {
    return Fail(absl::StatusCode::kUnimplemented,
                "decoding a schema: version {} is later than this program", version);
  }
  Schema schema;
  const uint64_t metrics = reader.Varint();
  if (version == 0 || !reader.ok() || metrics > reader.remaining()) {
    return Malformed("bad start");
  }
  if (metrics > kMaxSeries) {
    return Refused("{} metrics are more than {}", metrics, kMaxSeries);
  }
  schema.metrics.resize(metrics);
  for (MetricInfo& metric : schema.metrics) {
    RONDA_RETURN_IF_ERROR(ReadMetric(&reader, &metric));
  }
  const uint64_t series = reader.Varint();
  if (!reader.ok() || series > reader.remaining()) {
    return Malformed("bad number of series");
  }
  if (series > kMaxSeries) {
    return Refused("{} series are more than {}", series, kMaxSeries);
  }
  schema.series.resize(series);
  for (Schema::Series& one : schema.series) {
    RONDA_RETURN_IF_ERROR(ReadSeries(&reader, schema.metrics, &one));
  }
  if (!reader.done()) {
    return Malformed("bytes are left over");
  }
  RONDA_RETURN_IF_ERROR(CheckUnique(schema));
  return schema;
}

}  // namespace ronda::codec
