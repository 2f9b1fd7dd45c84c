// Frames of what rules record, with exactly the labels that the rules gave.
//
// A rule's series come and go. Those of one node, job and instance are kept in segments, each a
// group of its own: new ones come into the last segment while it is small, those that ended leave
// it then. In a frame a series that has no sample is a hole.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "collector/ingest/own_frames.h"
#include "collector/rules/interval/host.h"
#include "collector/store/store.h"
#include "common/model/labels.h"
#include "common/model/schema.h"

namespace ronda::ingest {

// Not thread-safe.
class RuleFrames {
 public:
  // The samples of one source at a time; all labels have this `node` (or none, if it is that of no
  // node). Schemas that are new go to the store, what it says is returned. kInvalidArgument: a
  // label or name is too long to be stored.
  absl::StatusOr<std::vector<store::FrameEntry>> Make(store::NodeId node, const std::string& source,
                                                      int64_t t_ms,
                                                      const std::vector<rules::RuleSample>& samples,
                                                      store::Store& store, OwnFrames* own);

 private:
  struct Segment {
    std::shared_ptr<const Schema> schema;  // null: must be made
    std::vector<std::string> metrics;      // of each series
    std::vector<Labels> labels;            // of each: without __name__, node, job and instance
    std::vector<bool> ended;
    std::vector<double> values;  // of the frame that is being made
    int64_t last_ms = 0;
    bool used = false;
  };
  struct Place {
    size_t segment = 0;
    size_t index = 0;
  };
  struct Target {
    std::vector<Segment> segments;
    absl::flat_hash_map<Labels, Place> places;  // by all the series' labels
  };
  using Key = std::tuple<store::NodeId, std::string, std::string, std::string>;

  static Place PlaceOf(const rules::RuleSample& sample, Target* target);
  static void Compact(size_t number, Target* target);

  std::map<Key, Target> targets_;  // by node, source, job and instance
};

}  // namespace ronda::ingest
