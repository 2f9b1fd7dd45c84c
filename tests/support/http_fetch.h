// An HTTP/1.1 client of tests: one connection, kept alive, every byte in the test's hands.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ronda {

struct HttpAnswer {
  int status = 0;                              // 0: no answer
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // as sent, gzip or not
};

// Not thread-safe.
class HttpConnection {
 public:
  // Of "127.0.0.1:7711" or "[::1]:7711".
  explicit HttpConnection(const std::string& address);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  HttpConnection(HttpConnection&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }

  bool open() const { return fd_ >= 0; }
  bool Send(std::string_view bytes);
  // The next answer, at most after `timeout_ms`.
  HttpAnswer Read(int64_t timeout_ms = 10'000, bool has_body = true);
  HttpAnswer Ask(std::string_view method, std::string_view target, std::string_view body = "",
                 const std::vector<std::string>& headers = {}, int64_t timeout_ms = 10'000);

 private:
  bool Fill(int64_t until_ms);
  bool ReadChunks(int64_t until_ms, std::string* body);

  int fd_ = -1;
  std::string buffer_;
};

// On a connection of its own.
HttpAnswer HttpFetch(const std::string& address, std::string_view method, std::string_view target,
                     std::string_view body = "", const std::vector<std::string>& headers = {});

}  // namespace ronda
