// The workloads of ronda-bench. Each prints its table and its JSON line and returns the exit code.
#pragma once

#include <cstdint>
#include <string>

namespace ronda::bench {

struct AgentWorkload {
  int seconds = 60;
  int warm_up_seconds = 10;
  std::string postgres;
  bool plain = false;  // without TLS
};

int RunAgent(const AgentWorkload& workload);

// What `store` and `read` have in common.
struct SetOptions {
  double scale = 1;     // of the set's time
  int64_t seconds = 0;  // its time instead, if not 0
  uint64_t seed = 1;
  std::string peers = "all";  // or "none", or names with commas
  std::string data;           // keep the folders here; "" removes them
  bool live = false;          // feed Ronda tick by tick in the live lane
};

struct StoreWorkload {
  std::string set = "day";  // or fleet, pg
  SetOptions options;
};

// Bytes, CPU and memory of storing a set, and what reading all of it back takes.
int RunStore(const StoreWorkload& workload);
// In a process of its own: seals and compacts a data folder; prints CPU seconds and peak RSS in
// MiB.
int RunStoreCompact(const std::string& data_dir);

struct ReadWorkload {
  std::string set;  // "" is day and fleet
  int repetitions = 40;
  SetOptions options;
};

// Time and CPU of reading series.
int RunRead(const ReadWorkload& workload);

struct QueryWorkload {
  std::string set;  // "" is day, fleet and wide
  int repetitions = 40;
  SetOptions options;
};

// Time and CPU of PromQL over HTTP; answers are compared with Prometheus'.
int RunQuery(const QueryWorkload& workload);

struct FleetWorkload {
  int agents = 10'000;
  int series = 100;
  int64_t seconds = 60;
  int64_t warm_up_seconds = 10;
  int connects_per_second = 2000;
  bool tls = false;    // each agent with a certificate of its own
  bool storm = false;  // afterwards all connections are cut at once
  uint64_t seed = 1;
  std::string data;     // keep the data folder here; "" removes it
  std::string profile;  // run `perf record` of the collector into this file
};

// Many agents at 1 Hz on one collector.
int RunFleet(const FleetWorkload& workload);

struct AlertsWorkload {
  int agents = 10'000;
  int series = 100;
  int rules = 1000;
  int64_t seconds = 60;
  int64_t warm_up_seconds = 20;
  double per_second = 20;  // alerts raised
  int connects_per_second = 2000;
  bool baseline = true;       // measure without rules, too
  std::string peers = "all";  // or "none"
  int peer_agents = 100;      // as many as are scraped beside
  uint64_t seed = 1;
};

// From a sample taken on a node to a webhook received.
int RunAlerts(const AlertsWorkload& workload);

struct HostileWorkload {
  int agents = 500;
  int series = 100;
  int64_t seconds = 4;  // of a round
  int rounds = 5;       // of each kind
  int64_t warm_up_seconds = 5;
  bool tls = false;
  std::string only;  // one kind of client; "": all
};

// What a client that means it ill costs the others.
int RunHostile(const HostileWorkload& workload);

struct OutageWorkload {
  int agents = 50;
  int series = 500;
  int64_t away_seconds = 3600;
};

// A collector that was away, and all that its agents kept meanwhile.
int RunOutage(const OutageWorkload& workload);

struct RetainWorkload {
  int nodes = 100;
  int64_t hours = 24;
  int max_size_mib = 512;
  uint64_t seed = 1;
  std::string data;  // keep the data folder here; "" removes it
};

// More history than it may have, in the data's own time: that it never takes more room than
// allowed, that what is left is right in every bit, and whether memory grows.
int RunRetain(const RetainWorkload& workload);

struct RestartWorkload {
  int nodes = 100;
  int64_t hours = 168;
  int64_t interval_ms = 1000;  // of all but the last three hours
  std::string data;            // keep the data folder here; "" removes it
};

// Fills a folder, in a process of its own that is killed at the end, and starts a collector on it.
int RunRestart(const RestartWorkload& workload);
int RunRestartFill(const std::string& data_dir, const RestartWorkload& workload);

}  // namespace ronda::bench
