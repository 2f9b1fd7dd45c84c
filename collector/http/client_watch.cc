#include "collector/http/client_watch.h"

#include <poll.h>

#include <chrono>
#include <utility>
#include <vector>

#include "common/base/thread.h"

namespace ronda::http {
namespace {

constexpr std::chrono::milliseconds kInterval{100};

}  // namespace

ClientWatch::ClientWatch() : thread_(StartThread("ronda-http-gone", [this] { Run(); })) {}

ClientWatch::~ClientWatch() {
  {
    MutexLock lock(&mu_);
    stop_ = true;
    changed_.SignalAll();
  }
  thread_.join();
}

uint64_t ClientWatch::Add(int socket, std::shared_ptr<std::atomic<bool>> gone) {
  MutexLock lock(&mu_);
  if (cancelled_) {
    gone->store(true);
  }
  watched_[next_] = {socket, std::move(gone)};
  if (watched_.size() == 1) {
    changed_.SignalAll();
  }
  return next_++;
}

void ClientWatch::Remove(uint64_t number) {
  MutexLock lock(&mu_);
  watched_.erase(number);
}

void ClientWatch::CancelAll() {
  MutexLock lock(&mu_);
  cancelled_ = true;
  for (auto& [number, watched] : watched_) {
    watched.gone->store(true);
  }
}

// poll() does not wait here, so that Remove() never does for long either: a socket is looked at
// only while it cannot be closed.
void ClientWatch::LookLocked() {
  std::vector<pollfd> sockets;
  for (const auto& [number, watched] : watched_) {
    sockets.push_back({watched.socket, POLLRDHUP, 0});
  }
  if (poll(sockets.data(), sockets.size(), 0) <= 0) {
    return;
  }
  auto socket = sockets.begin();
  for (auto& [number, watched] : watched_) {
    if (((socket++)->revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
      watched.gone->store(true);
    }
  }
}

void ClientWatch::Run() {
  MutexLock lock(&mu_);
  while (!stop_) {
    if (watched_.empty()) {
      changed_.Wait(&mu_);
      continue;
    }
    LookLocked();
    changed_.WaitFor(&mu_, kInterval);
  }
}

}  // namespace ronda::http
