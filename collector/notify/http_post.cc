#include "collector/notify/http_post.h"

#include <algorithm>
#include <cctype>
#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

#include "common/base/status.h"

namespace ronda::notify {
namespace {

void InitCurl() {
  // Thread-safe once; never undone, as others in the process may use curl.
  [[maybe_unused]] static const CURLcode kInitialised = curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct Receiver {
  std::string body;
  const std::atomic<bool>* cancel;
};

// More of the body than is kept is read and dropped up to this; then the transfer ends.
constexpr size_t kReadBytes = 1 << 20;

size_t OnBody(char* data, size_t size, size_t count, void* user) {
  auto* receiver = static_cast<Receiver*>(user);
  receiver->body.append(data, size * count);
  return receiver->body.size() > kReadBytes ? 0 : size * count;
}

int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Receiver*>(user)->cancel->load() ? 1 : 0;
}

std::string UrlPart(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) {
    return "";
  }
  std::string out(text);
  curl_free(text);
  return out;
}

using UrlHandle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

UrlHandle ParseUrl(const std::string& text) {
  InitCurl();
  UrlHandle url(curl_url(), &curl_url_cleanup);
  if (url && curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
    url.reset();
  }
  return url;
}

absl::Status CurlStatus(CURLcode code, const char* detail) {
  const char* const text = *detail != '\0' ? detail : curl_easy_strerror(code);
  switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
      return Fail(absl::StatusCode::kCancelled, "the attempt was stopped");
    case CURLE_OPERATION_TIMEDOUT:
      return Fail(absl::StatusCode::kDeadlineExceeded, "no answer in time: {}", text);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Fail(absl::StatusCode::kInvalidArgument, "the URL is not an http or https URL");
    default:
      return Fail(absl::StatusCode::kUnavailable, "{}", text);
  }
}

}  // namespace

absl::Status CheckUrl(const std::string& url) {
  const UrlHandle parsed = ParseUrl(url);
  const std::string scheme = parsed ? UrlPart(parsed.get(), CURLUPART_SCHEME) : "";
  if (scheme != "http" && scheme != "https") {
    return Fail(absl::StatusCode::kInvalidArgument, "the URL is not an http or https URL");
  }
  return absl::OkStatus();
}

std::string MaskUrl(const std::string& url) {
  const UrlHandle parsed = ParseUrl(url);
  if (!parsed) {
    return "(not a URL)";
  }
  const std::string port = UrlPart(parsed.get(), CURLUPART_PORT);
  return fmt::format("{}://{}{}/...", UrlPart(parsed.get(), CURLUPART_SCHEME),
                     UrlPart(parsed.get(), CURLUPART_HOST), port.empty() ? "" : ":" + port);
}

std::string EscapeQuery(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

absl::StatusOr<HttpAnswer> HttpPost(const HttpRequest& request, const std::atomic<bool>& cancel) {
  InitCurl();
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  if (!curl) {
    return Fail(absl::StatusCode::kResourceExhausted, "libcurl cannot start");
  }
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(nullptr,
                                                                      &curl_slist_free_all);
  const auto add_header = [&headers](const char* header) {
    if (curl_slist* const longer = curl_slist_append(headers.get(), header)) {
      (void)headers.release();
      headers.reset(longer);
    }
  };
  for (const std::string& header : request.headers) {
    add_header(header.c_str());
  }
  add_header("Expect:");  // no wait for "100 Continue"

  Receiver receiver{"", &cancel};
  char error[CURL_ERROR_SIZE] = "";
  CURL* const c = curl.get();
  curl_easy_setopt(c, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  curl_easy_setopt(c, CURLOPT_POSTFIELDS, request.body.c_str());
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout_ms));
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_ms));
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, &OnBody);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &receiver);
  curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, &OnProgress);
  curl_easy_setopt(c, CURLOPT_XFERINFODATA, &receiver);
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
  const CURLcode code = curl_easy_perform(c);

  // An endless body is cut off, but its status stands.
  const bool cut = code == CURLE_WRITE_ERROR && receiver.body.size() > kReadBytes;
  if (code != CURLE_OK && !cut) {
    return CurlStatus(code, error);
  }
  HttpAnswer answer;
  long status = 0;
  curl_off_t retry_after_s = 0;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &retry_after_s);
  answer.status = static_cast<int>(status);
  answer.retry_after_ms = std::min<int64_t>(retry_after_s, 24 * 3600) * 1000;
  answer.body = receiver.body.substr(0, kMaxAnswerBytes);
  return answer;
}

}  // namespace ronda::notify
