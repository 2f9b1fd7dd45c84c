#include "agent/agent.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "agent/samplers/host/host_samplers.h"
#include "agent/samplers/postgres/postgres_sampler.h"
#include "agent/schedule/tick_plan.h"
#include "common/base/digest.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/base/version.h"
#include "common/obs/log.h"

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
  return options;
}

RunQueue::Options QueueOptionsOf(const AgentConfig& config) {
  RunQueue::Options options;
  options.max_bytes = static_cast<size_t>(config.spool.max_memory_bytes);
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
      stream_(StreamOptionsOf(config), queue_, clock) {}

Agent::~Agent() { Stop(0); }

absl::StatusOr<std::unique_ptr<Agent>> Agent::New(const AgentConfig& config, const Clock& clock) {
  RONDA_RETURN_IF_ERROR(CheckLabels(config));
  std::unique_ptr<Agent> agent(new Agent(config, clock));
  if (config.host.enabled) {
    RONDA_ASSIGN_OR_RETURN(auto samplers, NewHostSamplers(HostOptionsOf(config.host), clock));
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
  thread.on_clock_step = [this](const ClockStep& step) {
    gaps_.Report(std::min(step.from_ms, step.to_ms), std::max(step.from_ms, step.to_ms), "",
                 "clock step",
                 fmt::format("the wall clock went from {} to {} (ms)", step.from_ms, step.to_ms));
  };
  GroupOptions group;
  group.identity = {"host", "node", ""};
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
                                                          uint64_t missed) {
    gaps_.Report(
        from_ms, to_ms, name, "agent stalled",
        fmt::format("{} ticks were left out: the source or the machine was too slow, or the "
                    "agent was stopped for a while",
                    missed));
  };
  Source source;
  source.group = std::make_unique<Group>(std::move(options), std::move(samplers), clock_);
  source.thread = std::make_unique<SourceThread>(std::move(thread), *source.group, queue_, clock_);
  sources_.push_back(std::move(source));
}

void Agent::Start() {
  stream_.Start();
  for (Source& source : sources_) {
    source.thread->Start();
  }
  keeper_ = StartThread("ronda-keeper", [this] { LookAfterDropped(); });
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
              group.empty() ? "records" : group, gap.run.frames, gap.run.cause, gap.run.detail);
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
