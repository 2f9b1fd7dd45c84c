// The HTTP server: connections, heads, bodies. The only place that knows the library.
//
// The library is GNU libmicrohttpd with epoll: one thread reads and writes all connections, and a
// client that sends half a request costs its connection and nothing else. (cpp-httplib, which was
// tried first, gives each connection a thread: 64 keep-alive and 512 half-open clients stop a pool
// of 64 threads for good, and pass only with 576 threads or more.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/http/message.h"
#include "collector/http/worker_pool.h"
#include "common/base/clock.h"

namespace ronda::http {

// What is to become of a request whose head was read.
struct Admission {
  size_t max_body_bytes = 0;
  bool is_form = false;        // put a form body's pairs into params
  WorkerPool* pool = nullptr;  // null: on the I/O thread, for what takes microseconds
  std::function<Response(const Request&)> run;
  // The answer if the pool is full, or the server stops meanwhile.
  std::function<Response()> refuse;
};

// Called from several threads at once.
class Handler {
 public:
  virtual ~Handler() = default;
  // On the I/O thread, before the body is read: a refusal, or what to do.
  virtual std::variant<Response, Admission> Admit(Request& head) = 0;
  // Each answer passes here last, on the thread that made it: compression, counters.
  virtual void Finish(const Request& request, Response* response) = 0;
};

struct ServerCounters {
  int64_t connections = 0;      // open now
  int64_t requests = 0;         // answered
  int64_t body_bytes_held = 0;  // of requests in flight
};

class Server {
 public:
  struct Options {
    std::string listen;  // HOST:PORT; port 0 takes a free one. localhost is ::1 and 127.0.0.1
    std::string tls_certificate;  // PEM; "" is plain text
    std::string tls_key;          // PEM
    unsigned max_connections = 4096;
    unsigned idle_timeout_s =
        75;  // longer than clients keep idle connections (Go: 90 s, nginx: 60)
    int64_t max_held_body_bytes = 256 << 20;  // of all requests together
  };

  // kUnavailable: the address cannot be taken. kInvalidArgument: certificate and key do not work.
  // Handler, pools and clock must outlive the server.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Options& options, Handler& handler,
                                                       const Clock& clock);
  ~Server();

  // HOST:PORT as bound.
  const std::string& address() const;
  ServerCounters counters() const;

  // Takes no new requests, cancels those that run, lets answers go out for `grace_ms`, and ends.
  // Idempotent.
  void Stop(int64_t grace_ms);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ronda::http
