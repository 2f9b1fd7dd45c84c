// /metrics: the collector about itself.
#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "collector/admin/silencing.h"
#include "collector/http/api.h"
#include "collector/http/exposition.h"
#include "collector/ingest/pipeline.h"
#include "collector/notify/outbox.h"
#include "collector/remote/receiver.h"
#include "collector/rules/engine.h"
#include "collector/rules/interval/evaluator.h"
#include "collector/store/store.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/version.h"

namespace ronda::http {
namespace {

double Real(auto number) { return static_cast<double>(number); }

Labels One(std::string_view name, std::string_view value) {
  Labels labels;
  labels.Set(name, value);
  return labels;
}

void AddProcess(const Sources& sources, Exposition* out) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  out->Counter("process_cpu_seconds_total",
               Real(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                   Real(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
               "Total user and system CPU time spent in seconds.");
  long pages = 0;
  long resident = 0;
  if (const auto statm = ReadFile("/proc/self/statm"); statm.ok()) {
    std::sscanf(statm->c_str(), "%ld %ld", &pages, &resident);
  }
  const double page = Real(sysconf(_SC_PAGESIZE));
  out->Gauge("process_virtual_memory_bytes", Real(pages) * page, "Virtual memory size in bytes.");
  out->Gauge("process_resident_memory_bytes", Real(resident) * page,
             "Resident memory size in bytes.");
  int64_t open = 0;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
  while (folder != nullptr && readdir(folder.get()) != nullptr) {
    ++open;
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  out->Gauge("process_open_fds", Real(open - 3), "Number of open file descriptors.");
  out->Gauge("process_max_fds", Real(files.rlim_cur), "Maximum number of open file descriptors.");
  out->Gauge("process_start_time_seconds", Real(sources.started_ms) / 1000,
             "Start time of the process since unix epoch in seconds.");
}

void AddIngest(const Sources& sources, Exposition* out) {
  const ingest::PipelineCounters counters = sources.pipeline->counters();
  out->Counter("ronda_ingest_frames_total", Real(counters.frames), "Frames received.");
  out->Counter("ronda_ingest_samples_total", Real(counters.samples), "Samples received.");
  out->Counter("ronda_ingest_late_frames_total", Real(counters.late_frames),
               "Frames not newer than what their group had.");
  out->Counter("ronda_ingest_refused_clones_total", Real(counters.refused_clones),
               "Streams refused because another agent of that name is connected.");
  out->Counter("ronda_ingest_silent_nodes_total", Real(counters.silent_nodes),
               "Times that a node fell silent.");
  out->Counter("ronda_ingest_backpressure_total", Real(counters.backpressure),
               "Streams ended because the journal could not keep up.");
  out->Counter("ronda_ingest_held_frames_total", Real(counters.held_frames),
               "Frames that only the rules saw because the disk was full.");
  out->Metric("ronda_ingest_refused_total", "counter",
              "Frames, and streams, that were not taken from agents, by cause.");
  for (size_t i = 0; i < ingest::kRefusals; ++i) {
    const auto cause = static_cast<ingest::Refusal>(i);
    out->Sample(Real(sources.pipeline->refusals().of(cause)),
                One("cause", ingest::ToString(cause)));
  }
  int64_t connected = 0;
  int64_t silent = 0;
  const std::vector<query::LiveNode> nodes = sources.pipeline->LiveNodes();
  for (const query::LiveNode& node : nodes) {
    connected += node.connected ? 1 : 0;
    silent += node.silent ? 1 : 0;
  }
  out->Gauge("ronda_nodes", Real(nodes.size()), "Nodes known.");
  out->Gauge("ronda_nodes_connected", Real(connected), "Nodes whose agent is connected.");
  out->Gauge("ronda_nodes_silent", Real(silent), "Nodes that should send and do not.");
}

void AddStore(const Sources& sources, Exposition* out) {
  const store::StoreStats stats = sources.store->Stats();
  const store::StoreCounters& counters = stats.counters;
  out->Counter("ronda_store_commits_total", Real(counters.commits), "Commits of the journal.");
  out->Counter("ronda_store_commit_failures_total", Real(counters.commit_failures),
               "Commits that failed and were tried again.");
  out->Counter("ronda_store_committed_frames_total", Real(counters.committed_frames),
               "Frames made durable.");
  out->Counter("ronda_store_sealed_blocks_total", Real(counters.sealed_blocks), "Blocks written.");
  out->Counter("ronda_store_corrupt_journal_rows_total", Real(counters.corrupt_journal_rows),
               "Damaged rows of the journal that were left out.");
  out->Counter("ronda_store_corrupt_blocks_total", Real(counters.corrupt_blocks),
               "Damaged blocks that were left out.");
  out->Counter("ronda_store_duplicate_samples_total", Real(counters.duplicate_samples),
               "Samples that were there already, with the same value.");
  out->Counter("ronda_store_conflicting_samples_total", Real(counters.conflicting_samples),
               "Samples that were there already, with another value: the first one stayed.");
  out->Counter("ronda_store_dropped_samples_total", Real(counters.dropped_samples),
               "Samples of the last hours that went because retention.max_size is too little.");
  out->Gauge("ronda_store_journal_bytes", Real(stats.journal_bytes), "Journal not sealed yet.");
  out->Gauge("ronda_store_pending_bytes", Real(stats.pending_bytes),
             "Bytes that wait for their commit.");
  out->Gauge("ronda_store_blocks", Real(stats.blocks), "Blocks of level 0.");
  out->Gauge("ronda_store_block_bytes", Real(stats.block_bytes), "Bytes of these blocks.");
  out->Gauge("ronda_store_history_files", Real(stats.history_files), "History files of level 1.");
  out->Gauge("ronda_store_history_bytes", Real(stats.history_bytes), "Bytes of these files.");
  out->Gauge("ronda_store_rollup_bytes", Real(stats.rollup_bytes), "Bytes of the roll-ups.");
  out->Gauge("ronda_store_series", Real(stats.series), "Series known.");
  out->Gauge("ronda_store_fsync_p99_seconds", stats.fsync_p99_ms / 1000,
             "99th percentile of the time of a commit's fsync.");
  out->Gauge("ronda_store_journal_up", stats.journal_status.ok() ? 1 : 0,
             "1 if the last commit succeeded.");
  out->Gauge("ronda_store_disk_free_bytes", Real(stats.disk_use.free_bytes),
             "Free space of the data folder's file system.");
  out->Gauge("ronda_store_disk_full", stats.disk == store::DiskState::kHard ? 1 : 0,
             "1 while no samples are taken because the disk is full.");
}

void AddRemote(const Sources& sources, Exposition* out) {
  const remote::ReceiverCounters counters = sources.receiver->counters();
  out->Counter("ronda_remote_write_requests_total", Real(counters.requests),
               "Remote-write requests.");
  out->Counter("ronda_remote_write_failed_requests_total", Real(counters.failed_requests),
               "Requests of which nothing was taken.");
  out->Counter("ronda_remote_write_samples_total", Real(counters.samples),
               "Samples taken and durable.");
  out->Counter("ronda_remote_write_rejected_samples_total", Real(counters.rejected_samples),
               "Samples refused with 400.");
  out->Counter("ronda_remote_write_repeated_samples_total", Real(counters.repeated_samples),
               "Samples that stood twice in one request.");
  out->Counter("ronda_remote_write_exemplars_total", Real(counters.exemplars),
               "Exemplars passed over: none are stored.");
  out->Gauge("ronda_remote_write_series", Real(counters.series), "Series pushed since the start.");
}

void AddAlerting(const Sources& sources, Exposition* out) {
  const rules::RuleCounters rules = sources.rules->counters();
  out->Counter("ronda_rules_ticks_total", Real(rules.ticks), "Frames that rules saw.");
  out->Counter("ronda_rules_late_ticks_total", Real(rules.late_ticks),
               "Frames that rules ignored because they were late.");
  out->Counter("ronda_rules_comparisons_total", Real(rules.comparisons), "Thresholds compared.");
  out->Counter("ronda_rules_transitions_total", Real(rules.transitions), "Transitions of alerts.");
  out->Counter("ronda_rules_limited_total", Real(rules.limited),
               "Alerts not raised because of their group's limit.");
  out->Counter("ronda_rules_duplicates_total", Real(rules.duplicates),
               "Alerts not raised because another series has the same labels.");
  const rules::EvaluatorCounters at_interval =
      sources.evaluator != nullptr ? sources.evaluator->counters() : rules::EvaluatorCounters{};
  out->Counter("ronda_rules_evaluations_total", Real(at_interval.evaluations),
               "Evaluations of rules at an interval.");
  out->Counter("ronda_rules_evaluation_failures_total", Real(at_interval.failures),
               "Those that gave an error.");
  out->Counter("ronda_rules_missed_total", Real(at_interval.missed),
               "Evaluations of groups that were missed because another took too long.");
  out->Metric("ronda_alerts", "gauge", "Alerts by state.");
  out->Sample(Real(rules.firing + at_interval.firing), One("state", "firing"));
  out->Sample(Real(rules.pending + at_interval.pending), One("state", "pending"));
  out->Sample(Real(rules.unknown + at_interval.unknown), One("state", "unknown"));
  const std::vector<notify::ChannelCounters> channels = sources.outbox->counters();
  const auto add = [&](std::string_view name, std::string_view help, auto member) {
    out->Metric(name, "counter", help);
    for (const notify::ChannelCounters& channel : channels) {
      out->Sample(Real(channel.*member), One("channel", channel.channel));
    }
  };
  add("ronda_notify_sent_total", "Messages sent.", &notify::ChannelCounters::sent);
  add("ronda_notify_retried_total", "Attempts that failed and are made again.",
      &notify::ChannelCounters::retried);
  add("ronda_notify_failed_total", "Messages given up.", &notify::ChannelCounters::failed);
  out->Metric("ronda_notify_queued", "gauge", "Messages that wait to be sent.");
  for (const notify::ChannelCounters& channel : channels) {
    out->Sample(Real(channel.queued), One("channel", channel.channel));
  }
}

void AddMute(const mute::Gate& gate, Exposition* out) {
  const mute::GateCounters counters = gate.counters();
  out->Counter("ronda_mute_held_total", Real(counters.held),
               "Messages held back by silences, inhibition or flapping.");
  out->Counter("ronda_mute_released_total", Real(counters.released),
               "Messages that were held back and sent later.");
  out->Counter("ronda_mute_dropped_total", Real(counters.dropped),
               "Messages that were held back and were news no more.");
  out->Gauge("ronda_mute_waiting", Real(gate.waiting()), "Messages that are held back now.");
}

void AddHttp(const SelfMetrics& self, Exposition* out) {
  const ServerCounters server = self.server();
  out->Gauge("ronda_http_connections", Real(server.connections), "Open connections.");
  out->Metric("ronda_http_requests_total", "counter", "Requests by route and status.");
  for (const AnswerCounter& answer : self.router->counters()) {
    out->Sample(Real(answer.count),
                Labels({{"code", std::to_string(answer.status)},
                        {"handler", answer.route.empty() ? "other" : answer.route}}));
  }
  const std::pair<std::string_view, const WorkerPool*> pools[] = {
      {"quick", self.lanes.quick}, {"query", self.lanes.query}, {"write", self.lanes.write}};
  out->Metric("ronda_http_waiting_requests", "gauge", "Requests that wait, by queue.");
  for (const auto& [name, pool] : pools) {
    out->Sample(Real(pool->waiting()), One("queue", std::string(name)));
  }
  out->Metric("ronda_http_running_requests", "gauge", "Requests that run, by queue.");
  for (const auto& [name, pool] : pools) {
    out->Sample(Real(pool->running()), One("queue", std::string(name)));
  }
}

}  // namespace

void AddOwnMetrics(const Sources& sources, const SelfMetrics& self, Router* router) {
  router->Add({{Method::kGet},
               "/metrics",
               Access::kRead,
               self.lanes.quick,
               true,
               1024,
               [sources, self](const Request&) {
                 Exposition out;
                 out.Metric("ronda_build_info", "gauge", "The collector's version.");
                 out.Sample(1, One("version", std::string(Version())));
                 AddProcess(sources, &out);
                 AddIngest(sources, &out);
                 AddStore(sources, &out);
                 AddRemote(sources, &out);
                 AddAlerting(sources, &out);
                 AddMute(sources.silencing->gate(), &out);
                 AddHttp(self, &out);
                 return Response{200, "text/plain; version=0.0.4; charset=utf-8", out.Take(), {}};
               }});
}

}  // namespace ronda::http
