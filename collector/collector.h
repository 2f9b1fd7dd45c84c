// The collector: store, rules, notify, ingest and query put together. Wiring and life cycle only.
//
// Threads: gRPC's own; those of HTTP; journal, checkpointer and sealer of the store; one per
// notification channel; ronda-tick (silence). Lock order: ingest::Pipeline, rules::Engine,
// notify::Outbox, store::Store.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/config.h"
#include "common/base/clock.h"

namespace ronda::collector {

class Collector {
 public:
  // Opens the data folder, loads the rules, takes up where the one before stopped, and serves.
  // Errors name the file, the address or the folder. `clock` must outlive the collector.
  static absl::StatusOr<std::unique_ptr<Collector>> Start(const CollectorConfig& config,
                                                          const Clock& clock);
  ~Collector();

  // HOST:PORT of the gRPC server, as bound.
  const std::string& address() const;
  // The same of the HTTP server.
  const std::string& http_address() const;

  // Takes the rule files, certificates and tokens as they are now: all of them, or with an error
  // none.
  absl::Status Reload();

  // Ends the streams, makes everything durable, closes the files. Idempotent.
  void Stop();

 private:
  struct Impl;
  explicit Collector(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Checks everything that can be checked without starting: the rule files. Returns a line for
// people.
absl::StatusOr<std::string> CheckRules(const CollectorConfig& config);

}  // namespace ronda::collector
