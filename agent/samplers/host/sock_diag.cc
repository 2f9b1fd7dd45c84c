#include "agent/samplers/host/sock_diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/status.h"

namespace ronda::agent {
namespace {

// The kernel fills answers of up to 32 KiB when the reader offers that much.
constexpr size_t kBufferBytes = 32 << 10;
constexpr timeval kTimeout = {1, 0};

}  // namespace

SockDiag::~SockDiag() { Close(); }

void SockDiag::Close() {
  if (fd_ >= 0) {
    close(fd_);
    fd_ = -1;
  }
}

absl::Status SockDiag::Dump(uint32_t states, absl::FunctionRef<void(const TcpSocket&)> each) {
  absl::Status status = Open();
  if (status.ok()) {
    status = Request(states);
  }
  if (status.ok()) {
    status = ReadAnswer(each);
  }
  if (!status.ok()) {
    Close();  // what is left of the answer must not be taken for the next one's
  }
  return status;
}

absl::Status SockDiag::Open() {
  if (fd_ >= 0) {
    return absl::OkStatus();
  }
  fd_ = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (fd_ < 0) {
    return ErrnoStatus(errno, "opening a netlink socket for sock_diag");
  }
  if (setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &kTimeout, sizeof(kTimeout)) != 0) {
    return ErrnoStatus(errno, "setting the time-out of the sock_diag socket");
  }
  buffer_.resize(kBufferBytes);
  return absl::OkStatus();
}

// TCPDIAG_GETSOCK, the older of the two requests, gives both address families in one pass over the
// kernel's table of sockets; SOCK_DIAG_BY_FAMILY would need two, and the pass is what costs.
absl::Status SockDiag::Request(uint32_t states) {
  struct {
    nlmsghdr header;
    inet_diag_req body;
  } request{};
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = TCPDIAG_GETSOCK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.header.nlmsg_seq = ++sequence_;
  request.body.idiag_family = AF_UNSPEC;
  request.body.idiag_states = states;
  if (send(fd_, &request, sizeof(request), 0) < 0) {
    return ErrnoStatus(errno, "asking sock_diag for TCP sockets");
  }
  return absl::OkStatus();
}

absl::Status SockDiag::ReadAnswer(absl::FunctionRef<void(const TcpSocket&)> each) {
  for (;;) {
    const ssize_t n = recv(fd_, buffer_.data(), buffer_.size(), 0);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return ErrnoStatus(errno, "reading TCP sockets from sock_diag");
    }
    auto left = static_cast<size_t>(n);
    const char* at = buffer_.data();
    while (left >= sizeof(nlmsghdr)) {
      nlmsghdr header;
      std::memcpy(&header, at, sizeof(header));
      if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > left) {
        return Fail(absl::StatusCode::kDataLoss, "reading TCP sockets from sock_diag: truncated");
      }
      const size_t body_bytes = header.nlmsg_len - NLMSG_HDRLEN;
      const char* const body = at + NLMSG_HDRLEN;
      if (header.nlmsg_seq == sequence_) {
        if (header.nlmsg_type == NLMSG_DONE) {
          return absl::OkStatus();
        }
        if (header.nlmsg_type == NLMSG_ERROR) {
          int error = 0;
          if (body_bytes >= sizeof(error)) {
            std::memcpy(&error, body, sizeof(error));  // the first member of nlmsgerr
          }
          return ErrnoStatus(-error, "asking sock_diag for TCP sockets");
        }
        if (body_bytes >= sizeof(inet_diag_msg)) {
          inet_diag_msg message;
          std::memcpy(&message, body, sizeof(message));
          each({message.idiag_state, ntohs(message.id.idiag_sport), message.idiag_rqueue,
                message.idiag_wqueue});
        }
      }
      const size_t step = NLMSG_ALIGN(header.nlmsg_len);
      at += step;
      left -= step < left ? step : left;
    }
  }
}

}  // namespace ronda::agent
