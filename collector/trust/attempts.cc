#include "collector/trust/attempts.h"

namespace ronda::trust {

void Attempts::TurnLocked() {
  const int64_t window = clock_.MonotonicMs() / options_.window_ms;
  if (window != window_) {
    window_ = window;
    all_ = 0;
    failed_.clear();
  }
}

bool Attempts::May(const std::string& address) {
  MutexLock lock(&mu_);
  TurnLocked();
  const auto it = failed_.find(address);
  return all_ < options_.in_all && (it == failed_.end() || it->second < options_.per_address);
}

void Attempts::Failed(const std::string& address) {
  MutexLock lock(&mu_);
  TurnLocked();
  ++all_;
  ++failed_[address];
}

std::string AddressOfPeer(const std::string& peer) {
  const size_t colon = peer.rfind(':');
  return peer.starts_with("unix") || colon == std::string::npos ? peer : peer.substr(0, colon);
}

}  // namespace ronda::trust
