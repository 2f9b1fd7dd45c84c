// "host:port", dual-stack.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace ronda::config {

struct Address {
  std::string host;  // without brackets
  uint16_t port = 0;

  // "host:port", with brackets around an IPv6 literal.
  std::string ToString() const;
};

// "10.0.0.1:7710", "collector.example.com:7710", "[::1]:7710". kInvalidArgument says what is
// missing. Port 0 is for listening only: it passes when `allow_port_zero`.
absl::StatusOr<Address> ParseAddress(std::string_view text, bool allow_port_zero = false);

// True if only this machine can reach it: "localhost", 127.0.0.0/8, ::1.
bool IsLoopback(std::string_view host);

}  // namespace ronda::config
