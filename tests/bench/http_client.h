// HTTP requests to one server over one connection.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ronda::bench {

class HttpClient {
 public:
  // `base` is "http://127.0.0.1:9090".
  explicit HttpClient(std::string base);
  ~HttpClient();

  // The body of a 2xx answer. `path` begins with '/'. Other answers are kInternal with their body.
  absl::StatusOr<std::string> Get(const std::string& path);
  absl::StatusOr<std::string> Post(const std::string& path, std::string_view body,
                                   const std::vector<std::string>& headers = {});
  // `text` as a part of a query string.
  static std::string Escape(std::string_view text);

 private:
  struct Impl;
  const std::string base_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ronda::bench
