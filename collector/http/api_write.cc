// /api/v1/write: remote-write 1.0.
#include <memory>

#include "collector/http/api.h"
#include "collector/http/tokens.h"
#include "collector/remote/receiver.h"
#include "common/base/status.h"

namespace ronda::http {
namespace {

constexpr size_t kMaxCompressedBytes = 16 << 20;

Response Refuse(int status, std::string_view text, std::string_view retry_after_s = "") {
  Response response = TextResponse(status, std::string(text) + "\n");
  if (!retry_after_s.empty()) {
    response.headers.emplace_back("Retry-After", retry_after_s);
  }
  return response;
}

// What the head says that cannot be taken; the body is not looked at.
std::unique_ptr<Response> CheckHead(const Request& request) {
  const std::string_view type = request.Header("content-type");
  const std::string_view encoding = request.Header("content-encoding");
  const std::string_view version = request.Header("x-prometheus-remote-write-version");
  const std::string_view media = type.substr(0, type.find(';'));
  if ((!type.empty() && media != "application/x-protobuf") ||
      type.find("io.prometheus.write.v2") != std::string_view::npos) {
    return std::make_unique<Response>(
        Refuse(415, fmt::format("the content type is \"{}\"; this is a receiver of remote-write "
                                "1.0: application/x-protobuf (prometheus.WriteRequest)",
                                type)));
  }
  if (!encoding.empty() && encoding != "snappy") {
    return std::make_unique<Response>(
        Refuse(415, fmt::format("the content encoding is \"{}\"; snappy is expected", encoding)));
  }
  if (!version.empty() && !version.starts_with("0.1.") && !version.starts_with("1.")) {
    return std::make_unique<Response>(
        Refuse(415, fmt::format("remote-write {} is not spoken here; 0.1.0 (1.0) is", version)));
  }
  return nullptr;
}

Response Failed(const Sources& sources, const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return Refuse(400, Message(status));
    case absl::StatusCode::kResourceExhausted:
      return sources.store_is_full() ? Refuse(503, Message(status), "30")
                                     : Refuse(429, Message(status), "1");
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnavailable:
      return Refuse(503, Message(status), "5");
    default:
      return Refuse(500, Message(status));
  }
}

Response Write(const Sources& sources, const Request& request) {
  if (const std::unique_ptr<Response> refusal = CheckHead(request)) {
    return *refusal;
  }
  const Identity& who = *request.identity;
  const auto outcome = sources.receiver->Write({who.name, who.node, who.node_label}, request.body,
                                               *request.cancelled);
  if (!outcome.ok()) {
    return Failed(sources, outcome.status());
  }
  if (outcome->rejected > 0) {
    return Refuse(400, fmt::format("{} samples were taken, {} were not; the first of them: {}",
                                   outcome->samples, outcome->rejected, outcome->reason));
  }
  return {204, "", "", {}};
}

}  // namespace

void AddWrite(const Sources& sources, const Lanes& lanes, Router* router) {
  router->Add({{Method::kPost},
               "/api/v1/write",
               Access::kWrite,
               lanes.write,
               false,
               kMaxCompressedBytes,
               [sources](const Request& request) { return Write(sources, request); }});
}

}  // namespace ronda::http
