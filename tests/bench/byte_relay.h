// A TCP relay on loopback that counts what passes, so that the cost of the wire is what really went
// over it, HTTP/2 framing and acknowledgements included.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace ronda::bench {

// Relays one connection at a time from its own port of 127.0.0.1 to `to_port`.
class ByteRelay {
 public:
  explicit ByteRelay(int to_port);
  ~ByteRelay();
  ByteRelay(const ByteRelay&) = delete;
  ByteRelay& operator=(const ByteRelay&) = delete;

  int port() const { return port_; }
  int64_t bytes() const { return bytes_; }  // both ways

 private:
  void Run();
  void Relay(int client);

  const int to_port_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> bytes_ = 0;
  std::thread thread_;
};

}  // namespace ronda::bench
