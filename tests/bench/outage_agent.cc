#include "tests/bench/outage_agent.h"

#include <span>

namespace ronda::bench {
namespace {

constexpr uint32_t kGroup = 1;
constexpr int64_t kDrainMs = 20'000;

agent::SpoolOptions SpoolOf(const std::string& path, const std::string& node) {
  agent::SpoolOptions options;
  options.path = path;
  options.node = node;
  return options;
}

agent::StreamOptions StreamOf(const std::string& collector, const std::string& node) {
  agent::StreamOptions options;
  options.collectors = {collector};
  options.node = node;
  options.boot_id = "bench";
  options.version = "ronda-bench";
  return options;
}

}  // namespace

OutageAgent::OutageAgent(const ScaleSet& set, int node, const std::string& collector,
                         const std::string& spool_path, const Clock& clock)
    : set_(set),
      node_(node),
      queue_({}),
      spool_(SpoolOf(spool_path, ScaleSet::NodeName(node)), queue_, clock),
      stream_(StreamOf(collector, ScaleSet::NodeName(node)), queue_, clock),
      values_(set, node),
      encoder_(kGroup, {"host", set.job, ""}) {}

void OutageAgent::Start() {
  spool_.Recover();
  spool_.Start();
  stream_.Start();
}

void OutageAgent::Sample(int64_t t_ms) {
  const std::span<const double> values = values_.Next();
  times_.push_back(t_ms);
  queue_.Submit({kGroup, t_ms, set_.schema}, [&](uint64_t seq, bool start_run, std::string* out) {
    if (start_run) {
      encoder_.StartRun(set_.schema);
    }
    encoder_.Encode(seq, t_ms, values, out);
  });
}

void OutageAgent::Stop() {
  stream_.Stop("stopped", kDrainMs);
  spool_.Stop(stream_.said_goodbye());
}

int64_t OutageAgent::given_up() const {
  const agent::RunQueueCounters counters = queue_.counters();
  return counters.overflow_frames + counters.rejected_frames + counters.corrupt_frames;
}

}  // namespace ronda::bench
