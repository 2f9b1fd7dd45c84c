#include "agent/samplers/host/timex.h"

#include <sys/timex.h>

#include <cerrno>

#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor Gauge(std::string_view name, std::string_view unit,
                                 std::string_view help) {
  return {name, MetricType::kGauge, unit, "", help};
}
constexpr MetricDescriptor Counter(std::string_view name, std::string_view help) {
  return {name, MetricType::kCounter, "", "", help};
}

enum Metric : size_t {
  kOffset,
  kFrequency,
  kMaxError,
  kEstimatedError,
  kStatus,
  kConstant,
  kTick,
  kPpsFrequency,
  kPpsJitter,
  kPpsShift,
  kPpsStability,
  kPpsJitterTotal,
  kPpsCalibration,
  kPpsError,
  kPpsExceeded,
  kTai,
  kSync,
};
constexpr MetricDescriptor kMetrics[] = {
    Gauge("node_timex_offset_seconds", "seconds", "Offset between local clock and reference."),
    Gauge("node_timex_frequency_adjustment_ratio", "", "Local clock's frequency adjustment."),
    Gauge("node_timex_maxerror_seconds", "seconds", "Maximum error."),
    Gauge("node_timex_estimated_error_seconds", "seconds", "Estimated error."),
    Gauge("node_timex_status", "", "Status bits of the clock (STA_*)."),
    Gauge("node_timex_loop_time_constant", "", "Time constant of the phase-locked loop."),
    Gauge("node_timex_tick_seconds", "seconds", "Time between clock ticks."),
    Gauge("node_timex_pps_frequency_hertz", "hertz", "Pulse-per-second frequency."),
    Gauge("node_timex_pps_jitter_seconds", "seconds", "Pulse-per-second jitter."),
    Gauge("node_timex_pps_shift_seconds", "seconds", "Pulse-per-second interval duration."),
    Gauge("node_timex_pps_stability_hertz", "hertz", "Pulse-per-second stability."),
    Counter("node_timex_pps_jitter_total", "Times the pulse-per-second jitter limit was exceeded."),
    Counter("node_timex_pps_calibration_total", "Pulse-per-second calibration intervals."),
    Counter("node_timex_pps_error_total", "Pulse-per-second calibration errors."),
    Counter("node_timex_pps_stability_exceeded_total",
            "Times the pulse-per-second stability limit was exceeded."),
    Gauge("node_timex_tai_offset_seconds", "seconds", "International Atomic Time less UTC."),
    Gauge("node_timex_sync_status", "", "1 if the clock is synchronised to a reference."),
};

// Frequencies are in parts per million with 16 bits after the point.
constexpr double kPpmScale = 1e6 * 65536.0;
constexpr double kMicro = 1e6;
constexpr double kNano = 1e9;

}  // namespace

TimexSampler::TimexSampler() : series_(kMetrics) {}

std::span<const MetricDescriptor> TimexSampler::metrics() const { return kMetrics; }

absl::Status TimexSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  timex now{};  // modes 0: only reads
  const int state = adjtimex(&now);
  if (state < 0) {
    return ErrnoStatus(errno, "calling adjtimex");
  }
  const double unit = (now.status & STA_NANO) != 0 ? kNano : kMicro;
  const auto set = [&](Metric metric, double value) { series_.Set(table, metric, value); };
  const auto number = [](long n) { return static_cast<double>(n); };
  set(kOffset, number(now.offset) / unit);
  set(kFrequency, 1 + number(now.freq) / kPpmScale);
  set(kMaxError, number(now.maxerror) / kMicro);
  set(kEstimatedError, number(now.esterror) / kMicro);
  set(kStatus, now.status);
  set(kConstant, number(now.constant));
  set(kTick, number(now.tick) / kMicro);
  set(kPpsFrequency, number(now.ppsfreq) / kPpmScale);
  set(kPpsJitter, number(now.jitter) / unit);
  set(kPpsShift, now.shift);
  set(kPpsStability, number(now.stabil) / kPpmScale);
  set(kPpsJitterTotal, number(now.jitcnt));
  set(kPpsCalibration, number(now.calcnt));
  set(kPpsError, number(now.errcnt));
  set(kPpsExceeded, number(now.stbcnt));
  set(kTai, now.tai);
  set(kSync, state == TIME_ERROR ? 0 : 1);
  return absl::OkStatus();
}

}  // namespace ronda::agent
