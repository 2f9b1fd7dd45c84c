#include "collector/access/live_streams.h"

#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::access {

LiveStreams::Entry::~Entry() {
  MutexLock lock(&streams_->mu_);
  streams_->streams_.erase(id_);
}

std::unique_ptr<LiveStreams::Entry> LiveStreams::Add(const Peer& peer,
                                                     std::function<void(const absl::Status&)> end) {
  if (peer.not_after_ms == 0) {
    return nullptr;
  }
  MutexLock lock(&mu_);
  const uint64_t id = next_id_++;
  streams_[id] = {peer, std::move(end)};
  return std::make_unique<Entry>(this, id);
}

size_t LiveStreams::Sweep() {
  std::vector<std::pair<std::function<void(const absl::Status&)>, absl::Status>> ended;
  {
    MutexLock lock(&mu_);
    for (auto it = streams_.begin(); it != streams_.end();) {
      absl::Status status = still_valid_(it->second.peer);
      if (status.ok()) {
        ++it;
        continue;
      }
      obs::Warn("access", "ends a stream peer=\"{}\" reason=\"{}\"", Describe(it->second.peer),
                Message(status));
      ended.emplace_back(std::move(it->second.end), std::move(status));
      it = streams_.erase(it);
    }
  }
  for (const auto& [end, status] : ended) {
    end(status);
  }
  return ended.size();
}

std::optional<int64_t> LiveStreams::ExpiryOfNode(const std::string& name) const {
  MutexLock lock(&mu_);
  for (const auto& [id, stream] : streams_) {
    if (stream.peer.kind == PeerKind::kNode && stream.peer.name == name) {
      return stream.peer.not_after_ms;
    }
  }
  return std::nullopt;
}

}  // namespace ronda::access
