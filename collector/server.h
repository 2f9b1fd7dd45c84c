// The gRPC server: its addresses, its limits, its end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/access/server_credentials.h"
#include "common/rpc/async_service.h"

namespace grpc {
class Service;
}

namespace ronda::collector {

struct ServerOptions {
  std::string listen;               // HOST:PORT; port 0 takes a free one
  std::string socket;               // path of the Unix socket; "" is none
  bool socket_others_read = false;  // everybody on this machine may read through it
  // The certificate for `listen`, and who presents what there. Without them it is plain text.
  access::OwnCertificate own_certificate;
  access::Identify identify;
  int64_t max_message_bytes = 4 << 20;
};

class Server {
 public:
  // Listens and serves. kUnavailable: the address cannot be taken; the message names it and what to
  // do. A socket that cannot be made is logged and left out: the port serves as well. The services
  // must outlive the server; `ingest` takes the calls that are of none of `services`.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       const std::vector<grpc::Service*>& services,
                                                       rpc::AsyncService* ingest);
  ~Server();

  // HOST:PORT as bound.
  const std::string& address() const;
  // The socket that is served; "" if none.
  const std::string& socket() const;

  // Ends streams and queries, at the latest after `grace_ms`. Idempotent.
  void Stop(int64_t grace_ms);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ronda::collector
