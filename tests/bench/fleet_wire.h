// One connection of `ronda-bench fleet`: a socket that never blocks, plain or with TLS.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "tests/bench/fleet_trust.h"

namespace ronda::bench {

// Not thread-safe.
class FleetWire {
 public:
  FleetWire() = default;
  ~FleetWire() { Close(); }
  FleetWire(FleetWire&& other) noexcept;
  FleetWire& operator=(FleetWire&&) = delete;

  // Begins to connect, with TLS if `trust` is not null; it must outlive the connection. An error:
  // there is no connection.
  absl::Status Open(const std::string& ip_address, int port, const FleetTrust* trust, int agent);
  void Close();
  bool open() const { return fd_ >= 0; }
  int fd() const { return fd_; }

  // How many bytes were taken. 0: none now, for room or for TLS; an error shows in Read().
  size_t Write(std::string_view bytes);
  // Whether a Write() waits for room, and is to be tried again when there is some.
  bool wants_room() const { return wants_room_; }

  enum class Got { kBytes, kNothing, kEnd };
  // Takes bytes that came. kNothing: no more now. kEnd: the connection is over, *why says how.
  Got Read(std::span<char> buffer, size_t* size, std::string* why);

 private:
  int fd_ = -1;
  bool wants_room_ = false;
  Ssl ssl_;  // null without TLS
};

}  // namespace ronda::bench
