#include "common/config/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "common/base/status.h"

namespace ronda::config {
namespace {

bool IsIpv6(const std::string& host) {
  in6_addr address;
  // A zone ("fe80::1%eth0") is the resolver's business.
  return inet_pton(AF_INET6, host.substr(0, host.find('%')).c_str(), &address) == 1;
}

bool IsHostCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

}  // namespace

std::string Address::ToString() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

absl::StatusOr<Address> ParseAddress(std::string_view text, bool allow_port_zero) {
  const auto refuse = [text](std::string_view why) {
    return Fail(absl::StatusCode::kInvalidArgument, "\"{}\" is not an address: {}", text, why);
  };
  const size_t colon = text.rfind(':');
  const size_t bracket = text.rfind(']');
  if (colon == std::string_view::npos ||
      (bracket != std::string_view::npos && colon != bracket + 1)) {
    return refuse("expected HOST:PORT, such as 127.0.0.1:7710");
  }
  Address address;
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size() ||
      (address.port == 0 && !allow_port_zero)) {
    return refuse("the port is not a number from 1 to 65535");
  }
  address.host = std::string(text.substr(0, colon));
  if (address.host.starts_with('[')) {
    address.host = address.host.substr(1, address.host.size() - 2);
    if (bracket == std::string_view::npos || !IsIpv6(address.host)) {
      return refuse("what is in brackets is not an IPv6 address");
    }
  } else if (address.host.find(':') != std::string::npos) {
    return refuse("an IPv6 address needs brackets, such as [::1]:7710");
  } else if (address.host.empty() ||
             !std::all_of(address.host.begin(), address.host.end(), IsHostCharacter)) {
    return refuse("the host is not a name or an IP address");
  }
  return address;
}

bool IsLoopback(std::string_view host) {
  const std::string text(host);
  in6_addr six;
  in_addr four;
  if (inet_pton(AF_INET6, text.c_str(), &six) == 1) {
    return IN6_IS_ADDR_LOOPBACK(&six);
  }
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) {
    return (ntohl(four.s_addr) >> 24) == 127;
  }
  return text == "localhost";
}

}  // namespace ronda::config
