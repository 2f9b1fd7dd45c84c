#include "agent/schedule/group.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/status.h"
#include "common/codec/frame.h"
#include "common/obs/log.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor kUp = {"up", MetricType::kGauge, "", "",
                                  "1 if the source could be read, 0 if not."};
constexpr MetricDescriptor kDuration = {
    "ronda_sampler_duration_seconds", MetricType::kGauge, "seconds", "sampler",
    "Mean time a run of the sampler took, over its last ten ticks."};
constexpr MetricDescriptor kSuccess = {"ronda_sampler_success", MetricType::kGauge, "", "sampler",
                                       "1 if the sampler's last run succeeded, 0 if not."};
constexpr MetricDescriptor kInterval = {
    "ronda_sampler_interval_seconds", MetricType::kGauge, "seconds", "sampler",
    "How often the sampler runs; longer than it was made for while it costs more than its budget."};
constexpr MetricDescriptor kMissed = {
    "ronda_ticks_missed_total", MetricType::kCounter, "", "",
    "Ticks of the group that were left out because the one before took too long."};
constexpr MetricDescriptor kRefused = {"ronda_series_refused_total", MetricType::kCounter, "", "",
                                       "Series that the group had no room for."};
constexpr MetricDescriptor kOwnMetrics[] = {kUp, kDuration, kSuccess, kInterval, kMissed, kRefused};

// The group's own series have owner 0, those of sampler i owner i + 1.
constexpr uint32_t kOwn = 0;

double RoundedSeconds(int64_t ns) { return static_cast<double>((ns + 500) / 1000) / 1e6; }

}  // namespace

struct Group::Entry {
  Entry(std::unique_ptr<Sampler> s, const GroupOptions& options)
      : sampler(std::move(s)),
        essential(options.essential.empty() ||
                  std::find(options.essential.begin(), options.essential.end(), sampler->name()) !=
                      options.essential.end()),
        budget(sampler->interval_s(), options.budget_ns),
        failures("sampler " + std::string(sampler->name()) + " of " + options.identity.name) {}

  // Seconds in which it runs are those that leave `offset` when divided by its interval, so that
  // slow samplers do not all run in the same tick.
  bool Due(int64_t t_s) const {
    return !ran || retry || t_s >= next_s || next_s > t_s + budget.interval_s();
  }
  void PlanNext(int64_t t_s, uint32_t offset) {
    const int64_t interval_s = budget.interval_s();
    const int64_t from = t_s - offset % interval_s;
    next_s = t_s + interval_s - ((from % interval_s) + interval_s) % interval_s;
  }

  std::unique_ptr<Sampler> sampler;
  bool essential;
  CostBudget budget;
  FailureLog failures;
  bool ran = false;
  bool ok = false;
  bool retry = false;  // its values were taken away while the source was down
  int64_t next_s = 0;
  SeriesRef duration = kNoSeries;
  SeriesRef success = kNoSeries;
  SeriesRef interval = kNoSeries;
  SeriesRef scrape_duration = kNoSeries;
  SeriesRef scrape_success = kNoSeries;
};

Group::Group(GroupOptions options, std::vector<std::unique_ptr<Sampler>> samplers,
             const Clock& clock)
    : options_(std::move(options)), clock_(clock), encoder_(options_.group, options_.identity) {
  entries_.reserve(samplers.size());
  for (std::unique_ptr<Sampler>& sampler : samplers) {
    entries_.emplace_back(std::move(sampler), options_);
  }
}

Group::~Group() = default;

std::span<const MetricDescriptor> Group::OwnMetrics() { return kOwnMetrics; }

void Group::Tick(int64_t t_ms, FrameSink& sink) {
  // Counted in ticks, not by the encoder's runs: those also end when a series appears, and a group
  // in which one appears every minute would never forget any.
  if (ticks_since_compact_ >= codec::kMaxRunFrames) {
    table_.Compact();
    ticks_since_compact_ = 0;
  }
  ++ticks_since_compact_;

  for (uint32_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].Due(t_ms / 1000)) {
      RunSampler(i + 1, entries_[i], t_ms);
    }
  }
  const bool was_up = std::exchange(up_, SourceIsUp());
  for (uint32_t i = 0; i < entries_.size(); ++i) {
    if (!up_) {
      table_.BeginSampler(i + 1);
      entries_[i].sampler->SetDown(table_);
    }
    entries_[i].retry = up_ && !was_up;
  }
  SetOwnSeries();
  SubmitFrame(t_ms, sink);
}

void Group::RunSampler(uint32_t owner, Entry& entry, int64_t t_ms) {
  const int64_t start_ns = clock_.MonotonicNs();
  table_.BeginSampler(owner);
  const absl::Status status = entry.sampler->Sample(t_ms, table_);
  const int64_t end_ns = clock_.MonotonicNs();
  if (!status.ok()) {
    table_.BeginSampler(owner);  // takes back what it had set
  }
  entry.ran = true;
  entry.ok = status.ok();
  entry.failures.Report(status, end_ns);
  const int before_s = entry.budget.interval_s();
  entry.budget.AddRun(end_ns - start_ns);
  if (entry.budget.interval_s() > before_s) {
    obs::Warn("schedule", "sampler {} of {} costs more than its budget interval_s={} run_us={}",
              entry.sampler->name(), options_.identity.name, entry.budget.interval_s(),
              entry.budget.mean_run_ns() / 1000);
  }
  entry.PlanNext(t_ms / 1000, owner);
}

bool Group::SourceIsUp() const {
  if (options_.essential.empty()) {
    return std::any_of(entries_.begin(), entries_.end(), [](const Entry& e) { return e.ok; });
  }
  return std::all_of(entries_.begin(), entries_.end(),
                     [](const Entry& e) { return !e.essential || e.ok; });
}

void Group::DeclareOwnSeries() {
  up_series_ = table_.Declare(kUp);
  missed_series_ = table_.Declare(kMissed);
  refused_series_ = table_.Declare(kRefused);
  for (Entry& entry : entries_) {
    entry.duration = table_.Declare(kDuration, {entry.sampler->name()});
    entry.success = table_.Declare(kSuccess, {entry.sampler->name()});
    entry.interval = table_.Declare(kInterval, {entry.sampler->name()});
    if (const ScrapeMetrics* scrape = options_.scrape_metrics; scrape != nullptr) {
      entry.scrape_duration = table_.Declare(scrape->duration, {entry.sampler->name()});
      entry.scrape_success = table_.Declare(scrape->success, {entry.sampler->name()});
    }
  }
  own_generation_ = table_.generation();
}

void Group::SetOwnSeries() {
  table_.BeginSampler(kOwn);
  if (own_generation_ != table_.generation()) {
    DeclareOwnSeries();
  }
  table_.Set(up_series_, up_ ? 1 : 0);
  table_.Set(missed_series_, static_cast<double>(missed_ticks_));
  table_.Set(refused_series_, static_cast<double>(table_.refused()));
  for (const Entry& entry : entries_) {
    if (entry.ran) {
      const double duration_s = RoundedSeconds(entry.budget.mean_run_ns());
      table_.Set(entry.duration, duration_s);
      table_.Set(entry.success, entry.ok ? 1 : 0);
      table_.Set(entry.scrape_duration, duration_s);
      table_.Set(entry.scrape_success, entry.ok ? 1 : 0);
      table_.Set(entry.interval, entry.budget.interval_s());
    }
  }
}

void Group::SubmitFrame(int64_t t_ms, FrameSink& sink) {
  const std::shared_ptr<const Schema>& schema = table_.schema();
  sink.Submit({options_.group, t_ms, schema}, [&](uint64_t seq, bool start_run, std::string* out) {
    if (start_run || run_schema_ != schema) {
      encoder_.StartRun(schema);
      run_schema_ = schema;
    }
    encoder_.Encode(seq, t_ms, table_.values(), out);
  });
}

}  // namespace ronda::agent
