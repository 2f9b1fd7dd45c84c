#include "agent/schedule/tick_plan.h"

#include <cstdlib>

#include "common/base/digest.h"

namespace ronda::agent {
namespace {

constexpr int64_t kStepMs = 1000;
constexpr int64_t kNsPerMs = 1'000'000;

// The first instant after `after_ms` that is a multiple of `interval_ms` plus `phase_ms`.
int64_t FirstAfter(int64_t after_ms, int64_t interval_ms, int64_t phase_ms) {
  int64_t since = (after_ms - phase_ms) % interval_ms;
  if (since < 0) {
    since += interval_ms;
  }
  return after_ms - since + interval_ms;
}

}  // namespace

int64_t PhaseMs(std::string_view node_name) {
  const auto hash = ContentHash(node_name);
  return (hash[0] | hash[1] << 8 | hash[2] << 16) % 1000;
}

TickPlan::TickPlan(int64_t interval_ms, int64_t phase_ms)
    : interval_ms_(interval_ms), phase_ms_(phase_ms % interval_ms) {}

TickPlan::Tick TickPlan::Next(int64_t wall_ms, int64_t mono_ns) {
  // A tick whose time is now may still run: only those before `wall_ms` are too late.
  int64_t t_ms = FirstAfter(wall_ms - 1, interval_ms_, phase_ms_);
  if (last_t_ms_.has_value()) {
    if (t_ms <= *last_t_ms_) {
      t_ms = *last_t_ms_ + interval_ms_;
    }
    skipped_ += static_cast<uint64_t>((t_ms - *last_t_ms_) / interval_ms_ - 1);
  }
  last_t_ms_ = t_ms;
  return {t_ms, mono_ns + (t_ms - wall_ms) * kNsPerMs};
}

std::optional<ClockStep> TickPlan::CheckClocks(int64_t wall_ms, int64_t mono_ns) {
  const int64_t offset_ms = wall_ms - mono_ns / kNsPerMs;
  const int64_t was_ms = offset_ms_.value_or(offset_ms);
  offset_ms_ = offset_ms;
  if (std::abs(offset_ms - was_ms) <= kStepMs) {
    return std::nullopt;
  }
  last_t_ms_.reset();
  return ClockStep{wall_ms - (offset_ms - was_ms), wall_ms};
}

}  // namespace ronda::agent
