#include "agent/agent.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "agent/certificate_sampler.h"
#include "agent/samplers/host/host_samplers.h"
#include "agent/samplers/postgres/postgres_sampler.h"
#include "agent/schedule/tick_plan.h"
#include "agent/spool_sampler.h"
#include "common/base/digest.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/base/version.h"
#include "common/obs/log.h"
#include "common/rpc/credentials.h"

namespace ronda::agent {
namespace {

constexpr uint32_t kGapGroup = 1;
constexpr uint32_t kFirstSourceGroup = 2;
constexpr int64_t kMergeGapsMs = 10'000;

std::string FirstLine(const std::string& path) {
  auto text = ReadFile(path, 4096);
  return text.ok() ? text->substr(0, text->find('\n')) : "";
}

StreamOptions StreamOptionsOf(const AgentConfig& config) {
  StreamOptions options;
  options.collectors = config.collectors;
  options.node = config.node;
  std::vector<Label> labels;
  for (const auto& [name, value] : config.labels) {
    labels.push_back({name, value});
  }
  options.labels = Labels(std::move(labels));
  options.boot_id = FirstLine(config.host.procfs + "/sys/kernel/random/boot_id");
  // Hashed: the raw machine id is meant to stay on the machine (machine-id(5)).
  const auto hash = ContentHash("ronda " + FirstLine("/etc/machine-id"));
  options.machine_id = ToHex({reinterpret_cast<const char*>(hash.data()), hash.size()});
  options.version = std::string(Version());
  options.failover_after_ms = config.failover.after_ms;
  options.return_after_ms = config.failover.return_after_ms;
  if (!config.insecure) {
    options.credentials = [files = TlsFiles(config)] {
      return rpc::LoadChannelCredentials(files, SystemClock().NowMs());
    };
  }
  return options;
}

RunQueue::Options QueueOptionsOf(const AgentConfig& config) {
  RunQueue::Options options;
  options.max_bytes = static_cast<size_t>(config.spool.max_memory_bytes);
  options.keep_bytes = options.max_bytes / 4;
  return options;
}

SpoolOptions SpoolOptionsOf(const AgentConfig& config) {
  SpoolOptions options;
  options.path = config.spool.path == "none" ? "" : config.spool.path;
  options.node = config.node;
  options.max_age_ms = config.spool.max_age_ms;
  options.max_bytes = config.spool.max_bytes;
  return options;
}

// Of a run against a server: most of it is waiting for the network, which costs nobody anything.
constexpr int64_t kRemoteBudgetNs = 500'000'000;

// A libpq connection string of the single parts; values quoted as libpq wants them.
std::string ConnectionString(const PostgresConfig& config) {
  if (!config.dsn.empty()) {
    return config.dsn;
  }
  std::string out;
  const auto add = [&out](std::string_view key, std::string_view value) {
    if (value.empty()) {
      return;
    }
    out += out.empty() ? "" : " ";
    out += key;
    out += "='";
    for (const char c : value) {
      if (c == '\'' || c == '\\') {
        out += '\\';
      }
      out += c;
    }
    out += '\'';
  };
  add("host", config.host);
  add("port", std::to_string(config.port));
  add("user", config.user);
  add("dbname", config.dbname);
  add("sslmode", config.sslmode);
  return out;
}

PostgresOptions PostgresOptionsOf(const PostgresConfig& config) {
  PostgresOptions options;
  options.connection = ConnectionString(config);
  options.password = config.password;
  options.statement_timeout_ms = static_cast<int>(config.timeout_ms);
  options.timeout_ms = static_cast<int>(std::max(config.connect_timeout_ms, config.timeout_ms));
  return options;
}

HostOptions HostOptionsOf(const HostConfig& config) {
  HostOptions options;
  options.procfs = config.procfs;
  options.sysfs = config.sysfs;
  options.rootfs = config.rootfs;
  options.disabled = config.disabled_samplers;
  if (!config.filesystem.mount_points_exclude.empty()) {
    options.mount_points_exclude = config.filesystem.mount_points_exclude;
  }
  if (!config.filesystem.fs_types_exclude.empty()) {
    options.fs_types_exclude = config.filesystem.fs_types_exclude;
  }
  return options;
}

// A node's label must not be one that a metric has: the collector could not tell them apart.
absl::Status CheckLabels(const AgentConfig& config) {
  for (const MetricDescriptor& metric : AllMetrics()) {
    for (std::string_view left = metric.labels; !left.empty();) {
      const size_t comma = std::min(left.find(','), left.size());
      const std::string label(left.substr(0, comma));
      left.remove_prefix(std::min(comma + 1, left.size()));
      if (config.labels.contains(label)) {
        return Fail(absl::StatusCode::kInvalidArgument,
                    "labels.{}: {} has a label of that name; give the node's another", label,
                    metric.name);
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

Agent::Agent(const AgentConfig& config, const Clock& clock)
    : config_(config),
      clock_(clock),
      queue_(QueueOptionsOf(config)),
      gaps_(kGapGroup, queue_, clock),
      spool_(SpoolOptionsOf(config), queue_, clock),
      stream_(StreamOptionsOf(config), queue_, clock),
      pause_file_(PauseFile(config)),
      suspended_ms_(clock.SuspendedMs()) {
  if (!config.insecure) {
    renewal_ =
        std::make_unique<Renewal>(RenewalOptions{config.collectors, TlsFiles(config)}, clock);
  }
}

Agent::~Agent() { Stop(0); }

absl::StatusOr<std::unique_ptr<Agent>> Agent::New(const AgentConfig& config, const Clock& clock) {
  RONDA_RETURN_IF_ERROR(CheckLabels(config));
  std::unique_ptr<Agent> agent(new Agent(config, clock));
  if (config.host.enabled) {
    RONDA_ASSIGN_OR_RETURN(auto samplers, NewHostSamplers(HostOptionsOf(config.host), clock));
    if (!config.insecure) {
      samplers.push_back(std::make_unique<CertificateSampler>(TlsFiles(config), clock));
    }
    samplers.push_back(std::make_unique<SpoolSampler>(agent->queue_, agent->spool_, agent->clock_));
    agent->AddHost(std::move(samplers));
  }
  for (const PostgresConfig& server : config.postgres) {
    RONDA_RETURN_IF_ERROR(agent->AddPostgres(server));
  }
  if (agent->sources_.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "nothing to sample: host.enabled is false and no database is named");
  }
  agent->queue_.SetGroupCount(agent->sources_.size());
  return agent;
}

void Agent::AddHost(std::vector<std::unique_ptr<Sampler>> samplers) {
  SourceThreadOptions thread;
  thread.thread_name = "ronda-host";
  thread.on_clock_step = [this](const ClockStep& step) { OnClockStep(step); };
  GroupOptions group;
  group.identity = {"host", "node", ""};
  group.scrape_metrics = &kNodeScrapeMetrics;
  AddSource(std::move(group), std::move(samplers), std::move(thread));
}

absl::Status Agent::AddPostgres(const PostgresConfig& config) {
  RONDA_ASSIGN_OR_RETURN(auto sampler, PostgresSampler::New(PostgresOptionsOf(config), clock_));
  const std::string instance = config.name.empty() ? sampler->instance() : config.name;
  for (const auto& [number, name] : group_names_) {
    if (name == "postgres/" + instance) {
      return Fail(absl::StatusCode::kInvalidArgument,
                  "two PostgreSQL servers are called {}: give one of them a name", instance);
    }
  }
  SourceThreadOptions thread;
  thread.thread_name = "ronda-pg";
  thread.interval_ms = config.interval_ms;
  thread.interrupt = [postgres = sampler.get()] { postgres->Interrupt(); };
  std::vector<std::unique_ptr<Sampler>> samplers;
  GroupOptions group;
  group.identity = {"postgres/" + instance, "postgres", instance};
  group.essential = {std::string(sampler->name())};
  group.budget_ns = kRemoteBudgetNs;
  samplers.push_back(std::move(sampler));
  AddSource(std::move(group), std::move(samplers), std::move(thread));
  return absl::OkStatus();
}

void Agent::AddSource(GroupOptions options, std::vector<std::unique_ptr<Sampler>> samplers,
                      SourceThreadOptions thread) {
  options.group = kFirstSourceGroup + static_cast<uint32_t>(sources_.size());
  group_names_[options.group] = options.identity.name;
  thread.phase_ms = PhaseMs(config_.node);
  thread.on_missed = [this, name = options.identity.name](int64_t from_ms, int64_t to_ms,
                                                          uint64_t missed, bool stood_still) {
    gaps_.Report(from_ms, to_ms, name, stood_still ? "paused" : "agent stalled",
                 fmt::format("{} ticks were left out: {}", missed,
                             stood_still ? "the agent's process stood still (stopped, frozen, or "
                                           "without any CPU)"
                                         : "the source took too long"));
  };
  Source source;
  source.group = std::make_unique<Group>(std::move(options), std::move(samplers), clock_);
  source.thread = std::make_unique<SourceThread>(std::move(thread), *source.group, queue_, clock_);
  sources_.push_back(std::move(source));
}

void Agent::Start() {
  spool_.Recover();
  LookForPause();
  spool_.Start();
  stream_.Start();
  if (renewal_ != nullptr) {
    renewal_->Start();
  }
  for (Source& source : sources_) {
    source.thread->Start();
  }
  keeper_ = StartThread("ronda-keeper", [this] { LookAfterDropped(); });
}

// A step of the wall clock against the monotonic one; where the machine slept meanwhile, that is
// the reason.
void Agent::OnClockStep(const ClockStep& step) {
  const int64_t suspended = clock_.SuspendedMs();
  const int64_t slept_ms = suspended - std::exchange(suspended_ms_, suspended);
  const int64_t step_ms = step.to_ms - step.from_ms;
  const bool slept = step_ms > 0 && slept_ms * 2 > step_ms;
  gaps_.Report(std::min(step.from_ms, step.to_ms), std::max(step.from_ms, step.to_ms), "",
               slept ? "paused" : "clock step",
               slept ? fmt::format("the machine was suspended for {} s", slept_ms / 1000)
                     : fmt::format("the wall clock went {} by {} ms, from {} to {}",
                                   step_ms > 0 ? "forwards" : "backwards", std::abs(step_ms),
                                   step.from_ms, step.to_ms));
}

// `ronda-agent pause` and `resume`. The gap has its begin in the order, so that it closes even if
// the agent was restarted meanwhile.
void Agent::LookForPause() {
  auto read = ReadPause(pause_file_);
  if (!read.ok()) {
    if (!std::exchange(pause_unreadable_, true)) {
      obs::Warn("agent", "an order to pause cannot be read: {}", Message(read.status()));
    }
    return;
  }
  pause_unreadable_ = false;
  const int64_t now_ms = clock_.NowMs();
  const bool paused = read->has_value() && !(*read)->IsOver(now_ms);
  if (paused && !pause_.has_value()) {
    pause_ = **read;
    obs::Info("agent", "paused until_ms={} reason=\"{}\"", pause_->until_ms, pause_->reason);
    gaps_.Report(pause_->from_ms, 0, "", "paused", pause_->reason);
    for (Source& source : sources_) {
      source.thread->SetPaused(true);
    }
  } else if (paused) {
    pause_->until_ms = (*read)->until_ms;
  }
  if (!paused && (pause_.has_value() || read->has_value())) {
    const PauseOrder order = read->has_value() ? **read : *pause_;
    const int64_t from_ms = pause_.has_value() ? pause_->from_ms : order.from_ms;
    const int64_t to_ms = order.IsOver(now_ms) ? order.until_ms : now_ms;
    gaps_.Report(from_ms, std::max(to_ms, from_ms + 1), "", "paused", order.reason);
    obs::Info("agent", "goes on after a pause of {} s", (to_ms - from_ms) / 1000);
    pause_.reset();
    if (absl::Status removed = RemovePause(pause_file_); !removed.ok()) {
      obs::Warn("agent", "an order to pause that is over stays behind: {}", Message(removed));
    }
    for (Source& source : sources_) {
      source.thread->SetPaused(false);
    }
  }
}

// Turns runs that had to be given up into gap records, so that the hole has its cause.
void Agent::LookAfterDropped() {
  std::vector<PendingGap> pending;
  bool last = false;
  while (!last) {
    {
      MutexLock lock(&mu_);
      if (!stopping_) {
        cv_.WaitFor(&mu_, std::chrono::seconds(1));
      }
      last = stopping_;
    }
    LookForPause();
    for (DroppedRun& dropped : queue_.TakeDropped()) {
      Merge(std::move(dropped), clock_.MonotonicMs(), &pending);
    }
    ReportDropped(last, &pending);
  }
}

// What is given up again and again (a group that is refused) is one gap in ten seconds, not one a
// tick.
void Agent::Merge(DroppedRun dropped, int64_t now_ms, std::vector<PendingGap>* pending) {
  for (PendingGap& gap : *pending) {
    if (gap.run.group == dropped.group && gap.run.cause == dropped.cause &&
        gap.run.detail == dropped.detail) {
      gap.run.from_ms = std::min(gap.run.from_ms, dropped.from_ms);
      gap.run.to_ms = std::max(gap.run.to_ms, dropped.to_ms);
      gap.run.frames += dropped.frames;
      return;
    }
  }
  pending->push_back({std::move(dropped), now_ms});
}

void Agent::ReportDropped(bool all, std::vector<PendingGap>* pending) {
  const int64_t now_ms = clock_.MonotonicMs();
  std::erase_if(*pending, [&](const PendingGap& gap) {
    if (!all && now_ms - gap.since_ms < kMergeGapsMs) {
      return false;
    }
    const auto name = group_names_.find(gap.run.group);
    const std::string group = name == group_names_.end() ? "" : name->second;
    obs::Warn("agent", "data was given up group={} frames={} cause={} detail=\"{}\"",
              !group.empty()               ? group
              : gap.run.group == kGapGroup ? "records"
                                           : "all",
              gap.run.frames, gap.run.cause, gap.run.detail);
    gaps_.Report(gap.run.from_ms, gap.run.to_ms, group, gap.run.cause, gap.run.detail);
    return true;
  });
}

void Agent::Stop(int64_t drain_ms) {
  if (!keeper_.joinable()) {
    return;
  }
  for (Source& source : sources_) {
    source.thread->Stop();
  }
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    cv_.SignalAll();
  }
  keeper_.join();
  stream_.Stop("stopped", drain_ms);
  spool_.Stop(stream_.said_goodbye());
}

std::vector<MetricDescriptor> AllMetrics() {
  std::vector<MetricDescriptor> all;
  const auto add = [&all](std::span<const MetricDescriptor> metrics) {
    all.insert(all.end(), metrics.begin(), metrics.end());
  };
  SystemClock clock;
  add(Group::OwnMetrics());
  if (auto host = NewHostSamplers(HostOptions{}, clock); host.ok()) {
    for (const auto& sampler : *host) {
      add(sampler->metrics());
    }
  }
  add(std::span(&kNodeScrapeMetrics.duration, 1));
  add(std::span(&kNodeScrapeMetrics.success, 1));
  add(CertificateSampler({}, clock).metrics());
  add(SpoolSampler::Metrics());
  if (auto postgres = PostgresSampler::New(PostgresOptions{}, clock); postgres.ok()) {
    add((*postgres)->metrics());
  }
  std::sort(all.begin(), all.end(),
            [](const MetricDescriptor& a, const MetricDescriptor& b) { return a.name < b.name; });
  all.erase(std::unique(all.begin(), all.end(),
                        [](const MetricDescriptor& a, const MetricDescriptor& b) {
                          return a.name == b.name;
                        }),
            all.end());
  return all;
}

}  // namespace ronda::agent
