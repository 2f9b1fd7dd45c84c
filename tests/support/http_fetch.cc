#include "tests/support/http_fetch.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "tests/support/process.h"

namespace ronda {

HttpConnection::HttpConnection(const std::string& address) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[')) {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* info = nullptr;
  if (getaddrinfo(host.c_str(), address.substr(colon + 1).c_str(), &hints, &info) != 0) {
    return;
  }
  fd_ = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ >= 0 && connect(fd_, info->ai_addr, info->ai_addrlen) != 0) {
    close(fd_);
    fd_ = -1;
  }
  freeaddrinfo(info);
}

HttpConnection::~HttpConnection() {
  if (fd_ >= 0) {
    close(fd_);
  }
}

bool HttpConnection::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool HttpConnection::Fill(int64_t until_ms) {
  pollfd waiting{fd_, POLLIN, 0};
  const int64_t left = until_ms - MonotonicMsForTest();
  if (left <= 0 || poll(&waiting, 1, static_cast<int>(left)) <= 0) {
    return false;
  }
  char bytes[16 << 10];
  const ssize_t got = recv(fd_, bytes, sizeof(bytes), 0);
  if (got <= 0) {
    return false;
  }
  buffer_.append(bytes, static_cast<size_t>(got));
  return true;
}

bool HttpConnection::ReadChunks(int64_t until_ms, std::string* body) {
  for (;;) {
    size_t line = 0;
    while ((line = buffer_.find("\r\n")) == std::string::npos) {
      if (!Fill(until_ms)) {
        return false;
      }
    }
    const size_t size = std::strtoul(buffer_.c_str(), nullptr, 16);
    while (buffer_.size() < line + 2 + size + 2) {
      if (!Fill(until_ms)) {
        return false;
      }
    }
    body->append(buffer_, line + 2, size);
    buffer_.erase(0, line + 2 + size + 2);
    if (size == 0) {
      return true;
    }
  }
}

HttpAnswer HttpConnection::Read(int64_t timeout_ms, bool has_body) {
  const int64_t until = MonotonicMsForTest() + timeout_ms;
  size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!Fill(until)) {
      return {};
    }
  }
  HttpAnswer answer;
  answer.status = std::atoi(buffer_.substr(buffer_.find(' ') + 1, 3).c_str());
  size_t at = buffer_.find("\r\n") + 2;
  while (at < end + 2) {
    const size_t line_end = buffer_.find("\r\n", at);
    const std::string line = buffer_.substr(at, line_end - at);
    const size_t colon = std::min(line.find(':'), line.size());
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    answer.headers[name] = line.substr(std::min(colon + 2, line.size()));
    at = line_end + 2;
  }
  buffer_.erase(0, end + 4);
  if (answer.status == 100) {
    return Read(timeout_ms, has_body);
  }
  if (has_body && answer.headers["transfer-encoding"] == "chunked") {
    return ReadChunks(until, &answer.body) ? answer : HttpAnswer();
  }
  const size_t length =
      has_body ? std::strtoul(answer.headers["content-length"].c_str(), nullptr, 10) : 0;
  while (buffer_.size() < length) {
    if (!Fill(until)) {
      return {};
    }
  }
  answer.body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return answer;
}

HttpAnswer HttpConnection::Ask(std::string_view method, std::string_view target,
                               std::string_view body, const std::vector<std::string>& headers,
                               int64_t timeout_ms) {
  std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: test\r\n", method, target);
  for (const std::string& header : headers) {
    text += header + "\r\n";
  }
  if (!body.empty() || method == "POST") {
    text += fmt::format("Content-Length: {}\r\n", body.size());
  }
  text += "\r\n";
  text += body;
  return open() && Send(text) ? Read(timeout_ms, method != "HEAD") : HttpAnswer();
}

HttpAnswer HttpFetch(const std::string& address, std::string_view method, std::string_view target,
                     std::string_view body, const std::vector<std::string>& headers) {
  HttpConnection connection(address);
  return connection.Ask(method, target, body, headers);
}

}  // namespace ronda
