// The one order for everything that arrives:
//
//   decoded frames -> rules -> gate (silences, inhibition) -> head and journal (store) -> commit
//     -> acknowledge, release messages
//
// and the life of nodes: joined, silent, back.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/ingest/account.h"
#include "collector/ingest/group_silence.h"
#include "collector/ingest/holes.h"
#include "collector/ingest/own_frames.h"
#include "collector/ingest/rule_frames.h"
#include "collector/mute/gate.h"
#include "collector/notify/outbox.h"
#include "collector/query/live_status.h"
#include "collector/rules/engine.h"
#include "collector/rules/interval/alert_series.h"
#include "collector/rules/interval/host.h"
#include "collector/store/node_life.h"
#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/strings.h"
#include "common/codec/range_set.h"

namespace ronda::ingest {

// A stream as the pipeline sees it. Called from several threads; must not block or call back.
class SessionPort {
 public:
  virtual ~SessionPort() = default;
  // These numbers of the epoch are durable.
  virtual void Acknowledge(uint64_t epoch, const codec::RangeSet& seqs) = 0;
  // Ends the stream; the agent is told why.
  virtual void Close(const absl::Status& why) = 0;
};

// An earlier epoch of which the agent kept frames.
struct KeptEpoch {
  store::Epoch epoch;
  uint64_t last_seq = 0;
  int64_t newest_ms = 0;
  uint64_t next_seq = 1;  // behind what was held when the agent joined
  bool stopped = false;   // in order
};

// What an agent says of itself in Hello.
struct JoinRequest {
  std::string node;
  Labels labels;
  store::Epoch epoch;
  std::string boot_id;
  std::string machine_id = {};  // "" if the agent does not say
  std::string agent_version;
  std::string peer;             // its address, for people
  int64_t clock_offset_ms = 0;  // the agent's clock minus the collector's
  std::vector<KeptEpoch> kept;
  std::string elsewhere;  // the collector that took its frames since this one did, "" if none
};

struct Joined {
  store::NodeId node = 0;
  codec::RangeSet durable;  // may be forgotten by the agent
  codec::RangeSet held;     // durable or on its way: not to be taken twice
  std::string name;         // what the node is called here: it may have been renamed
  std::shared_ptr<Account> account;
  size_t nodes = 1;  // that are known, this one with them
};

// Why no agent ran (causes of gaps).
inline constexpr std::string_view kStopped = "agent stopped";
inline constexpr std::string_view kKilled = "agent killed";
inline constexpr std::string_view kRebooted = "host rebooted";

// How often ALERTS of rules on arrival is written if nothing happens.
inline constexpr int64_t kTellAlertsMs = 30'000;

// The names of groups that an import sends begin with this. What was imported is history: it makes
// no node look alive, no rule sees it, and the collector says no silence about it.
inline constexpr std::string_view kImportGroups = "import/";

// What people do about a node.
enum class NodeChange {
  kExpect,    // it is to come: missing until it does
  kForget,    // it is not to come after all, and did not
  kRetire,    // it is gone: history stays, nothing is alerted, no agent of it is let in
  kUnretire,  // it is not
  kAccept,    // it may be another machine than before
  kRename,    // its agent's data goes under another name from now on
};

// A frame that was checked and decoded.
struct Arrival {
  store::FrameEntry entry;
  bool live = true;                      // not backfill
  std::shared_ptr<const Schema> schema;  // null for records
  std::vector<double> values;
  std::vector<uint32_t> changed;
};

struct PipelineCounters {
  int64_t frames = 0;
  int64_t samples = 0;
  int64_t late_frames = 0;     // not newer than what the group already had: history only
  int64_t refused_clones = 0;  // a second live stream of one identity
  int64_t silent_nodes = 0;    // times a node fell silent
  int64_t backpressure = 0;    // streams ended because the journal could not keep up
  int64_t held_frames = 0;     // that only the rules saw, because the disk was full
};

// Thread-safe. Lock order: Pipeline, then rules engine, gate, store. Sessions are called with the
// pipeline's lock held only through SessionPort::Close.
class Pipeline : public query::LiveStatus, public rules::RuleHost {
 public:
  struct Options {
    int64_t silence_after_ms = 30'000;
    // After a start of the collector, or twice as long as its nodes take to come back, whichever is
    // later (max_grace_ms at most). 0: none.
    int64_t silence_grace_ms = 60'000;
    int64_t max_grace_ms = 600'000;
    int64_t silence_repeat_ms = 15'000;  // up = 0 again and again, so that it is never stale
    int64_t max_pending_bytes = 48 << 20;
    int64_t max_late_bytes = 64 << 20;   // of backfill that waits to be sealed
    int64_t live_stream_ms = 30'000;     // a stream that was heard within this is alive
    size_t max_nodes = 20'000;           // streams at a time
    int64_t missing_after_ms = 600'000;  // an expected node that did not come is told of then
  };

  // All are borrowed and must outlive the pipeline; the outbox also the store's last commit (close
  // the store before either goes).
  Pipeline(const Options& options, store::Store& store, rules::Engine& engine, mute::Gate& gate,
           notify::Outbox& outbox, const Clock& clock);
  ~Pipeline() override;

  // Takes up where the collector before stopped: its nodes, alerts and unsent messages. Alerts of
  // rules that run at intervals go to `others`; without it they are not taken up.
  absl::Status Restore(std::vector<rules::Alert>* others = nullptr);

  // A stream says who it is. kInvalidArgument: bad name or label. kAlreadyExists: another agent of
  // that name is connected and alive (a cloned node?).
  absl::StatusOr<Joined> Join(const JoinRequest& request, std::shared_ptr<SessionPort> port);
  // The same for a stream that brings history from a file: it takes nobody's place, and a node that
  // is known stays as it is. One that is new has no agent (its epoch is 0). Ends with the session.
  absl::StatusOr<Joined> JoinImport(const JoinRequest& request);
  // The stream is over. `goodbye` is the agent's reason if it stopped in order, else "".
  void Leave(store::NodeId node, const SessionPort* port, const std::string& goodbye);

  // Takes frames that are new here, in order, of one stream; `acknowledge` are all the numbers that
  // may be acknowledged once everything before is durable (repeated ones included).
  //
  // False: the disk is full. The rules saw what is live, and what they say of it is committed; the
  // frames were not taken, the agent keeps them. So it goes on for this stream, since what comes
  // later in a run is of no use without them, until there is room: then Tick() ends the stream, and
  // the agent sends on its next one what was not acknowledged.
  //
  // kResourceExhausted: the journal cannot keep up (disk slow); nothing was taken.
  absl::StatusOr<bool> Accept(store::NodeId node, const store::Epoch& epoch,
                              std::vector<Arrival> arrivals, const codec::RangeSet& acknowledge,
                              std::weak_ptr<SessionPort> port);

  // The same for frames of an import. kInvalidArgument: a group whose name is not of kImportGroups.
  absl::Status AcceptImport(store::NodeId node, const store::Epoch& epoch,
                            std::vector<Arrival> arrivals, const codec::RangeSet& acknowledge,
                            std::weak_ptr<SessionPort> port);

  // Records that a node's frames were refused or in conflict, as a gap with a cause.
  void RecordGap(store::NodeId node, int64_t from_ms, int64_t to_ms, const std::string& group,
                 const std::string& cause, const std::string& detail);

  // Whether a change may be made. kInvalidArgument: no name of a node; kNotFound, kAlreadyExists,
  // kFailedPrecondition: not now, and why. `to` is the name that kRename gives.
  absl::Status CheckChange(const std::string& node, NodeChange change, const std::string& to = {});
  // Makes a change that is durable already (state of store::kNodeLifeSpace, or what AcceptMachine()
  // returns).
  void Apply(const store::NodeLife& life, NodeChange change);
  // What makes it durable that the node may be the machine that it is.
  store::StateWrite AcceptMachine(const std::string& node);

  // What one of the node's groups had last; null if there was none.
  std::shared_ptr<const Schema> LastSchema(store::NodeId node, const GroupIdentity& group) const;
  // A stream was refused before it joined, as (or as if) of a node of this name.
  void NoteRefusal(const std::string& node, Refusal refusal, std::string_view detail);
  RefusalTotals& refusals() { return refusals_; }
  const RefusalTotals& refusals() const { return refusals_; }

  // All that the agent kept of the time before came: what is missing now will never come.
  void Backfilled(store::NodeId node, const SessionPort* port);
  // Whether backfill may go on, or has to wait until what was taken is committed, and sealed.
  bool TakesBackfill() const;

  // Makes a small value durable with the next commit, for notify: what is sent is forgotten.
  void Write(store::StateWrite write);

  // Looks for nodes that fell silent. Once a second.
  void Tick();

  PipelineCounters counters() const;

  // rules::RuleHost
  absl::Status Commit(rules::RuleCommit commit) override;
  StringMap<rules::NodeCondition> NodeConditions() const override;
  rules::PushedNodes Pushed() const override;

  // query::LiveStatus
  std::vector<query::LiveNode> LiveNodes() const override;
  query::ProcessFacts Process() const override;

 private:
  struct Source {
    uint64_t id = 0;
    GroupIdentity identity;
    Labels target_labels;
    std::shared_ptr<const Schema> schema;
    int64_t last_ms = 0;
    uint64_t epoch = 0;  // of the agent whose live frame came last
  };
  // How far what came from a node was followed. As it was before, if what came was not taken.
  struct Followed {
    Holes holes;
    bool kept_told = false;      // what the present stream's agent said of earlier epochs
    std::string cause;           // of the gap after them
    bool epoch_began = false;    // a frame of the present epoch came
    bool stream_begins = false;  // no live frame came on the present stream
    uint64_t live_next = 1;      // the number that follows in the present epoch
    int64_t live_ms = 0;         // time of the newest sample that came live
  };
  struct Node {
    // Epoch, boot and goodbye in it are those of the agent whose frames came last: how that one
    // ended is not forgotten before a frame of the next is taken.
    store::NodeInfo info;
    std::shared_ptr<SessionPort> port;  // null while no stream is up
    std::string peer;
    int64_t heard_mono_ms = 0;  // 0: not since the collector started
    int64_t joined_mono_ms = 0;
    bool awaited = false;  // it was there before the collector started, and did not come back yet
    int64_t clock_offset_ms = 0;
    std::optional<store::LifeState> life;  // what people said of it, if it matters now
    int64_t expected_mono_ms = 0;          // since when it is
    store::NodeMachine machine;
    bool silent = false;
    int64_t silence_told_mono_ms = 0;
    store::Epoch epoch;     // of the agent that joined last
    std::string boot_id;    // likewise
    bool holding = false;   // frames of the present stream were not taken: see Accept()
    std::string goodbye;    // reason of the last orderly stop, "" if none
    std::string gap_cause;  // of the hole before the present epoch's first frame
    // --- what is missing, see pipeline_holes.cc ---
    std::vector<KeptEpoch> kept;  // of the present stream
    std::string elsewhere;        // likewise
    bool backfilled = false;      // Backfilled() was called on it
    Followed followed;
    std::map<GroupIdentity, Source> sources;
    bool pushed_to = false;               // others wrote samples of it, by imports
    std::vector<rules::Transition> owed;  // that no commit has taken yet
    const std::shared_ptr<Account> account = std::make_shared<Account>();
    // Appended and not committed; shared with commit callbacks.
    std::shared_ptr<std::atomic<int64_t>> pending_bytes = std::make_shared<std::atomic<int64_t>>(0);
  };

  Source& SourceLocked(Node& node, const GroupIdentity& identity)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EvaluateLocked(Node& node, const Arrival& arrival, std::vector<rules::Transition>* out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What the collector says of frames that are missing.
  struct Missing {
    std::vector<Record> gaps;
    std::vector<store::StateWrite> state;
  };
  // Frames came, of the present epoch or of an earlier one.
  Missing FollowLocked(store::NodeId id, Node& node, bool present,
                       const std::vector<Arrival>& arrivals) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TellKeptLocked(store::NodeId id, Node& node, Missing* out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void BeginEpochLocked(Node& node, const Arrival& first, Missing* out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OpenHoleLocked(store::NodeId id, Node& node, const store::Epoch& epoch, codec::SeqRange seqs,
                      int64_t from_ms, int64_t to_ms, Missing* out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Nothing more comes of it: a late mark, or gaps for what is still missing.
  void EndHoleLocked(store::NodeId id, const Node& node, const store::Hole& hole, Missing* out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Into the batch that goes with the node's frames.
  void AddMissingLocked(store::NodeId id, const Missing& missing,
                        std::vector<store::FrameEntry>* own, std::vector<store::Batch>* batches)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void HoldLocked(store::NodeId id, Node& node, const std::vector<Arrival>& arrivals)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string GapCauseLocked(const Node& node, const JoinRequest& request) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ForgetSourcesLocked(store::NodeId id, Node& node, const std::string& reason)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static bool HadAgent(const Node& node);
  static std::vector<rules::AgentSource> AgentSources(const Node& node);
  static absl::Status RetiredError(const std::string& name);
  Node* FindNodeLocked(std::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RetireLocked(store::NodeId id, Node& node, const absl::Status& why,
                    const std::string& reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckRenameLocked(const std::string& node, const std::string& to)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What an agent of that name is called here.
  std::string PresentNameLocked(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NoteMachineLocked(Node& node, const JoinRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ArriveLocked(store::NodeId id, Node& node) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TickExpectedLocked(store::NodeId id, Node& node) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RestoreSourcesLocked(store::NodeId id, Node& node) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status RestoreLives() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int64_t QuietSinceLocked(const Node& node) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // When the time is over that nodes have to come back after a start (monotonic).
  int64_t GraceEndLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NoteReturnLocked(Node& node) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void UpdateGroupsLocked(int64_t now_mono_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TellGroupLocked(double ratio) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Under this name, which need not be an agent's.
  absl::StatusOr<store::NodeId> RuleNodeLocked(const std::string& name)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CommitRuleLocked(rules::RuleCommit commit) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TellAlertsLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status RestoreAlertsLocked(std::vector<rules::Alert>* others)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HasGroupRuleLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Here and for what depends on it.
  void SetSilentLocked(Node& node, bool silent) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void GoSilentLocked(store::NodeId id, Node& node) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Puts transitions, their records, what the gate made of them, and own records into one batch,
  // which is taken even while the disk is full.
  store::Batch OwnBatchLocked(store::NodeId id, std::vector<store::FrameEntry> own,
                              const std::vector<rules::Transition>& transitions,
                              const mute::Passed& passed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Into the batch: state, and messages that are released by its commit.
  void AddPassedLocked(const mute::Passed& passed, store::Batch* batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Messages that were held back and need not be any longer.
  void ReleaseHeldLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status RestoreGateLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status AppendLocked(Node& node, std::vector<store::Batch> batches)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CommitLocked(store::NodeId id, Node& node, std::vector<store::Batch> batches,
                            std::vector<store::FrameEntry> own,
                            std::vector<rules::Transition> transitions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Options options_;
  store::Store& store_;
  rules::Engine& engine_;
  mute::Gate& gate_;
  notify::Outbox& outbox_;
  const Clock& clock_;
  const int64_t started_ms_;
  const int64_t started_mono_ms_;
  const store::Epoch own_epoch_;

  RefusalTotals refusals_;

  // What was appended and is not committed; shared with commit callbacks, which may come late.
  std::shared_ptr<std::atomic<int64_t>> pending_bytes_;

  mutable Mutex mu_;
  OwnFrames own_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<store::NodeId, std::unique_ptr<Node>> nodes_ ABSL_GUARDED_BY(mu_);
  uint64_t next_source_ ABSL_GUARDED_BY(mu_) = 1;
  PipelineCounters counters_ ABSL_GUARDED_BY(mu_);
  // When nodes came back that were there before the start, since then; ascending.
  std::vector<int64_t> returns_ms_ ABSL_GUARDED_BY(mu_);
  // What nodes are called that were renamed, by the names of their agents.
  StringMap<std::string> renamed_ ABSL_GUARDED_BY(mu_);
  GroupSilence groups_ ABSL_GUARDED_BY(mu_);
  Source group_source_ ABSL_GUARDED_BY(mu_);  // of the group that is silent; id 0: none
  RuleFrames rule_frames_ ABSL_GUARDED_BY(mu_);
  StringMap<store::NodeId> rule_nodes_ ABSL_GUARDED_BY(mu_);
  // Of the alerts of rules on arrival, as they were told of last.
  rules::AlertSeries alert_series_ ABSL_GUARDED_BY(mu_);
  uint64_t alerts_told_ ABSL_GUARDED_BY(mu_) = 0;  // transitions of the engine until then
  int64_t alerts_told_mono_ms_ ABSL_GUARDED_BY(mu_) = 0;
  bool old_group_forgotten_ ABSL_GUARDED_BY(mu_) = false;  // of before the restart
  // Of the last Tick(), for the rate since.
  int64_t rate_samples_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t rate_mono_ms_ ABSL_GUARDED_BY(mu_) = 0;
  double samples_per_second_ ABSL_GUARDED_BY(mu_) = 0;
  // When Tick() came last, and the last time that it was long overdue: the process stood still.
  int64_t ticked_mono_ms_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t stood_still_until_ms_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace ronda::ingest
