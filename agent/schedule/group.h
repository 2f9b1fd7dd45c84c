// A group of samplers: one tick of it is one frame.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/samplers/frame_sink.h"
#include "agent/samplers/sampler.h"
#include "agent/schedule/cost_budget.h"
#include "agent/schedule/failure_log.h"
#include "common/base/clock.h"
#include "common/codec/sample_run.h"
#include "common/model/schema.h"

namespace ronda::agent {

struct GroupOptions {
  uint32_t group = 0;  // its number within the epoch
  GroupIdentity identity;
  // `up` is 1 if all of these samplers succeeded when they ran last; empty: if any sampler did.
  std::vector<std::string> essential;
  int64_t budget_ns = CostBudget::kDefaultBudgetNs;
  const ScrapeMetrics* scrape_metrics = nullptr;  // null: said under Ronda's names alone
};

// Owns the samplers of one source, its series and its encoder. Beside what the samplers set, a
// group has the series `up`, ronda_sampler_{duration_seconds,success,interval_seconds}{sampler},
// ronda_ticks_missed_total and ronda_series_refused_total, and those of `scrape_metrics`.
//
// A sampler that fails leaves no sample of its own in the frame. While `up` is 0 no series but the
// group's own and what Sampler::SetDown() sets have a sample, those of slower samplers neither;
// once it is 1 again, all samplers run on the next tick. Not thread-safe: one thread ticks it.
class Group {
 public:
  // `clock` must outlive the group.
  Group(GroupOptions options, std::vector<std::unique_ptr<Sampler>> samplers, const Clock& clock);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  // Runs the samplers that are due and submits one frame with the time t_ms.
  void Tick(int64_t t_ms, FrameSink& sink);

  // Ticks that were left out since the group was made; goes into the next frame.
  void set_missed_ticks(uint64_t n) { missed_ticks_ = n; }

  // What --print-metrics shows: the group's own metrics.
  static std::span<const MetricDescriptor> OwnMetrics();

  const GroupIdentity& identity() const { return options_.identity; }
  // As of the last tick.
  SeriesTable& table() { return table_; }
  bool up() const { return up_; }

 private:
  struct Entry;  // a sampler and what is known about it

  void RunSampler(uint32_t owner, Entry& entry, int64_t t_ms);
  bool SourceIsUp() const;
  void SetOwnSeries();
  void DeclareOwnSeries();
  void SubmitFrame(int64_t t_ms, FrameSink& sink);

  const GroupOptions options_;
  const Clock& clock_;
  SeriesTable table_;
  std::vector<Entry> entries_;
  codec::SampleRunEncoder encoder_;
  std::shared_ptr<const Schema> run_schema_;  // of the encoder's present run
  int ticks_since_compact_ = 0;
  uint64_t own_generation_ = 0;
  uint64_t missed_ticks_ = 0;
  bool up_ = true;
  SeriesRef up_series_ = kNoSeries;
  SeriesRef missed_series_ = kNoSeries;
  SeriesRef refused_series_ = kNoSeries;
};

}  // namespace ronda::agent
