// Sockets by netlink (sock_diag(7)).
#pragma once

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace ronda::agent {

// States of a TCP socket as in the kernel's include/net/tcp_states.h.
enum TcpState : uint8_t {
  kTcpEstablished = 1,
  kTcpSynSent,
  kTcpSynRecv,
  kTcpFinWait1,
  kTcpFinWait2,
  kTcpTimeWait,
  kTcpClose,
  kTcpCloseWait,
  kTcpLastAck,
  kTcpListen,
  kTcpClosing,
};
inline constexpr int kTcpStates = 12;  // numbers are below

struct TcpSocket {
  uint8_t state = 0;
  uint16_t local_port = 0;
  // Bytes not yet read and not yet acknowledged; of a listening socket: connections that wait to be
  // accepted, and how many may.
  uint32_t receive_queue = 0;
  uint32_t send_queue = 0;
};

// Where the sockets come from: the kernel, or a test.
class TcpSource {
 public:
  virtual ~TcpSource() = default;

  // Calls `each` for every TCP socket over IPv4 and IPv6 whose state's bit (1 << state) is in
  // `states`.
  virtual absl::Status Dump(uint32_t states, absl::FunctionRef<void(const TcpSocket&)> each) = 0;
};

// Keeps its netlink socket open. A dump allocates nothing after the first. Not thread-safe.
class SockDiag : public TcpSource {
 public:
  SockDiag() = default;
  ~SockDiag() override;
  SockDiag(const SockDiag&) = delete;
  SockDiag& operator=(const SockDiag&) = delete;

  // Errors name the step; after one the next call opens a new socket. Waits a second at most for
  // the kernel.
  absl::Status Dump(uint32_t states, absl::FunctionRef<void(const TcpSocket&)> each) override;

 private:
  absl::Status Open();
  void Close();
  absl::Status Request(uint32_t states);
  absl::Status ReadAnswer(absl::FunctionRef<void(const TcpSocket&)> each);

  int fd_ = -1;
  uint32_t sequence_ = 0;
  std::vector<char> buffer_;
};

}  // namespace ronda::agent
