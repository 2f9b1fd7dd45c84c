#include "collector/http/listen.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "common/base/status.h"
#include "common/config/address.h"

namespace ronda::http {
namespace {

constexpr int kBacklog = 1024;

void SetPort(sockaddr* address, uint16_t port) {
  if (address->sa_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(address)->sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in*>(address)->sin_port = htons(port);
  }
}

uint16_t PortOf(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return 0;
  }
  return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                           : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
}

// A listening socket, or -1 with errno.
int Bind(const addrinfo& info) {
  const int fd = socket(info.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (fd < 0) {
    return -1;
  }
  const int on = 1;
  const int off = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (info.ai_family == AF_INET6) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  }
  if (bind(fd, info.ai_addr, info.ai_addrlen) != 0 || listen(fd, kBacklog) != 0) {
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

}  // namespace

absl::StatusOr<Listening> Listen(const std::string& text) {
  RONDA_ASSIGN_OR_RETURN(config::Address address, config::ParseAddress(text, true));
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(address.host.c_str(), nullptr, &hints, &found); error != 0) {
    return Fail(absl::StatusCode::kUnavailable, "cannot listen on {}: {}", text,
                gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> infos(found, freeaddrinfo);
  Listening out;
  int error = 0;
  for (const addrinfo* info = infos.get(); info != nullptr; info = info->ai_next) {
    SetPort(info->ai_addr, address.port);
    const int fd = Bind(*info);
    if (fd >= 0) {
      out.sockets.push_back(fd);
      address.port = PortOf(fd);
    } else if (errno == EAFNOSUPPORT || (errno == EADDRNOTAVAIL && info->ai_next != nullptr) ||
               (errno == EADDRNOTAVAIL && !out.sockets.empty())) {
      continue;  // a machine without IPv6, where localhost still has ::1
    } else {
      error = errno;
      break;
    }
  }
  if (error != 0 || out.sockets.empty()) {
    for (const int fd : out.sockets) {
      close(fd);
    }
    return Fail(absl::StatusCode::kUnavailable,
                "cannot listen on {}: {}; choose another address with http.listen in collector.yml "
                "or --http-listen",
                text, std::strerror(error != 0 ? error : EADDRNOTAVAIL));
  }
  out.address = address.ToString();
  return out;
}

}  // namespace ronda::http
