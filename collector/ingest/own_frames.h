// What the collector itself writes about a node, as frames like everybody's: silence (up = 0) and
// records (gaps, alert transitions).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "collector/store/store.h"
#include "common/codec/record_run.h"
#include "common/codec/sample_run.h"
#include "common/model/record.h"
#include "common/model/schema.h"

namespace ronda::ingest {

// One epoch per collector start; sequence numbers per node, so that what is held of it is one
// range. Not thread-safe.
class OwnFrames {
 public:
  explicit OwnFrames(store::Epoch epoch) : epoch_(epoch) {}

  const store::Epoch& epoch() const { return epoch_; }

  // A tick of `values` for one of the node's groups, in the schema that the group last had.
  store::FrameEntry Samples(store::NodeId node, const GroupIdentity& group,
                            const std::shared_ptr<const Schema>& schema, int64_t t_ms,
                            std::span<const double> values);

  // Rows of a kind, about the node: one frame, or as many as they need.
  std::vector<store::FrameEntry> Records(store::NodeId node, const RecordKind& kind,
                                         std::span<const Record> rows);

  // The store refused what was made last: the node's next frames begin runs of their own, since a
  // delta would follow a frame that nobody has.
  void Restart(store::NodeId node);

 private:
  struct SampleGroup {
    std::unique_ptr<codec::SampleRunEncoder> encoder;
    std::shared_ptr<const Schema> schema;
    SchemaHash hash{};
    uint64_t run_first_seq = 0;
  };
  struct RecordGroup {
    std::unique_ptr<codec::RecordRunEncoder> encoder;
    uint64_t run_first_seq = 0;
  };
  struct NodeFrames {
    uint64_t next_seq = 1;
    uint32_t next_group = 1;
    std::map<std::string, SampleGroup> samples;  // by the group's name
    std::map<std::string, RecordGroup> records;  // by the kind's name
  };

  const store::Epoch epoch_;
  absl::flat_hash_map<store::NodeId, NodeFrames> nodes_;
};

}  // namespace ronda::ingest
