#include "tests/support/http_sink.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

namespace ronda {
namespace {

// Waits for `fd`; false if the sink is to stop.
bool Ready(int fd, int stop, short events) {
  pollfd fds[2] = {{fd, events, 0}, {stop, POLLIN, 0}};
  return poll(fds, 2, -1) > 0 && fds[1].revents == 0;
}

bool SendAll(int fd, int stop, const std::string& bytes) {
  for (size_t sent = 0; sent < bytes.size();) {
    if (!Ready(fd, stop, POLLOUT)) {
      return false;
    }
    const ssize_t n = send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) {
      return false;
    }
    sent += static_cast<size_t>(n);
  }
  return true;
}

}  // namespace

HttpSink::HttpSink() {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
      pipe(stop_) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

HttpSink::~HttpSink() {
  close(stop_[1]);
  acceptor_.join();
  std::vector<std::thread> servers;
  {
    MutexLock lock(&mu_);
    servers.swap(servers_);
  }
  for (std::thread& server : servers) {
    server.join();
  }
  close(listener_);
  close(stop_[0]);
}

std::string HttpSink::url(const std::string& path) const {
  return fmt::format("http://127.0.0.1:{}{}", port_, path);
}

void HttpSink::Script(std::vector<Answer> answers) {
  MutexLock lock(&mu_);
  script_.assign(answers.begin(), answers.end());
}

std::vector<HttpSink::Request> HttpSink::requests() const {
  MutexLock lock(&mu_);
  return requests_;
}

bool HttpSink::WaitForRequests(size_t count, std::chrono::milliseconds timeout) const {
  const auto end = std::chrono::steady_clock::now() + timeout;
  MutexLock lock(&mu_);
  while (requests_.size() < count) {
    const auto left = end - std::chrono::steady_clock::now();
    if (left <= std::chrono::nanoseconds(0)) {
      return false;
    }
    changed_.WaitFor(&mu_, left);
  }
  return true;
}

void HttpSink::Accept() {
  while (Ready(listener_, stop_[0], POLLIN)) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) {
      MutexLock lock(&mu_);
      servers_.emplace_back([this, fd] {
        Serve(fd);
        close(fd);
      });
    }
  }
}

void HttpSink::Serve(int fd) {
  Request request;
  if (!ReadRequest(fd, &request)) {
    return;
  }
  request.received = std::chrono::steady_clock::now();
  Answer answer;
  {
    MutexLock lock(&mu_);
    requests_.push_back(std::move(request));
    if (!script_.empty()) {
      answer = std::move(script_.front());
      script_.pop_front();
    }
    changed_.SignalAll();
  }
  Reply(fd, answer);
}

bool HttpSink::ReadRequest(int fd, Request* request) {
  std::string bytes;
  size_t head = std::string::npos;
  size_t body_size = 0;
  while (head == std::string::npos || bytes.size() < head + 4 + body_size) {
    char buffer[16384];
    if (!Ready(fd, stop_[0], POLLIN)) {
      return false;
    }
    const ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
    if (n <= 0) {
      return false;
    }
    bytes.append(buffer, static_cast<size_t>(n));
    if (head != std::string::npos || (head = bytes.find("\r\n\r\n")) == std::string::npos) {
      continue;
    }
    size_t line = bytes.find("\r\n");
    const std::string first = bytes.substr(0, line);
    request->method = first.substr(0, first.find(' '));
    request->path = first.substr(request->method.size() + 1);
    request->path.resize(request->path.find(' '));
    while (line < head) {
      const size_t end = bytes.find("\r\n", line + 2);
      const std::string header = bytes.substr(line + 2, end - line - 2);
      const size_t colon = header.find(':');
      std::string name = header.substr(0, colon);
      for (char& c : name) {
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      }
      const size_t value = header.find_first_not_of(' ', colon + 1);
      request->headers[name] = value == std::string::npos ? "" : header.substr(value);
      line = end;
    }
    body_size = static_cast<size_t>(std::atoi(request->headers["content-length"].c_str()));
  }
  request->body = bytes.substr(head + 4, body_size);
  return true;
}

void HttpSink::Reply(int fd, const Answer& answer) {
  std::string head = fmt::format("HTTP/1.1 {} Told\r\nConnection: close\r\n", answer.status);
  for (const auto& [name, value] : answer.headers) {
    head += fmt::format("{}: {}\r\n", name, value);
  }
  switch (answer.manner) {
    case Manner::kAnswer:
      SendAll(fd, stop_[0],
              fmt::format("{}Content-Length: {}\r\n\r\n{}", head, answer.body.size(), answer.body));
      // Wait for the other side to close, so that no data is lost to a reset.
      shutdown(fd, SHUT_WR);
      Ready(fd, stop_[0], POLLIN);
      break;
    case Manner::kHang: {
      pollfd stop{stop_[0], POLLIN, 0};
      poll(&stop, 1, -1);
      break;
    }
    case Manner::kClose:
      break;
    case Manner::kCloseInTheMiddle:
      SendAll(fd, stop_[0], head + "Content-Length: 100\r\n\r\nbroken");
      break;
    case Manner::kEndlessBody:
      if (SendAll(fd, stop_[0], head + "\r\n")) {
        const std::string block(65536, 'x');
        while (SendAll(fd, stop_[0], block)) {
        }
      }
      break;
  }
}

}  // namespace ronda
