// Streams that go on for days, and the certificates they began with.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "collector/access/peer.h"
#include "common/base/mutex.h"

namespace ronda::access {

// Ends streams whose certificate was revoked or has expired since they began. Thread-safe.
class LiveStreams {
 public:
  // What is wrong with a peer's certificate by now, or OK. Must not block.
  using StillValid = std::function<absl::Status(const Peer& peer)>;

  explicit LiveStreams(StillValid still_valid) : still_valid_(std::move(still_valid)) {}
  LiveStreams(const LiveStreams&) = delete;
  LiveStreams& operator=(const LiveStreams&) = delete;

  // Takes the stream off the list when destroyed.
  class Entry {
   public:
    Entry(LiveStreams* streams, uint64_t id) : streams_(streams), id_(id) {}
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    LiveStreams* const streams_;
    const uint64_t id_;
  };

  // `end` is called at most once, must not block, and may come after the stream is gone. Of peers
  // without a certificate null. The entry must not outlive this.
  std::unique_ptr<Entry> Add(const Peer& peer, std::function<void(const absl::Status&)> end);

  // Looks at all of them; the number that was ended. Each second, and after a revocation.
  size_t Sweep();

  // When the certificate ends with which a node is connected; nullopt: it is not.
  std::optional<int64_t> ExpiryOfNode(const std::string& name) const;

 private:
  struct Stream {
    Peer peer;
    std::function<void(const absl::Status&)> end;
  };

  const StillValid still_valid_;
  mutable Mutex mu_;
  std::map<uint64_t, Stream> streams_ ABSL_GUARDED_BY(mu_);
  uint64_t next_id_ ABSL_GUARDED_BY(mu_) = 1;
};

}  // namespace ronda::access
