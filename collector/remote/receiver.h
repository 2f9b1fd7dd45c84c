// Takes remote-write 1.0: samples that Prometheus, vmagent, Telegraf and the like push.
//
// Each sender is a node of its own, named by its token, or its samples belong to the nodes that one
// of their labels names. Samples go as frames through the pipeline that agents' frames take
// (packer.h), as history: they make no node look alive and no node silent. Write() returns when
// they are durable. Times may come in any order; of two samples of a series at one time the first
// durable one stays, so that a sender may repeat what it has no answer for.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/ingest/pipeline.h"
#include "collector/remote/packer.h"
#include "collector/remote/write_request.h"
#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/strings.h"

namespace ronda::remote {

// Whose samples they are.
struct Sender {
  std::string name;        // of its token
  std::string node;        // "": its name
  std::string node_label;  // if not "": the label that names the node of each series
};

// What became of a request whose good part is durable.
struct Outcome {
  int64_t samples = 0;   // durable
  int64_t rejected = 0;  // samples that cannot be taken
  std::string reason;    // of the first of those
};

struct ReceiverCounters {
  int64_t requests = 0;
  int64_t samples = 0;
  int64_t repeated_samples = 0;  // twice in one request
  int64_t rejected_samples = 0;
  int64_t failed_requests = 0;  // that the sender has to repeat
  int64_t exemplars = 0;        // passed over
  int64_t series = 0;           // known now
};

struct FamilyInfo {
  FamilyType type = FamilyType::kUnknown;
  std::string help;
  std::string unit;
  bool operator==(const FamilyInfo&) const = default;
};

// Thread-safe.
class Receiver {
 public:
  struct Options {
    WriteLimits limits;
    size_t max_series = 2'000'000;          // of all senders
    int64_t max_ahead_ms = 10 * 60 * 1000;  // of the collector's clock
    int64_t max_wait_ms = 20'000;           // for a commit
  };

  // All must outlive the receiver. kDataLoss and others: as the store says.
  static absl::StatusOr<std::unique_ptr<Receiver>> New(const Options& options,
                                                       ingest::Pipeline& pipeline,
                                                       store::Store& store, const Clock& clock);

  // Returns when what can be taken of the request is durable. kInvalidArgument: nothing can be read
  // of it. kResourceExhausted: disk full or slow, or too many nodes; kDeadlineExceeded: no commit
  // in time; kCancelled: *cancelled became true. After these three the sender must repeat the
  // request.
  absl::StatusOr<Outcome> Write(const Sender& sender, std::string_view body,
                                const std::atomic<bool>& cancelled);

  // What senders said of metrics, by family, with what was said before the last start.
  std::map<std::string, FamilyInfo> Families() const;
  ReceiverCounters counters() const;

 private:
  struct Node {
    Mutex mu;
    std::unique_ptr<Packer> packer ABSL_GUARDED_BY(mu);
    bool joined ABSL_GUARDED_BY(mu) = false;
    store::NodeId id ABSL_GUARDED_BY(mu) = 0;
    store::Epoch epoch ABSL_GUARDED_BY(mu);
    uint64_t next_seq ABSL_GUARDED_BY(mu) = 1;
    int description ABSL_GUARDED_BY(mu) = 0;
  };
  class Commits;
  Receiver(const Options& options, ingest::Pipeline& pipeline, store::Store& store,
           const Clock& clock);
  absl::Status Restore();

  // By name, and by what the sender's label node means.
  Node& NodeOf(const std::string& name, const Sender& sender);
  absl::StatusOr<Outcome> Take(const Sender& sender, const WriteRequest& request,
                               const std::atomic<bool>& cancelled);
  absl::Status TakePart(const WriteRequest& request, const std::vector<const SeriesView*>& series,
                        const std::string& node_name, const Sender& sender,
                        const std::shared_ptr<Commits>& commits, Outcome* outcome);
  absl::Status Append(Node& node, std::vector<PackedFrame> frames,
                      const std::shared_ptr<Commits>& commits)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(node.mu);
  absl::StatusOr<Labels> ReadLabels(const WriteRequest& request, const SeriesView& series,
                                    const Sender& sender) const;
  absl::Status CheckRoom() const;
  void TakeMetadata(const WriteRequest& request);
  MetricInfo Describe(const std::string& metric) const;

  const Options options_;
  ingest::Pipeline& pipeline_;
  store::Store& store_;
  const Clock& clock_;
  const store::Epoch epoch_;

  std::atomic<int64_t> series_{0};
  mutable Mutex mu_;
  StringMap<std::unique_ptr<Node>> nodes_ ABSL_GUARDED_BY(mu_);
  ReceiverCounters counters_ ABSL_GUARDED_BY(mu_);
  mutable Mutex families_mu_;
  std::map<std::string, FamilyInfo> families_ ABSL_GUARDED_BY(families_mu_);
  std::atomic<int> description_{0};  // moves on when a family is described otherwise
};

}  // namespace ronda::remote
