// The agent: samplers, spool and stream put together. Wiring and life cycle only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/config.h"
#include "agent/enroll/renewal.h"
#include "agent/gap_log.h"
#include "agent/pause.h"
#include "agent/samplers/sampler.h"
#include "agent/schedule/group.h"
#include "agent/schedule/source_thread.h"
#include "agent/spool/run_queue.h"
#include "agent/spool/spool.h"
#include "agent/stream/stream_client.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace ronda::agent {

// Threads: one per group (ronda-host, ronda-pg), two or three for the stream, one for the disk, one
// for the next certificate, one that looks after what was dropped. No lock is held across two of
// them.
class Agent {
 public:
  // kInvalidArgument: a part of the configuration that only its user can judge (a filter that is no
  // regular expression). `clock` must outlive the agent.
  static absl::StatusOr<std::unique_ptr<Agent>> New(const AgentConfig& config, const Clock& clock);
  ~Agent();

  void Start();
  // Stops sampling, sends what is left (at most `drain_ms`), says goodbye, and keeps on disk what
  // was not acknowledged. Idempotent.
  void Stop(int64_t drain_ms);

  StreamState stream_state() const { return stream_.state(); }
  RunQueueCounters queue_counters() const { return queue_.counters(); }
  SpoolState spool_state() const { return spool_.state(); }

 private:
  struct Source {
    std::unique_ptr<Group> group;
    std::unique_ptr<SourceThread> thread;
  };

  Agent(const AgentConfig& config, const Clock& clock);
  void AddHost(std::vector<std::unique_ptr<Sampler>> samplers);
  absl::Status AddPostgres(const PostgresConfig& config);
  void AddSource(GroupOptions options, std::vector<std::unique_ptr<Sampler>> samplers,
                 SourceThreadOptions thread);
  struct PendingGap {
    DroppedRun run;
    int64_t since_ms = 0;  // monotonic
  };
  void LookAfterDropped();
  void LookForPause();
  void OnClockStep(const ClockStep& step);
  static void Merge(DroppedRun dropped, int64_t now_ms, std::vector<PendingGap>* pending);
  void ReportDropped(bool all, std::vector<PendingGap>* pending);

  const AgentConfig config_;
  const Clock& clock_;
  RunQueue queue_;
  GapLog gaps_;
  Spool spool_;
  StreamClient stream_;
  const std::string pause_file_;
  std::optional<PauseOrder> pause_;   // the keeper's
  bool pause_unreadable_ = false;     // likewise
  int64_t suspended_ms_ = 0;          // the host thread's: Clock::SuspendedMs() when last asked
  std::unique_ptr<Renewal> renewal_;  // null: plain text
  std::vector<Source> sources_;
  std::map<uint32_t, std::string> group_names_;
  std::thread keeper_;
  Mutex mu_;
  CondVar cv_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
};

// Every metric that the samplers of this build can emit, by name; for --print-metrics.
std::vector<MetricDescriptor> AllMetrics();

}  // namespace ronda::agent
