#include "tests/bench/fleet_wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/base/status.h"

namespace ronda::bench {

FleetWire::FleetWire(FleetWire&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      wants_room_(other.wants_room_),
      ssl_(std::move(other.ssl_)) {}

absl::Status FleetWire::Open(const std::string& ip_address, int port, const FleetTrust* trust,
                             int agent) {
  Close();
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ < 0) {
    return ErrnoStatus(errno, "socket");
  }
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, ip_address.c_str(), &address.sin_addr);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
      errno != EINPROGRESS) {
    const absl::Status failed = ErrnoStatus(errno, "connect");
    Close();
    return failed;
  }
  wants_room_ = true;
  if (trust == nullptr) {
    return absl::OkStatus();
  }
  auto ssl = trust->NewSsl(agent, ip_address);
  if (!ssl.ok()) {
    Close();
    return ssl.status();
  }
  ssl_ = *std::move(ssl);
  SSL_set_fd(ssl_.get(), fd_);
  return absl::OkStatus();
}

void FleetWire::Close() {
  ssl_.reset();
  if (fd_ >= 0) {
    close(std::exchange(fd_, -1));
  }
  wants_room_ = false;
}

size_t FleetWire::Write(std::string_view bytes) {
  if (ssl_ == nullptr) {
    const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    wants_room_ = n < static_cast<ssize_t>(bytes.size());
    return n > 0 ? static_cast<size_t>(n) : 0;
  }
  ERR_clear_error();
  const int n = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  // While hands are shaken it waits for the other end, not for room.
  wants_room_ = n <= 0 && SSL_get_error(ssl_.get(), n) == SSL_ERROR_WANT_WRITE;
  return n > 0 ? static_cast<size_t>(n) : 0;
}

FleetWire::Got FleetWire::Read(std::span<char> buffer, size_t* size, std::string* why) {
  if (ssl_ == nullptr) {
    const ssize_t n = recv(fd_, buffer.data(), buffer.size(), 0);
    if (n > 0) {
      *size = static_cast<size_t>(n);
      return Got::kBytes;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      return Got::kNothing;
    }
    *why = n == 0 ? "the collector closed a connection" : ErrnoStatus(errno, "reading").ToString();
    return Got::kEnd;
  }
  ERR_clear_error();
  errno = 0;
  const int n = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
  if (n > 0) {
    *size = static_cast<size_t>(n);
    return Got::kBytes;
  }
  switch (SSL_get_error(ssl_.get(), n)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return Got::kNothing;
    case SSL_ERROR_ZERO_RETURN:
      *why = "the collector closed a connection";
      return Got::kEnd;
    case SSL_ERROR_SYSCALL:
      *why = ErrnoStatus(errno, "reading").ToString();
      return Got::kEnd;
    default:
      *why = "TLS: " + tls::OpenSslErrors();
      return Got::kEnd;
  }
}

}  // namespace ronda::bench
