// Notices clients that hang up while their request is worked on: HTTP libraries look at a
// connection only to read or write, which they do not until there is an answer.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <thread>

#include "common/base/mutex.h"

namespace ronda::http {

// Thread-safe, but for the destructor. One thread, which wakes ten times a second while somebody is
// watched and not at all else.
class ClientWatch {
 public:
  ClientWatch();
  ~ClientWatch();
  ClientWatch(const ClientWatch&) = delete;
  ClientWatch& operator=(const ClientWatch&) = delete;

  // Sets *gone once the peer of the socket has closed its side. The socket must stay open until
  // Remove() with the number that is returned.
  uint64_t Add(int socket, std::shared_ptr<std::atomic<bool>> gone);
  void Remove(uint64_t number);

  // All that are watched, and from now on all that come, are gone.
  void CancelAll();

 private:
  struct Watched {
    int socket = -1;
    std::shared_ptr<std::atomic<bool>> gone;
  };
  void Run();
  void LookLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Mutex mu_;
  CondVar changed_;
  std::map<uint64_t, Watched> watched_ ABSL_GUARDED_BY(mu_);
  uint64_t next_ ABSL_GUARDED_BY(mu_) = 1;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace ronda::http
