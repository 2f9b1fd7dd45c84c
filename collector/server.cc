#include "collector/server.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "collector/access/peer.h"
#include "collector/access/unix_door.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::collector {

struct Server::Impl {
  rpc::AsyncService* ingest = nullptr;
  std::unique_ptr<access::UnixDoor> door;
  std::unique_ptr<grpc::Server> server;
  std::string address;
  std::string socket;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { Stop(0); }

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const std::vector<grpc::Service*>& services,
                                                      rpc::AsyncService* ingest) {
  auto impl = std::make_unique<Impl>();
  impl->ingest = ingest;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(
      options.listen,
      options.own_certificate != nullptr
          ? access::NewTlsCredentials(options.own_certificate, options.identify)
          : access::NewPlainCredentials([](const std::string&) { return access::PlainPeer(); }),
      &port);
  if (!options.socket.empty()) {
    auto door =
        access::UnixDoor::Open({.path = options.socket, .others_read = options.socket_others_read});
    if (door.ok()) {
      impl->door = *std::move(door);
      impl->door->AddTo(&builder);
      impl->socket = options.socket;
    } else {
      obs::Warn("collector", "no Unix socket: {}; use `ronda --collector {}`",
                Message(door.status()), options.listen);
    }
  }
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.max_message_bytes));
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_MINIMAL_STACK, 1);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 64);
  // No keepalive of the server: it sets a timer for each message that comes (measured with 10,000
  // agents: 6 % of the collector). Agents probe, and ingest ends streams that say nothing.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 4);
  for (grpc::Service* service : services) {
    builder.RegisterService(service);
  }
  ingest->Register(&builder);
  impl->server = builder.BuildAndStart();
  if (impl->server == nullptr || port == 0) {
    return Fail(absl::StatusCode::kUnavailable,
                "cannot listen on {}: is another collector running, or the address not of this "
                "machine? choose another with listen: in collector.yml or --listen",
                options.listen);
  }
  ingest->Start();
  if (impl->door != nullptr) {
    impl->door->Start();
  }
  impl->address = options.listen.substr(0, options.listen.rfind(':')) + ":" + std::to_string(port);
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

const std::string& Server::address() const { return impl_->address; }
const std::string& Server::socket() const { return impl_->socket; }

void Server::Stop(int64_t grace_ms) {
  if (impl_->server == nullptr) {
    return;
  }
  if (impl_->door != nullptr) {
    impl_->door->Stop();
  }
  impl_->ingest->EndCalls();
  impl_->server->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(grace_ms));
  impl_->server->Wait();
  impl_->ingest->Stop();
  impl_->server.reset();
  impl_->door.reset();
}

}  // namespace ronda::collector
