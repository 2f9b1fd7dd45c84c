// Frames as an agent makes them, for the tests of the store.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "collector/store/store.h"
#include "common/codec/record_run.h"
#include "common/codec/sample_run.h"
#include "common/codec/schema_codec.h"
#include "common/model/record.h"
#include "common/model/schema.h"

namespace ronda::store {

// A schema of gauges m0, m1, ... each with the label i; `salt` makes another schema of it.
inline std::shared_ptr<const Schema> GaugeSchema(size_t n, const std::string& salt = "") {
  auto schema = std::make_shared<Schema>();
  for (size_t i = 0; i < n; ++i) {
    schema->metrics.push_back({"m" + std::to_string(i), MetricType::kGauge, "", "A gauge."});
    Labels labels;
    labels.Set("i", std::to_string(i));
    labels.Set("salt", salt);
    schema->series.push_back({static_cast<uint32_t>(i), labels});
  }
  return schema;
}

// One group of one epoch: encodes ticks and says of each frame what ingest would.
class FrameMaker {
 public:
  FrameMaker(uint32_t number, GroupIdentity group) : group_(group), encoder_(number, group) {}

  void StartRun(std::shared_ptr<const Schema> schema) {
    hash_ = codec::HashSchema(*schema);
    encoder_.StartRun(std::move(schema));
  }

  FrameEntry Make(uint64_t seq, int64_t t_ms, std::span<const double> values) {
    FrameEntry frame;
    encoder_.Encode(seq, t_ms, values, &frame.bytes);
    const codec::FrameHeader header = *codec::ParseFrameHeader(frame.bytes);
    if (codec::IsKey(header.kind)) {
      run_first_seq_ = seq;
    }
    frame.kind = header.kind;
    frame.group = group_;
    frame.schema = hash_;
    frame.run_first_seq = run_first_seq_;
    frame.seq = seq;
    frame.crc = header.crc;
    frame.t_ms = t_ms;
    return frame;
  }

 private:
  const GroupIdentity group_;
  codec::SampleRunEncoder encoder_;
  SchemaHash hash_{};
  uint64_t run_first_seq_ = 0;
};

// The same for records of one kind.
class RecordMaker {
 public:
  RecordMaker(uint32_t number, const RecordKind& kind) : name_(kind.name), encoder_(number, kind) {}

  FrameEntry Make(uint64_t seq, std::span<const Record> rows) {
    FrameEntry frame;
    encoder_.Encode(seq, rows, &frame.bytes);
    const codec::FrameHeader header = *codec::ParseFrameHeader(frame.bytes);
    if (codec::IsKey(header.kind)) {
      run_first_seq_ = seq;
    }
    frame.kind = header.kind;
    frame.group.name = name_;
    frame.run_first_seq = run_first_seq_;
    frame.seq = seq;
    frame.crc = header.crc;
    frame.t_ms = rows.empty() ? 0 : rows[0].t_ms;
    return frame;
  }

 private:
  const std::string name_;
  codec::RecordRunEncoder encoder_;
  uint64_t run_first_seq_ = 0;
};

}  // namespace ronda::store
