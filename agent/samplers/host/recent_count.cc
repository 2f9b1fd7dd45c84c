#include "agent/samplers/host/recent_count.h"

namespace ronda::agent {

uint64_t RecentCount::Observe(int64_t t_ms, uint64_t total) {
  if (seen_ && total > last_total_) {
    const uint64_t by = total - last_total_;
    if (count_ == steps_.size()) {
      // Full: the oldest step moves on to its neighbour.
      Step& oldest = steps_[first_];
      first_ = (first_ + 1) % steps_.size();
      steps_[first_].by += oldest.by;
      --count_;
    }
    steps_[(first_ + count_) % steps_.size()] = {t_ms, by};
    ++count_;
  }
  seen_ = true;
  last_total_ = total;
  uint64_t recent = 0;
  while (count_ > 0 && steps_[first_].t_ms <= t_ms - window_ms_) {
    first_ = (first_ + 1) % steps_.size();
    --count_;
  }
  for (size_t i = 0; i < count_; ++i) {
    recent += steps_[(first_ + i) % steps_.size()].by;
  }
  return recent;
}

}  // namespace ronda::agent
