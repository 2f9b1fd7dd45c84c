// The collector: store, rules, notify, ingest and query put together. Wiring and life cycle only.
//
// Threads, all named: ronda-ingest (the streams of all agents; decoding, rules, the head),
// store-journal (commits; calls Batch::on_commit), store-checkpt, store-seal, store-compact and
// store-disk, ronda-tick (silence, certificates), ronda-rules (rules at intervals), notify-NAME for
// each channel, those of HTTP (http/server.h), and one to four of gRPC's for everything that is no
// stream of an agent.
//
// Lock order, the outermost first. A thread that holds one of these takes only such as stand below:
//
//   Collector::Impl::reload_mu_                  one reload at a time
//   admin::AdminService, admin::Silencing        one change of a node, of a silence at a time
//   trust::Ledger::change_mu_, trust::Audit      a change with its entry; waits for the commit
//   rules::Evaluator::run_mu_
//   ingest::Pipeline         the one order for all that arrives
//   rules::Engine, rules::Evaluator::mu_
//   mute::Gate
//   notify::Outbox
//   store::Store             pass_mu_ of sealer and compactor, write_mu_ of files, StoreState::mu
//   access::LiveStreams, trust::Ledger::mu_, trust::Authority
//   ingest::Account, ingest::Mailbox      innermost: nothing is called with these held
//
// Nothing waits for a disk with Pipeline's lock held: Store::Append() queues. What a commit calls
// back (acknowledgements, messages to be sent) takes Mailbox's or the dispatcher's lock alone, so
// that the journal never waits for the pipeline. Sessions and calls belong to ronda-ingest and have
// no lock; others reach them through the mailbox.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/config.h"
#include "common/base/clock.h"

namespace ronda::collector {

class Collector {
 public:
  // How a reload gets the configuration as it is then. May be called by any thread.
  using ReadConfig = std::function<absl::StatusOr<CollectorConfig>()>;

  // Opens the data folder, loads the rules, takes up where the one before stopped, and serves.
  // Errors name the file, the address or the folder. `clock` must outlive the collector. Without
  // `read_config` a reload goes by `config`.
  static absl::StatusOr<std::unique_ptr<Collector>> Start(const CollectorConfig& config,
                                                          const Clock& clock,
                                                          ReadConfig read_config = nullptr);
  ~Collector();

  // HOST:PORT of the gRPC server, as bound.
  const std::string& address() const;
  // The same of the HTTP server.
  const std::string& http_address() const;

  // Takes the rule files, what the configuration says of silence about alerts (inhibit_rules,
  // flapping, maintenance), certificates and tokens as they are now: all of them, or with an error
  // none. Thread-safe.
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
