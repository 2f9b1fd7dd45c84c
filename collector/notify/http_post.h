// One HTTP POST, by libcurl.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ronda::notify {

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
  int64_t connect_timeout_ms = 5'000;
  int64_t timeout_ms = 10'000;  // of all of it
};

struct HttpAnswer {
  int status = 0;
  std::string body;            // its beginning: at most kMaxAnswerBytes
  int64_t retry_after_ms = 0;  // of the header Retry-After, seconds or date; 0 if there is none
};

inline constexpr size_t kMaxAnswerBytes = 4096;

// Follows no redirects. kUnavailable or kDeadlineExceeded for network errors, kCancelled once
// `cancel` is true, kInvalidArgument for a URL that is not one. Messages do not hold the URL.
absl::StatusOr<HttpAnswer> HttpPost(const HttpRequest& request, const std::atomic<bool>& cancel);

// kInvalidArgument if `url` is not an http or https URL.
absl::Status CheckUrl(const std::string& url);

// As a value in the query of a URL: all but letters, digits and -._~ as %XX.
std::string EscapeQuery(std::string_view text);

// "https://host:port/...": paths, parameters and users hold secrets and are left out.
std::string MaskUrl(const std::string& url);

}  // namespace ronda::notify
