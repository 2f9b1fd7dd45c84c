#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "collector/notify/channel.h"
#include "collector/notify/http_post.h"
#include "collector/notify/webhook_json.h"
#include "common/base/status.h"
#include "common/base/version.h"

namespace ronda::notify {
namespace {

// The beginning of what the receiver said, on one line.
std::string OneLine(std::string_view body) {
  std::string out;
  for (const char c : body.substr(0, 200)) {
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  }
  return out;
}

class WebhookChannel : public Channel {
 public:
  explicit WebhookChannel(ChannelConfig config)
      : config_(std::move(config)), masked_url_(MaskUrl(config_.url)) {
    headers_.push_back("Content-Type: application/json");
    headers_.push_back("User-Agent: ronda/" + std::string(Version()));
    for (const auto& [name, value] : config_.headers) {
      // curl drops a header that is written "Name:"; an empty one is "Name;".
      headers_.push_back(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
    }
  }

  const std::string& name() const override { return config_.name; }

  SendResult Send(const Notification& notification, const std::atomic<bool>& cancel) override {
    HttpRequest request;
    request.url = config_.url;
    request.headers = headers_;
    request.headers.push_back("Idempotency-Key: " + IdempotencyKey(notification));
    request.body = WebhookJson(notification, config_);
    request.timeout_ms = config_.timeout_ms;
    const auto answer = HttpPost(request, cancel);
    if (!answer.ok()) {
      const bool final = answer.status().code() == absl::StatusCode::kInvalidArgument;
      return {final ? SendResult::Next::kGiveUp : SendResult::Next::kRetry,
              Annotate(answer.status(), "posting to " + masked_url_), 0};
    }
    const int status = answer->status;
    if (status >= 200 && status < 300) {
      return {};
    }
    const bool retry = status == 408 || status == 429 || status >= 500;
    return {retry ? SendResult::Next::kRetry : SendResult::Next::kGiveUp,
            Fail(retry ? absl::StatusCode::kUnavailable : absl::StatusCode::kFailedPrecondition,
                 "posting to {}: HTTP status {}{}: {}", masked_url_, status,
                 status >= 300 && status < 400 ? " (redirects are not followed)" : "",
                 OneLine(answer->body)),
            answer->retry_after_ms};
  }

 private:
  const ChannelConfig config_;
  const std::string masked_url_;
  std::vector<std::string> headers_;
};

bool IsHeaderName(std::string_view name) {
  static constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";
  for (const char c : name) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!word && kSigns.find(c) == std::string_view::npos) {
      return false;
    }
  }
  return !name.empty();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Channel>> NewWebhookChannel(const ChannelConfig& config) {
  RONDA_RETURN_IF_ERROR(Annotate(CheckUrl(config.url), "channel " + config.name));
  if (config.timeout_ms <= 0) {
    return Fail(absl::StatusCode::kInvalidArgument, "channel {}: the time-out must be positive",
                config.name);
  }
  for (const auto& [name, value] : config.headers) {
    if (!IsHeaderName(name) ||
        value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return Fail(absl::StatusCode::kInvalidArgument, "channel {}: the header {} is not one",
                  config.name, QuoteLabelValue(name));
    }
  }
  return std::make_unique<WebhookChannel>(config);
}

}  // namespace ronda::notify
