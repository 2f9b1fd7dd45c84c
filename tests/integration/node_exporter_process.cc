#include "tests/integration/node_exporter_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "absl/cleanup/cleanup.h"
#include "common/base/status.h"

extern char** environ;

namespace ronda {
namespace {

constexpr char kProgram[] = "prometheus-node-exporter";

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

absl::StatusOr<uint16_t> FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto closer = absl::MakeCleanup([fd] { close(fd); });
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return ErrnoStatus(errno, "finding a free port");
  }
  return ntohs(address.sin_port);
}

}  // namespace

NodeExporterProcess::~NodeExporterProcess() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
}

absl::Status NodeExporterProcess::Start(const std::vector<std::string>& collectors) {
  RONDA_ASSIGN_OR_RETURN(port_, FreePort());
  std::vector<std::string> arguments = {
      kProgram, fmt::format("--web.listen-address=127.0.0.1:{}", port_),
      "--web.disable-exporter-metrics", "--collector.disable-defaults"};
  for (const std::string& collector : collectors) {
    arguments.push_back("--collector." + collector);
  }
  std::vector<char*> argv;
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
  }
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const int error = posix_spawnp(&pid_, kProgram, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    pid_ = -1;
    return ErrnoStatus(error, fmt::format("starting {} (Debian package of that name)", kProgram));
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  for (;;) {
    const absl::Status status = Scrape().status();
    if (status.ok() || std::chrono::steady_clock::now() > deadline) {
      return Annotate(status, "waiting for node_exporter");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

absl::StatusOr<std::string> NodeExporterProcess::Scrape() const {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto closer = absl::MakeCleanup([fd] { close(fd); });
  const sockaddr_in address = Loopback(port_);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(errno, "connecting to node_exporter");
  }
  constexpr std::string_view kRequest = "GET /metrics HTTP/1.0\r\n\r\n";
  if (send(fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0) {
    return ErrnoStatus(errno, "asking node_exporter");
  }
  std::string answer;
  char buffer[16384];
  for (;;) {
    const ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
    if (n < 0) {
      return ErrnoStatus(errno, "reading from node_exporter");
    }
    if (n == 0) {
      break;
    }
    answer.append(buffer, static_cast<size_t>(n));
  }
  const size_t body = answer.find("\r\n\r\n");
  if (body == std::string::npos || answer.find(" 200 ") > answer.find('\r')) {
    return Fail(absl::StatusCode::kUnavailable, "node_exporter answered '{}'",
                answer.substr(0, answer.find('\r')));
  }
  return answer.substr(body + 4);
}

}  // namespace ronda
