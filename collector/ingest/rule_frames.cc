// Tested by tests/unit/collector/ingest/rule_series_test.cc.
#include "collector/ingest/rule_frames.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/codec/schema_limits.h"
#include "common/model/rule_series.h"
#include "common/model/sample.h"

namespace ronda::ingest {
namespace {

constexpr size_t kSmallSegment = 64;
using codec::kMaxLabels;
using codec::kMaxNameBytes;
using codec::kMaxTextBytes;
constexpr size_t kMaxGroupName = 900;

absl::Status CheckLabels(const Labels& labels) {
  if (labels.size() > kMaxLabels) {
    return Fail(absl::StatusCode::kInvalidArgument, "{} has {} labels, {} can be stored",
                labels.Get(kMetricName), labels.size(), kMaxLabels);
  }
  for (const Label& label : labels.all()) {
    if (label.name.size() > kMaxNameBytes || label.value.size() > kMaxTextBytes) {
      return Fail(absl::StatusCode::kInvalidArgument,
                  "the label {} of {} is too long to be stored: {} bytes of {}",
                  label.name.substr(0, kMaxNameBytes), labels.Get(kMetricName).substr(0, 200),
                  label.value.size(), kMaxTextBytes);
    }
  }
  return absl::OkStatus();
}

std::string GroupName(const std::string& source, const std::string& job,
                      const std::string& instance, size_t segment) {
  std::string name = source + "/" + job + "/" + instance;
  if (name.size() > kMaxGroupName) {
    const auto hash = ContentHash(name);
    name = ToHex({reinterpret_cast<const char*>(hash.data()), hash.size()});
  }
  return fmt::format("{}{}/{}", kRuleGroups, name, segment);
}

std::shared_ptr<const Schema> MakeSchema(const std::vector<std::string>& metrics,
                                         const std::vector<Labels>& labels) {
  auto schema = std::make_shared<Schema>();
  absl::flat_hash_map<std::string, uint32_t> numbers;
  for (size_t i = 0; i < metrics.size(); ++i) {
    const auto [at, is_new] =
        numbers.try_emplace(metrics[i], static_cast<uint32_t>(schema->metrics.size()));
    if (is_new) {
      schema->metrics.push_back({metrics[i], MetricType::kUnknown, "", "Recorded by a rule."});
    }
    schema->series.push_back({at->second, labels[i]});
  }
  return schema;
}

}  // namespace

// Those that ended leave; what is left keeps its order.
void RuleFrames::Compact(size_t number, Target* target) {
  Segment& segment = target->segments[number];
  Segment kept;
  kept.last_ms = segment.last_ms;
  kept.used = segment.used;
  std::vector<size_t> moved(segment.labels.size(), SIZE_MAX);
  for (size_t i = 0; i < segment.labels.size(); ++i) {
    // What has a value in this frame stays for it.
    if (!segment.ended[i] || !IsHole(segment.values[i])) {
      moved[i] = kept.labels.size();
      kept.metrics.push_back(std::move(segment.metrics[i]));
      kept.labels.push_back(std::move(segment.labels[i]));
      kept.ended.push_back(segment.ended[i]);
      kept.values.push_back(segment.values[i]);
    }
  }
  absl::erase_if(target->places, [&](auto& entry) {
    if (entry.second.segment != number) {
      return false;
    }
    entry.second.index = moved[entry.second.index];
    return entry.second.index == SIZE_MAX;
  });
  segment = std::move(kept);
}

RuleFrames::Place RuleFrames::PlaceOf(const rules::RuleSample& sample, Target* target) {
  if (const auto known = target->places.find(sample.labels); known != target->places.end()) {
    return known->second;
  }
  std::vector<Segment>& segments = target->segments;
  if (!segments.empty() && segments.back().labels.size() >= kSmallSegment) {
    Compact(segments.size() - 1, target);
  }
  if (segments.empty() || segments.back().labels.size() >= kSmallSegment) {
    segments.emplace_back();
  }
  Segment& segment = segments.back();
  Labels own = sample.labels;
  for (const std::string_view name : {kMetricName, std::string_view("node"),
                                      std::string_view("job"), std::string_view("instance")}) {
    own.Set(name, "");
  }
  segment.metrics.emplace_back(sample.labels.Get(kMetricName));
  segment.labels.push_back(std::move(own));
  segment.ended.push_back(false);
  segment.values.push_back(HoleMarker());
  segment.schema = nullptr;
  const Place place{segments.size() - 1, segment.labels.size() - 1};
  target->places.emplace(sample.labels, place);
  return place;
}

absl::StatusOr<std::vector<store::FrameEntry>> RuleFrames::Make(
    store::NodeId node, const std::string& source, int64_t t_ms,
    const std::vector<rules::RuleSample>& samples, store::Store& store, OwnFrames* own) {
  std::map<Key, Target*> touched;
  absl::Status status;
  for (const rules::RuleSample& sample : samples) {
    if (absl::Status fits = CheckLabels(sample.labels); !fits.ok()) {
      status = std::move(fits);
      continue;
    }
    Key key(node, source, sample.labels.Get("job"), sample.labels.Get("instance"));
    Target& target = targets_[key];
    touched.emplace(std::move(key), &target);
    const Place place = PlaceOf(sample, &target);
    Segment& segment = target.segments[place.segment];
    segment.values[place.index] = sample.value;
    segment.ended[place.index] = IsStale(sample.value);
    segment.used = true;
  }
  std::vector<store::FrameEntry> frames;
  for (auto& [key, target] : touched) {
    const std::string& job = std::get<2>(key);
    const std::string& instance = std::get<3>(key);
    for (size_t i = 0; i < target->segments.size(); ++i) {
      Segment& segment = target->segments[i];
      if (!std::exchange(segment.used, false)) {
        continue;
      }
      // A run's times ascend: a clock that was set back begins another one.
      if (segment.schema == nullptr || t_ms <= segment.last_ms) {
        segment.schema = MakeSchema(segment.metrics, segment.labels);
        if (absl::Status added = store.AddSchema(segment.schema); !added.ok()) {
          segment.schema = nullptr;
          return added;
        }
      }
      segment.last_ms = t_ms;
      frames.push_back(own->Samples(node,
                                    {GroupName(source, job, instance, i), job,
                                     instance.empty() ? std::string(kNoInstance) : instance},
                                    segment.schema, t_ms, segment.values));
      std::fill(segment.values.begin(), segment.values.end(), HoleMarker());
    }
  }
  if (frames.empty() && !status.ok()) {
    return status;
  }
  return frames;
}

}  // namespace ronda::ingest
