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

struct SessionLimits {
  size_t max_series = 10'000;
  size_t max_groups = 256;
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
  absl::Status CheckSchema(const Schema& schema) const;
  bool Park(const Origin& origin, std::string_view bytes);
  void RejectFrame(uint64_t epoch, uint64_t seq, int reason, const absl::Status& why);
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
  std::map<SchemaHash, size_t> refused_schemas_;  // and how many series they have
  std::set<GroupIdentity> identities_;
  // Schemas whose labels were checked against this node's.
  std::set<SchemaHash> checked_;
  std::atomic<uint64_t> credit_due_ = 0;  // backfill that was taken, to be granted again
  int64_t refused_since_log_ = 0;
  int64_t refused_log_ms_ = 0;  // monotonic; 0: never
};

}  // namespace ronda::ingest
