#include "collector/server.h"

#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::collector {

struct Server::Impl {
  rpc::AsyncService* ingest = nullptr;
  std::unique_ptr<grpc::Server> server;
  std::string address;
  std::string socket;
  ino_t socket_inode = 0;
};

namespace {

bool IsAnswered(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const bool answered =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return answered;
}

ino_t InodeOf(const std::string& path) {
  struct stat info {};
  return lstat(path.c_str(), &info) == 0 ? info.st_ino : 0;
}

absl::Status PrepareSocket(const std::string& path) {
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "the path of the socket is longer than {} characters: {}",
                sizeof(sockaddr_un::sun_path) - 1, path);
  }
  const size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    RONDA_RETURN_IF_ERROR(MakeDirectories(path.substr(0, slash)));
    if (access(path.substr(0, slash).c_str(), W_OK) != 0) {
      return ErrnoStatus(errno, "writing to " + path.substr(0, slash));
    }
  }
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    return absl::OkStatus();
  }
  if (!S_ISSOCK(info.st_mode)) {
    return Fail(absl::StatusCode::kAlreadyExists, "{} is there and is no socket", path);
  }
  if (IsAnswered(path)) {
    return Fail(absl::StatusCode::kAlreadyExists, "another collector serves {}", path);
  }
  unlink(path.c_str());  // left over from a collector that was killed
  return absl::OkStatus();
}

}  // namespace

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { Stop(0); }

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const std::vector<grpc::Service*>& services,
                                                      rpc::AsyncService* ingest) {
  auto impl = std::make_unique<Impl>();
  impl->ingest = ingest;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &port);
  if (!options.socket.empty()) {
    if (absl::Status ready = PrepareSocket(options.socket); ready.ok()) {
      builder.AddListeningPort("unix:" + options.socket, grpc::InsecureServerCredentials());
      impl->socket = options.socket;
    } else {
      obs::Warn("collector", "no Unix socket: {}; use `ronda --collector {}`", Message(ready),
                options.listen);
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
  if (!impl->socket.empty()) {
    chmod(impl->socket.c_str(), 0660);
    impl->socket_inode = InodeOf(impl->socket);
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
  impl_->ingest->EndCalls();
  impl_->server->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(grace_ms));
  impl_->server->Wait();
  impl_->ingest->Stop();
  impl_->server.reset();
  if (!impl_->socket.empty() && InodeOf(impl_->socket) == impl_->socket_inode) {
    unlink(impl_->socket.c_str());
  }
}

}  // namespace ronda::collector
