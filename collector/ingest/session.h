// The collector's side of one agent's stream, without the transport.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "collector/access/peer.h"
#include "collector/ingest/account.h"
#include "collector/ingest/pipeline.h"
#include "collector/ingest/wire_message.h"
#include "common/codec/record_run.h"
#include "common/codec/sample_run.h"

namespace ronda::v1 {
class AgentMessage;
class CollectorMessage;
class Hello;
}  // namespace ronda::v1

namespace ronda::ingest {

// Of one agent. An import has no limits of rate, nor of all its series together.
struct SessionLimits {
  size_t max_series = 10'000;
  size_t max_groups = 256;
  size_t max_message_bytes = 4 << 20;
  size_t max_new_series = 1'000;  // a minute, after max_series at once
  size_t max_labels = 32;         // of a series
  size_t max_label_name_bytes = 128;
  size_t max_label_value_bytes = 1024;
  double max_samples = 50'000;            // a second
  size_t max_schemas = 1000;              // that one stream may bring
  size_t max_parked_bytes = 4 << 20;      // frames that wait for their schema
  int64_t max_ahead_ms = 10 * 60 * 1000;  // of the collector's clock
};

// Checks and decodes what an agent sends and hands it to the pipeline. OnMessage and OnClosed come
// from one thread at a time (the transport's); Acknowledge and Close from any.
class Session : public SessionPort, public std::enable_shared_from_this<Session> {
 public:
  // `send` queues a message to the agent, `close` ends the stream; both are thread-safe, do not
  // block and may be called after the stream is gone. The references must outlive the session.
  // `who` is at the other end, by its certificate: it may write as nobody else; `listed` lives as
  // long as the session.
  struct Outlet {
    std::function<void(v1::CollectorMessage)> send;
    std::function<void(const absl::Status&)> close;
  };
  Session(Pipeline& pipeline, store::Store& store, const Clock& clock, SessionLimits limits,
          std::string peer, Outlet outlet, access::Peer who = access::PlainPeer(),
          std::shared_ptr<const void> listed = nullptr);
  ~Session() override;

  void OnMessage(const v1::AgentMessage& message);
  // The same for a message of frames, which point where they like for the call.
  void OnFrames(const FramesView& view);
  void OnClosed();
  // Hello came and was accepted. For the transport's thread.
  bool joined() const { return joined_; }
  size_t max_message_bytes() const { return limits_.max_message_bytes; }
  // Until when nothing is to be read from this agent, because it sent more than its share:
  // milliseconds from now, or 0. For the transport's thread, after each message.
  int64_t TakePause();
  // Ends the stream because of what the agent sent; counted.
  void Refuse(Refusal refusal, const absl::Status& why);

  // SessionPort
  void Acknowledge(uint64_t epoch, const codec::RangeSet& seqs) override;
  void Close(const absl::Status& why) override;

 private:
  // Of the frames of a message: their lane, and the epoch whose numbers they have.
  struct Origin {
    bool live = true;
    uint64_t epoch = 0;
    bool operator==(const Origin&) const = default;
  };
  struct Parked {
    Origin origin;
    std::string bytes;
    uint64_t message = 0;  // that it came in
  };
  struct EpochSeen {
    store::Epoch epoch;
    codec::RangeSet seen;
  };
  struct Group {
    codec::SampleRunDecoder samples;
    codec::RecordRunDecoder records;
    std::shared_ptr<const Schema> schema;  // of the present run
    bool skip_run = false;                 // its key frame was refused: deltas follow it silently
  };
  struct Pending {  // of one message
    Origin origin;
    std::vector<Arrival> arrivals;
    codec::RangeSet acknowledge;
    uint64_t backfilled = 0;  // samples that cost the agent credit
    size_t samples = 0;       // decoded and held here
  };
  // Why frames of a schema are refused, and until when.
  struct RefusedSchema {
    Refusal refusal{};
    absl::Status why;
    int64_t until_mono_ms = INT64_MAX;
  };

  void OnHello(const v1::Hello& hello);
  void OnSchema(const std::string& content);
  void TakeFrames(const FramesView& view);
  // Its frames go into `pending`, which has their origin.
  void TakeFrame(std::string_view bytes, Pending* pending);
  void TakeSamples(const codec::FrameHeader& header, std::string_view bytes, bool known,
                   Group& group, Pending* pending);
  void TakeRecords(const codec::FrameHeader& header, std::string_view bytes, bool known,
                   Group& group, Pending* pending);
  // True if the frame was taken before. A number with another content ends the present epoch; of an
  // earlier one kDataLoss is returned, and the frame is refused.
  absl::StatusOr<bool> IsKnown(uint64_t epoch, const codec::FrameHeader& header);
  // What the agent's labels and limits have against a schema; for good.
  absl::Status CheckSchema(const Schema& schema, Refusal* refusal) const;
  // Against a run of `group` whose schema passed that; may be gone in a minute.
  absl::Status CheckRun(const GroupIdentity& group, const SchemaHash& hash,
                        const std::shared_ptr<const Schema>& schema, Refusal* refusal);
  // Takes the beginning of a run, or says why not.
  absl::Status BeginRun(const codec::SampleRunDecoder& frame, Group& group, Refusal* refusal);
  void RefuseSchema(const SchemaHash& hash, RefusedSchema refused);
  bool Park(const Origin& origin, std::string_view bytes);
  void RejectFrame(uint64_t epoch, uint64_t seq, Refusal refusal, const absl::Status& why);
  // Sends what RejectFrame() gathered.
  void SendRejects();
  void Note(Refusal refusal, const absl::Status& why);
  // The work that a message or a frame cost, in samples.
  void BeginMessage();
  void Charge(double samples);
  void Deliver(Pending pending);

  Pipeline& pipeline_;
  store::Store& store_;
  const Clock& clock_;
  const SessionLimits limits_;
  const std::string peer_;  // its address
  const access::Peer who_;
  const std::shared_ptr<const void> listed_;
  const Outlet outlet_;

  bool joined_ = false;
  bool import_ = false;  // brings history from a file
  std::atomic<bool> over_ = false;
  store::NodeId node_ = 0;
  std::string node_name_;
  Labels node_labels_;
  store::Epoch epoch_;                    // the agent's present one
  std::map<uint64_t, EpochSeen> epochs_;  // that one, and those of which it kept frames
  uint64_t backfill_epoch_ = 0;           // of the backfill lane's decoder state
  std::string goodbye_;
  std::map<std::pair<bool, uint32_t>, Group> groups_;  // (live, number)
  std::deque<Parked> parked_;
  size_t parked_bytes_ = 0;
  SchemaHash awaited_{};  // the schema that parked frames wait for
  size_t schemas_taken_ = 0;
  std::shared_ptr<const Schema> offered_;  // came, and is not in the store yet
  SchemaHash offered_hash_{};
  std::map<SchemaHash, RefusedSchema> refused_schemas_;
  std::map<GroupIdentity, size_t> series_;  // of each group, by its present run
  size_t all_series_ = 0;                   // of all of them
  // Schemas whose labels were checked against this node's.
  std::set<SchemaHash> checked_;
  std::shared_ptr<Account> account_;           // since Hello
  double charged_ = 0;                         // by the present message
  uint64_t messages_ = 0;                      // that came
  uint64_t message_ = 0;                       // that the frame which is taken came in
  double message_samples_ = 0;                 // of live frames of that
  int64_t pause_told_ms_ = 0;                  // monotonic; 0: never
  std::vector<v1::CollectorMessage> rejects_;  // of the present message
  std::atomic<uint64_t> credit_due_ = 0;       // backfill that was taken, to be granted again
  std::atomic<int64_t> credit_ = 0;            // what the agent may still send
  int64_t refused_since_log_ = 0;
  int64_t refused_log_ms_ = 0;  // monotonic; 0: never
};

}  // namespace ronda::ingest
