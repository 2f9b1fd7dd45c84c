#include "agent/samplers/host/time.h"

#include <ctime>

#include "agent/samplers/host/text.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor kZone = {"node_time_zone_offset_seconds", MetricType::kGauge, "seconds",
                                    "time_zone", "Local time less UTC."};
constexpr MetricDescriptor kAvailable = {"node_time_clocksource_available_info", MetricType::kGauge,
                                         "", "clocksource,device",
                                         "Clock sources that the kernel has; always 1."};
constexpr MetricDescriptor kCurrent = {"node_time_clocksource_current_info", MetricType::kGauge, "",
                                       "clocksource,device",
                                       "The clock source that the kernel uses; always 1."};
constexpr MetricDescriptor kMetrics[] = {
    {"node_time_seconds", MetricType::kGauge, "seconds", "", "Seconds since the epoch."},
    kZone,
    kAvailable,
    kCurrent,
};

}  // namespace

TimeSampler::TimeSampler(const std::string& sysfs, const Clock& clock)
    : clock_(clock),
      available_(sysfs + "/devices/system/clocksource/clocksource0/available_clocksource"),
      current_(sysfs + "/devices/system/clocksource/clocksource0/current_clocksource"),
      series_(kMetrics) {}

std::span<const MetricDescriptor> TimeSampler::metrics() const { return kMetrics; }

absl::Status TimeSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  const int64_t now_ms = clock_.NowMs();
  series_.Set(table, 0, static_cast<double>(now_ms) / 1000.0);
  SampleZone(now_ms / 1000, table);
  SampleClocksource(table);
  return absl::OkStatus();
}

void TimeSampler::SampleZone(int64_t now_s, SeriesTable& table) {
  // Offsets change on whole minutes; tzset() looks for a change of /etc/localtime.
  if (now_s / 60 != zone_minute_) {
    zone_minute_ = now_s / 60;
    tzset();
    tm local{};
    const time_t now = now_s;
    localtime_r(&now, &local);
    zone_offset_s_ = local.tm_gmtoff;
    zone_ = local.tm_zone;
  }
  table.Set(table.Declare(kZone, {zone_}), static_cast<double>(zone_offset_s_));
}

void TimeSampler::SampleClocksource(SeriesTable& table) {
  std::string_view text;
  if (available_.TryRead(&text) == 0) {
    std::string_view line = Trim(text);
    for (std::string_view name = TakeField(&line); !name.empty(); name = TakeField(&line)) {
      table.Set(table.Declare(kAvailable, {name, "0"}), 1);
    }
  }
  if (current_.TryRead(&text) == 0 && !Trim(text).empty()) {
    table.Set(table.Declare(kCurrent, {Trim(text), "0"}), 1);
  }
}

}  // namespace ronda::agent
