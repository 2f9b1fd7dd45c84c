// A group with one series, for tests of the spool.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/spool/run_queue.h"
#include "common/codec/sample_run.h"

namespace ronda::agent {

inline std::shared_ptr<const Schema> SmallSchema(const std::string& metric) {
  auto schema = std::make_shared<Schema>();
  schema->metrics = {{metric, MetricType::kGauge, "", ""}};
  schema->series = {{0, Labels()}};
  return schema;
}

// Submits ticks of one group with one series.
class Producer {
 public:
  Producer(uint32_t group, RunQueue& queue)
      : group_(group),
        queue_(queue),
        schema_(SmallSchema("m" + std::to_string(group))),
        encoder_(group, {"g" + std::to_string(group), "test", ""}) {
    encoder_.StartRun(schema_);
  }

  // Returns the frame's sequence number.
  uint64_t Tick(int64_t t_ms, double value) {
    uint64_t used = 0;
    queue_.Submit({group_, t_ms, schema_}, [&](uint64_t seq, bool start_run, std::string* out) {
      if (start_run) {
        encoder_.StartRun(schema_);
      }
      used = seq;
      encoder_.Encode(seq, t_ms, {&value, 1}, out);
      last_ = *out;
    });
    return used;
  }

  const std::shared_ptr<const Schema>& schema() const { return schema_; }
  // The last frame.
  const std::string& last() const { return last_; }

 private:
  const uint32_t group_;
  RunQueue& queue_;
  std::shared_ptr<const Schema> schema_;
  codec::SampleRunEncoder encoder_;
  std::string last_;
};

}  // namespace ronda::agent
