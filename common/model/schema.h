// Schemas: the series of one sampler group, without what belongs to the node.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/model/labels.h"
#include "common/model/metric.h"

namespace ronda {

using SchemaHash = std::array<uint8_t, 16>;

// The instance of a group whose series have no label instance: what others pushed without one.
inline constexpr std::string_view kNoInstance = "\x01";

// Who a sampler group speaks for. On each of its series the collector puts node, job and instance.
struct GroupIdentity {
  std::string name;      // unique on the node: "host", "postgres/10.0.0.5:5432"
  std::string job;       // "node", "postgres", ...; "": series without this label (pushed ones)
  std::string instance;  // "" means the node's name, kNoInstance that series have no such label
  auto operator<=>(const GroupIdentity&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const GroupIdentity& g) {
    return H::combine(std::move(h), g.name, g.job, g.instance);
  }
};

// An immutable list of series. Two nodes with the same disks have equal schemas with equal hashes,
// so that the collector holds one. Value `i` of a frame belongs to series `i`.
struct Schema {
  struct Series {
    uint32_t metric = 0;  // index into `metrics`
    Labels labels;        // without __name__, node, job, instance
    bool operator==(const Series&) const = default;
  };
  std::vector<MetricInfo> metrics;
  std::vector<Series> series;

  bool operator==(const Schema&) const = default;

  const MetricInfo& metric_of(size_t i) const { return metrics[series[i].metric]; }
};

}  // namespace ronda
