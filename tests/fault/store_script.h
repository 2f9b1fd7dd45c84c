// A workload of the store, step by step, that knows what was acknowledged. For tests that strike it
// with a fault at each of its calls. More of the store is covered by adding steps to kSteps.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "collector/store/store.h"
#include "common/base/mutex.h"
#include "common/codec/range_set.h"
#include "tests/support/fake_clock.h"
#include "tests/unit/collector/store/frame_maker.h"

namespace ronda::store {

class StoreScript {
 public:
  // `flush_ms`: how long a step waits for the journal.
  explicit StoreScript(std::string dir, int64_t flush_ms = 10'000);
  ~StoreScript();

  // What opening and each step returned that was an error, with the step's name.
  using Errors = std::vector<std::pair<std::string, absl::Status>>;

  // Runs all steps, or up to the one after which `stop` is true. Steps go on after errors.
  void Run(const std::function<bool()>& stop);
  const Errors& errors() const { return errors_; }
  // Closes the store, whatever it has not written.
  void Close();
  // Opens if needed and waits until everything is acknowledged.
  absl::Status Settle(int64_t timeout_ms);
  // What the store says of its last commit.
  absl::Status journal_status() const;

  // Opens `dir`, which must work without help, and holds it to what was appended here: all that was
  // acknowledged is there, and nothing else but what was appended, each with its value. Goes on
  // writing there, and looks again.
  void ExpectAcknowledgedIn(const std::string& dir);

  size_t acknowledged() const;
  size_t appended() const { return appended_; }

  // --- steps ---
  absl::Status Append();   // a few ticks of each node, with records and state
  absl::Status Burst();    // more than a page of the database
  absl::Status Seal();     // ended runs to blocks, and trim
  absl::Status Compact();  // what is sealed to packed rows
  absl::Status EndRuns();  // the next ticks start runs anew
  absl::Status Age();      // everything so old that it is sealed though it may grow
  absl::Status CheckpointJournal();
  absl::Status CheckpointHistory();
  absl::Status Reopen();

 private:
  struct Node;
  // A sample, or of the node "state" a value of state: what is durable together is one tick.
  struct Tick {
    size_t node = 0;
    uint64_t epoch = 0;
    uint64_t seq = 0;
    int64_t t_ms = 0;
    std::vector<double> values;
    std::string state_key;
  };

  absl::Status Open(const std::string& dir);
  // Waits for the journal, but not once stop_ is true.
  absl::Status Flush();
  absl::Status AppendTick(size_t node);
  absl::Status AppendRecord(size_t node);
  absl::Status Add(size_t node, FrameEntry frame, Tick tick);
  // Appends what waits, as an agent does; fine if the store's disk is full and it goes on waiting.
  absl::Status AppendWaiting();
  void NewEpochs();
  void Check(const Store& store);

  const std::string dir_;
  int64_t flush_ms_;
  FakeClock clock_;
  std::shared_ptr<const Schema> schema_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::unique_ptr<Store> store_;
  std::function<bool()> stop_ = [] { return false; };
  uint64_t next_epoch_ = 1;
  int64_t next_t_ms_;
  std::vector<Tick> ticks_;
  std::deque<Batch> waiting_;  // the newest of ticks_, that the store did not take
  size_t appended_ = 0;  // of ticks_, those that the present store took and those acknowledged
  Errors errors_;

  mutable Mutex mu_;
  std::vector<bool> acknowledged_ ABSL_GUARDED_BY(mu_);  // by index in ticks_
};

}  // namespace ronda::store
