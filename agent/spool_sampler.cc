// Tested by tests/unit/agent/spool_sampler_test.cc.
#include "agent/spool_sampler.h"

#include <algorithm>

namespace ronda::agent {
namespace {

constexpr MetricDescriptor kBytes = {
    "ronda_agent_spool_bytes", MetricType::kGauge, "bytes", "place",
    "Frames that are kept until the collector has acknowledged them; what is on disk may be in "
    "memory as well."};
constexpr MetricDescriptor kFrames = {"ronda_agent_spool_frames", MetricType::kGauge, "", "",
                                      "Frames that are not acknowledged."};
constexpr MetricDescriptor kOldest = {
    "ronda_agent_spool_oldest_age_seconds", MetricType::kGauge, "seconds", "",
    "Age of the oldest frame that is not acknowledged, 0 if there is none."};
constexpr MetricDescriptor kDropped = {
    "ronda_agent_spool_dropped_frames_total", MetricType::kCounter, "", "cause",
    "Frames that were given up: overflow (the limits of memory or spool), rejected (by the "
    "collector), corrupt (on disk)."};
constexpr MetricDescriptor kResent = {"ronda_agent_spool_resent_frames_total", MetricType::kCounter,
                                      "", "", "Frames that were sent in the backfill lane."};
constexpr MetricDescriptor kWritten = {"ronda_agent_spool_written_bytes_total",
                                       MetricType::kCounter, "bytes", "",
                                       "Content that was written into spool.db."};
constexpr MetricDescriptor kFailures = {"ronda_agent_spool_failures_total", MetricType::kCounter,
                                        "", "", "Times that the disk did not take or give it."};
constexpr MetricDescriptor kMetrics[] = {kBytes,  kFrames,  kOldest,  kDropped,
                                         kResent, kWritten, kFailures};

}  // namespace

std::span<const MetricDescriptor> SpoolSampler::Metrics() { return kMetrics; }

absl::Status SpoolSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  const RunQueueUse use = queue_.use();
  const RunQueueCounters counters = queue_.counters();
  const SpoolState disk = spool_.state();
  const auto set = [&](const MetricDescriptor& metric, std::string_view label, int64_t value) {
    table.Set(label.empty() ? table.Declare(metric) : table.Declare(metric, {label}),
              static_cast<double>(value));
  };
  set(kBytes, "memory", use.memory_bytes);
  set(kBytes, "disk", use.disk_bytes);
  set(kFrames, "", use.frames);
  set(kOldest, "",
      use.oldest_ms == 0 ? 0 : std::max<int64_t>(clock_.NowMs() - use.oldest_ms, 0) / 1000);
  set(kDropped, "overflow", counters.overflow_frames);
  set(kDropped, "rejected", counters.rejected_frames);
  set(kDropped, "corrupt", counters.corrupt_frames);
  set(kResent, "", counters.resent_frames);
  set(kWritten, "", disk.written_bytes);
  set(kFailures, "", disk.failures);
  return absl::OkStatus();
}

}  // namespace ronda::agent
