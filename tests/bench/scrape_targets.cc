#include "tests/bench/scrape_targets.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <map>
#include <utility>

#include "common/base/status.h"

namespace ronda::bench {
namespace {

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

ScrapeTargets::ScrapeTargets(const ScaleSet& set, int nodes, Before before)
    : set_(set), before_(std::move(before)) {
  for (size_t i = 0; i < set.series(); ++i) {
    Labels labels = set.schema->series[i].labels;
    labels.Set(kMetricName, set.schema->metric_of(static_cast<uint32_t>(i)).name);
    names_.push_back(labels.ToString() + " ");
  }
  for (int node = 0; node < nodes; ++node) {
    nodes_.emplace_back(set, node);
  }
}

absl::StatusOr<std::unique_ptr<ScrapeTargets>> ScrapeTargets::Start(const ScaleSet& set, int nodes,
                                                                    Before before) {
  std::unique_ptr<ScrapeTargets> targets(new ScrapeTargets(set, nodes, std::move(before)));
  targets->listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  if (bind(targets->listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      listen(targets->listener_, 1024) != 0 ||
      getsockname(targets->listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
      pipe(targets->stop_) != 0) {
    return Fail(absl::StatusCode::kUnavailable, "cannot listen on 127.0.0.1 for scrapes");
  }
  targets->port_ = ntohs(address.sin_port);
  targets->thread_ = std::thread([target = targets.get()] { target->Run(); });
  return targets;
}

ScrapeTargets::~ScrapeTargets() {
  if (thread_.joinable()) {
    close(stop_[1]);
    thread_.join();
    close(stop_[0]);
  }
  close(listener_);
}

void ScrapeTargets::Run() {
  std::vector<pollfd> waiting = {{stop_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
  std::map<int, std::string> inputs;
  std::array<char, 16384> buffer;
  while (poll(waiting.data(), waiting.size(), -1) >= 0 && waiting[0].revents == 0) {
    std::vector<int> over;
    for (size_t i = 2; i < waiting.size(); ++i) {
      const int fd = waiting[i].fd;
      if (waiting[i].revents == 0) {
        continue;
      }
      const ssize_t n = recv(fd, buffer.data(), buffer.size(), 0);
      std::string& input = inputs[fd];
      input.append(buffer.data(), n > 0 ? static_cast<size_t>(n) : 0);
      if (n <= 0 || !Answer(fd, &input)) {
        over.push_back(fd);
      }
    }
    for (const int fd : over) {
      close(fd);
      inputs.erase(fd);
      std::erase_if(waiting, [fd](const pollfd& p) { return p.fd == fd; });
    }
    if (waiting[1].revents != 0) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd >= 0) {
        waiting.push_back({fd, POLLIN, 0});
      }
    }
  }
  for (const auto& [fd, input] : inputs) {
    close(fd);
  }
}

bool ScrapeTargets::Answer(int fd, std::string* input) {
  for (;;) {
    const size_t end = input->find("\r\n\r\n");
    if (end == std::string::npos) {
      return true;
    }
    static constexpr std::string_view kGet = "GET /";
    const int node = input->starts_with(kGet) ? std::atoi(input->c_str() + kGet.size()) : -1;
    input->erase(0, end + 4);
    const bool known = node >= 0 && node < static_cast<int>(nodes_.size());
    const std::string body = known ? Exposition(node) : "";
    if (!WriteAll(fd, fmt::format("HTTP/1.1 {}\r\nContent-Type: text/plain; version=0.0.4\r\n"
                                  "Content-Length: {}\r\n\r\n{}",
                                  known ? "200 OK" : "404 Not Found", body.size(), body))) {
      return false;
    }
  }
}

std::string ScrapeTargets::Exposition(int node) {
  const int64_t now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                             std::chrono::steady_clock::now().time_since_epoch())
                             .count();
  const std::optional<ReplacedValue> replaced = before_(node, now_ns);
  const std::span<const double> values = nodes_[static_cast<size_t>(node)].Next();
  std::string text;
  for (size_t i = 0; i < values.size(); ++i) {
    text += names_[i];
    fmt::format_to(std::back_inserter(text), "{}\n",
                   replaced && replaced->series == i ? replaced->value : values[i]);
  }
  return text;
}

}  // namespace ronda::bench
