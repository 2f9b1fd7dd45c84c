#include "tests/bench/http_client.h"

#include <curl/curl.h>

#include <utility>

#include "common/base/status.h"

namespace ronda::bench {

struct HttpClient::Impl {
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl{curl_easy_init(), &curl_easy_cleanup};
  std::string body;

  absl::StatusOr<std::string> Perform(const std::string& url) {
    body.clear();
    curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(
        curl.get(), CURLOPT_WRITEFUNCTION, +[](char* data, size_t size, size_t n, void* to) {
          static_cast<std::string*>(to)->append(data, size * n);
          return size * n;
        });
    const CURLcode code = curl_easy_perform(curl.get());
    if (code != CURLE_OK) {
      return Fail(absl::StatusCode::kUnavailable, "{}: {}", url, curl_easy_strerror(code));
    }
    long status = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status / 100 != 2) {
      return Fail(absl::StatusCode::kInternal, "{}: HTTP {}: {}", url, status,
                  std::string_view(body).substr(0, 500));
    }
    return std::move(body);
  }
};

HttpClient::HttpClient(std::string base) : base_(std::move(base)), impl_(new Impl) {}
HttpClient::~HttpClient() = default;

absl::StatusOr<std::string> HttpClient::Get(const std::string& path) {
  curl_easy_setopt(impl_->curl.get(), CURLOPT_HTTPGET, 1L);
  curl_easy_setopt(impl_->curl.get(), CURLOPT_HTTPHEADER, nullptr);
  return impl_->Perform(base_ + path);
}

absl::StatusOr<std::string> HttpClient::Post(const std::string& path, std::string_view body,
                                             const std::vector<std::string>& headers) {
  curl_slist* list = curl_slist_append(nullptr, "Expect:");
  for (const std::string& header : headers) {
    list = curl_slist_append(list, header.c_str());
  }
  curl_easy_setopt(impl_->curl.get(), CURLOPT_POST, 1L);
  curl_easy_setopt(impl_->curl.get(), CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(impl_->curl.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(impl_->curl.get(), CURLOPT_POSTFIELDS, body.data());
  auto answer = impl_->Perform(base_ + path);
  curl_slist_free_all(list);
  return answer;
}

std::string HttpClient::Escape(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
        (byte >= 'A' && byte <= 'Z') || byte == '_' || byte == '.' || byte == '-') {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

}  // namespace ronda::bench
