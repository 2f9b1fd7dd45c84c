// Frames out of samples that others push.
//
// An agent's frame holds all series of a group at one time. What a remote-write sender brings is
// cut anywhere: a request holds a part of the series of a scrape, other parts of it come with other
// requests, and what stands in which request changes each time. A schema for each such part would
// fill the catalogue with schemas that are used once. So each series gets a place for good, in a
// segment of at most kSegmentSeries series of one (job, instance), and a frame is a segment at one
// time, with holes (common/model/sample.h) for series that are not in the request. A hole that
// stays costs nothing in a delta frame.
//
// Two parts of one segment with the same time cannot follow each other in a run, whose times
// ascend: they go to different lanes. The part of a scrape that came in one lane nearly always
// comes in that lane again, so its holes stay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/base/strings.h"
#include "common/codec/frame.h"
#include "common/codec/sample_run.h"
#include "common/model/labels.h"
#include "common/model/metric.h"
#include "common/model/schema.h"

namespace ronda::remote {

inline constexpr size_t kSegmentSeries = 256;
inline constexpr size_t kMaxLanes = 8;

struct PackedFrame {
  codec::FrameHeader header;
  GroupIdentity group;
  std::shared_ptr<const Schema> schema;
  SchemaHash schema_hash{};
  bool new_schema = false;  // since the segment's last frame
  uint64_t run_first_seq = 0;
  int64_t t_ms = 0;
  std::vector<double> values;  // the samples in it
  std::string bytes;
};

// All series of one node that one process has taken. Not thread-safe.
class Packer {
 public:
  // Describes a metric by the name of its series.
  using Describe = std::function<MetricInfo(const std::string& name)>;

  explicit Packer(Describe describe) : describe_(std::move(describe)) {}

  // The place of a series; `key` is how the sender names it. nullopt if it is not known.
  std::optional<uint32_t> Find(std::string_view key) const;
  // Gives it one. `labels` without the label node; valid as schemas want them.
  uint32_t Add(std::string_view key, const Labels& labels);
  size_t series() const { return places_.size(); }

  // A sample of the next Pack().
  void Put(uint32_t place, int64_t t_ms, double value);
  // Frames of what was put, numbered from *next_seq on; *repeated counts samples at a time that
  // their series had in this request already (the first one stays).
  std::vector<PackedFrame> Pack(uint64_t* next_seq, int64_t* repeated);
  // The frames of the last Pack() were not taken: their runs do not go on.
  void Undo();
  // Metrics may be described otherwise from now on.
  void DescribeAgain() { ++description_; }

 private:
  struct Place {
    uint32_t segment;
    uint32_t index;
  };
  struct Pending {
    int64_t t_ms;
    uint32_t index;
    double value;
  };
  struct Lane {
    std::unique_ptr<codec::SampleRunEncoder> encoder;
    int64_t last_ms = 0;
    uint32_t first_index = 0;  // the first series in the last frame
    uint64_t run_first_seq = 0;
    bool touched = false;  // by the last Pack()
  };
  struct Segment {
    std::string job;
    std::string instance;
    std::vector<std::string> metrics;  // of each series
    std::vector<Labels> labels;
    std::shared_ptr<const Schema> schema;  // null: must be made anew
    SchemaHash hash{};
    int description = 0;
    bool new_schema = false;
    uint64_t made_in = 0;  // number of the Pack()
    uint32_t number = 0;   // within its target
    std::vector<Lane> lanes;
    std::vector<Pending> pending;
  };
  struct Target {
    uint32_t current = 0;
    uint32_t segments = 0;
  };

  Segment& SegmentFor(const std::string& job, const std::string& instance, uint32_t* number);
  void MakeSchema(Segment* segment);
  Lane& LaneFor(Segment* segment, int64_t t_ms, uint32_t first_index);
  void PackSegment(Segment* segment, uint64_t* next_seq, int64_t* repeated,
                   std::vector<PackedFrame>* out);

  const Describe describe_;
  StringMap<uint32_t> by_key_;
  absl::flat_hash_map<Labels, uint32_t> by_labels_;
  std::vector<Place> places_;
  std::vector<std::unique_ptr<Segment>> segments_;
  absl::flat_hash_map<std::pair<std::string, std::string>, Target> targets_;
  std::vector<uint32_t> touched_;  // segments with pending samples
  uint64_t packs_ = 1;
  int description_ = 0;
};

}  // namespace ronda::remote
