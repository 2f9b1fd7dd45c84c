// Samples, and where they are gone what is left of them: the last sample of each minute or hour.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "collector/store/queryable_view.h"
#include "common/base/mutex.h"

namespace ronda::store {

// A view of a Queryable for queries that know only samples. Where the retention of samples has
// removed them, a series has the last sample of each of its buckets, at its own time; where it was
// stale at the end of one, a marker there. Counters keep their values so, and gauges one of them a
// minute or an hour: minima, maxima and averages over such time are those of what is left.
//
// Thread-safe. The Queryable must outlive it.
class LongHistory : public QueryableView {
 public:
  // `step_ms` is how finely the answer will be looked at: minutes are read only if that is less
  // than an hour. 0: as finely as there is.
  LongHistory(const Queryable& data, int64_t step_ms) : QueryableView(data), step_ms_(step_ms) {}

  // For who wants nothing but the newest sample at each of the points first_ms, first_ms + step_ms,
  // ...: where all of them are whole minutes, the last samples of minutes do, and Select() leaves
  // the others out, unread.
  LongHistory(const Queryable& data, int64_t first_ms, int64_t step_ms)
      : QueryableView(data),
        step_ms_(step_ms),
        minutes_do_(step_ms > 0 && step_ms % kMinuteMs == 0 && first_ms % kMinuteMs == 0) {}

  // What the Selects so far took from buckets. Times in (from, to] have a point each
  // `resolution_ms` at the least, so that a shorter look-back may find none; 0: nothing was taken.
  struct Thinned {
    TimeRange range;
    int64_t resolution_ms = 0;
  };
  Thinned thinned() const;

  absl::Status Select(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                      absl::FunctionRef<bool(const SeriesView&)> visit) const override;

  // As Select() where samples are gone, else that of the data.
  absl::Status SelectNewest(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                            absl::FunctionRef<bool(const SeriesView&)> visit) const override;

 private:
  absl::Status SelectByMinute(const std::vector<Matcher>& matchers, int64_t start_ms,
                              int64_t end_ms, const TimeRange& minutes,
                              absl::FunctionRef<bool(const SeriesView&)> visit) const;

  const int64_t step_ms_;
  const bool minutes_do_ = false;
  mutable Mutex mu_;
  mutable Thinned thinned_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda::store
