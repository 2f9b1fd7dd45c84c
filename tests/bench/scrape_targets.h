// Nodes to be scraped: what their exporters would show, all on one port, node N under /N.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "tests/bench/fleet_agent.h"
#include "tests/bench/node_stream.h"
#include "tests/bench/scale_set.h"

namespace ronda::bench {

// One thread. Each scrape is the node's next tick.
class ScrapeTargets {
 public:
  // Called on that thread before each tick, as AlertDrill::Before().
  using Before = std::function<std::optional<ReplacedValue>(int node, int64_t sampled_ns)>;

  // `set` must outlive it. kUnavailable if no port can be had.
  static absl::StatusOr<std::unique_ptr<ScrapeTargets>> Start(const ScaleSet& set, int nodes,
                                                              Before before);
  ~ScrapeTargets();
  ScrapeTargets(const ScrapeTargets&) = delete;
  ScrapeTargets& operator=(const ScrapeTargets&) = delete;

  int port() const { return port_; }

 private:
  ScrapeTargets(const ScaleSet& set, int nodes, Before before);
  void Run();
  // Answers the requests that `input` has whole, and takes them out of it; false: close.
  bool Answer(int fd, std::string* input);
  std::string Exposition(int node);

  const ScaleSet& set_;
  const Before before_;
  std::vector<std::string> names_;  // of the series, as they stand before their values
  std::vector<NodeStream> nodes_;
  int listener_ = -1;
  int port_ = 0;
  int stop_[2] = {-1, -1};  // a pipe whose write end is closed to stop
  std::thread thread_;
};

}  // namespace ronda::bench
