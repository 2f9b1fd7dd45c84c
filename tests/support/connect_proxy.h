// An HTTP proxy that knows CONNECT alone, for one destination whatever it is asked for.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"

namespace ronda {

class ConnectProxy {
 public:
  // Listens on 127.0.0.1 and joins each tunnel to 127.0.0.1:`destination_port`.
  explicit ConnectProxy(int destination_port);
  ~ConnectProxy();

  int port() const { return port_; }
  // The heads of the requests that came.
  std::vector<std::string> requests();

 private:
  void Accept();
  void Serve(int client);

  const int destination_port_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread acceptor_;
  Mutex mu_;
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mu_);
  std::vector<std::thread> tunnels_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda
