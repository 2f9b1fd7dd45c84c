// Tested by tests/unit/collector/remote/packer_test.cc.
#include "collector/remote/packer.h"

#include <algorithm>
#include <utility>

#include "collector/ingest/pipeline.h"
#include "common/base/check.h"
#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/codec/schema_codec.h"
#include "common/model/sample.h"

namespace ronda::remote {
namespace {

// New series of later requests fill up a segment that is smaller than this; else they begin one, so
// that they do not change the schema of many others.
constexpr size_t kSmallSegment = 64;
constexpr size_t kMaxGroupName = 900;

std::string GroupName(const std::string& job, const std::string& instance, uint32_t segment,
                      size_t lane) {
  std::string target = job + "/" + instance;
  if (target.size() > kMaxGroupName) {
    const auto hash = ContentHash(target);
    target = ToHex({reinterpret_cast<const char*>(hash.data()), hash.size()});
  }
  return fmt::format("{}{}/{}.{}", ingest::kImportGroups, target, segment, lane);
}

}  // namespace

std::optional<uint32_t> Packer::Find(std::string_view key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? std::nullopt : std::optional<uint32_t>(found->second);
}

Packer::Segment& Packer::SegmentFor(const std::string& job, const std::string& instance,
                                    uint32_t* number) {
  const auto [at, is_new] = targets_.try_emplace({job, instance});
  Target& target = at->second;
  if (!is_new) {
    Segment& current = *segments_[target.current];
    if (current.labels.size() < kSegmentSeries &&
        (current.made_in == packs_ || current.labels.size() < kSmallSegment)) {
      *number = target.current;
      return current;
    }
  }
  target.current = static_cast<uint32_t>(segments_.size());
  auto segment = std::make_unique<Segment>();
  segment->job = job;
  segment->instance = instance;
  segment->made_in = packs_;
  segment->number = target.segments++;
  segments_.push_back(std::move(segment));
  *number = target.current;
  return *segments_.back();
}

uint32_t Packer::Add(std::string_view key, const Labels& labels) {
  const auto [known, is_new] = by_labels_.try_emplace(labels, 0);
  if (is_new) {
    const std::string job(labels.Get("job"));
    const std::string_view instance = labels.Get("instance");
    uint32_t number = 0;
    Segment& segment = SegmentFor(
        job, instance.empty() ? std::string(kNoInstance) : std::string(instance), &number);
    Labels own = labels;
    own.Set("job", "");
    own.Set("instance", "");
    own.Set(kMetricName, "");
    segment.metrics.emplace_back(labels.Get(kMetricName));
    segment.labels.push_back(std::move(own));
    segment.schema = nullptr;
    known->second = static_cast<uint32_t>(places_.size());
    places_.push_back({number, static_cast<uint32_t>(segment.labels.size() - 1)});
  }
  by_key_.emplace(key, known->second);
  return known->second;
}

void Packer::Put(uint32_t place, int64_t t_ms, double value) {
  const Place& at = places_[place];
  Segment& segment = *segments_[at.segment];
  if (segment.pending.empty()) {
    touched_.push_back(at.segment);
  }
  segment.pending.push_back({t_ms, at.index, value});
}

void Packer::MakeSchema(Segment* segment) {
  auto schema = std::make_shared<Schema>();
  absl::flat_hash_map<std::string, uint32_t> numbers;
  for (size_t i = 0; i < segment->labels.size(); ++i) {
    const std::string& metric = segment->metrics[i];
    const auto [at, is_new] =
        numbers.try_emplace(metric, static_cast<uint32_t>(schema->metrics.size()));
    if (is_new) {
      schema->metrics.push_back(describe_(metric));
    }
    schema->series.push_back({at->second, segment->labels[i]});
  }
  segment->description = description_;
  if (segment->schema != nullptr && *segment->schema == *schema) {
    return;
  }
  segment->hash = codec::HashSchema(*schema);
  segment->schema = std::move(schema);
  segment->new_schema = true;
  for (Lane& lane : segment->lanes) {
    lane.encoder->StartRun(segment->schema);
  }
}

Packer::Lane& Packer::LaneFor(Segment* segment, int64_t t_ms, uint32_t first_index) {
  Lane* best = nullptr;
  for (Lane& lane : segment->lanes) {
    if (lane.last_ms < t_ms && (best == nullptr || (lane.first_index == first_index &&
                                                    best->first_index != first_index))) {
      best = &lane;
    }
  }
  if (best != nullptr) {
    return *best;
  }
  if (segment->lanes.size() < kMaxLanes) {
    const size_t number = segment->lanes.size();
    Lane& lane = segment->lanes.emplace_back();
    lane.encoder = std::make_unique<codec::SampleRunEncoder>(
        segment->number * static_cast<uint32_t>(kMaxLanes) + static_cast<uint32_t>(number),
        GroupIdentity{GroupName(segment->job, segment->instance, segment->number, number),
                      segment->job, segment->instance});
    lane.encoder->StartRun(segment->schema);
    return lane;
  }
  // Late: a lane begins a run with an earlier time.
  return *std::min_element(segment->lanes.begin(), segment->lanes.end(),
                           [](const Lane& a, const Lane& b) { return a.last_ms < b.last_ms; });
}

void Packer::PackSegment(Segment* segment, uint64_t* next_seq, int64_t* repeated,
                         std::vector<PackedFrame>* out) {
  if (segment->schema == nullptr || segment->description != description_) {
    MakeSchema(segment);
  }
  std::vector<Pending>& pending = segment->pending;
  std::stable_sort(pending.begin(), pending.end(), [](const Pending& a, const Pending& b) {
    return a.t_ms != b.t_ms ? a.t_ms < b.t_ms : a.index < b.index;
  });
  std::vector<double> row(segment->labels.size());
  for (size_t i = 0; i < pending.size();) {
    PackedFrame frame;
    frame.t_ms = pending[i].t_ms;
    const uint32_t first = pending[i].index;
    std::fill(row.begin(), row.end(), HoleMarker());
    for (; i < pending.size() && pending[i].t_ms == frame.t_ms; ++i) {
      double& slot = row[pending[i].index];
      if (!IsHole(slot)) {
        ++*repeated;
        continue;
      }
      slot = pending[i].value;
      frame.values.push_back(slot);
    }
    Lane& lane = LaneFor(segment, frame.t_ms, first);
    lane.encoder->Encode(*next_seq, frame.t_ms, row, &frame.bytes);
    const auto header = codec::ParseFrameHeader(frame.bytes);
    RONDA_CHECK(header.ok());
    frame.header = *header;
    if (codec::IsKey(header->kind)) {
      lane.run_first_seq = *next_seq;
    }
    lane.last_ms = frame.t_ms;
    lane.first_index = first;
    lane.touched = true;
    ++*next_seq;
    const auto number = static_cast<size_t>(&lane - segment->lanes.data());
    frame.group = {GroupName(segment->job, segment->instance, segment->number, number),
                   segment->job, segment->instance};
    frame.schema = segment->schema;
    frame.schema_hash = segment->hash;
    frame.new_schema = std::exchange(segment->new_schema, false);
    frame.run_first_seq = lane.run_first_seq;
    out->push_back(std::move(frame));
  }
  pending.clear();
}

std::vector<PackedFrame> Packer::Pack(uint64_t* next_seq, int64_t* repeated) {
  for (const std::unique_ptr<Segment>& segment : segments_) {
    for (Lane& lane : segment->lanes) {
      lane.touched = false;
    }
  }
  std::vector<PackedFrame> out;
  for (const uint32_t number : touched_) {
    PackSegment(segments_[number].get(), next_seq, repeated, &out);
  }
  touched_.clear();
  ++packs_;
  return out;
}

void Packer::Undo() {
  for (const std::unique_ptr<Segment>& segment : segments_) {
    for (Lane& lane : segment->lanes) {
      if (lane.touched) {
        lane.encoder->StartRun(segment->schema);
        lane.last_ms = 0;
      }
    }
    segment->new_schema = segment->schema != nullptr;
  }
}

}  // namespace ronda::remote
