#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "collector/http/api.h"
#include "collector/http/json.h"
#include "common/base/status.h"

namespace ronda::http {
namespace {

// So many of each kind are told, as Prometheus does.
constexpr size_t kMaxAnnotations = 10;

void AppendAnnotations(std::string_view kind, const std::vector<std::string>& texts,
                       std::string* out) {
  if (texts.empty()) {
    return;
  }
  const size_t shown = std::min(texts.size(), kMaxAnnotations);
  std::vector<std::string> told(texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(shown));
  if (shown < texts.size()) {
    told.push_back(fmt::format("{} more {} annotations omitted", texts.size() - shown, kind));
  }
  fmt::format_to(std::back_inserter(*out), ",\"{}s\":", kind);
  AppendTexts(told, out);
}

}  // namespace

Response DataResponse(std::string_view data, const std::vector<std::string>& warnings,
                      const std::vector<std::string>& infos) {
  Response response;
  response.body.reserve(data.size() + 64);
  response.body = R"({"status":"success","data":)";
  response.body += data;
  AppendAnnotations("warning", warnings, &response.body);
  AppendAnnotations("info", infos, &response.body);
  response.body += "}\n";
  return response;
}

Response StatusResponse(const absl::Status& status) {
  const std::string_view text = Message(status);
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return ErrorResponse(400, "bad_data", text);
    case absl::StatusCode::kNotFound:
      return ErrorResponse(404, "not_found", text);
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
      return ErrorResponse(422, "execution", text);
    case absl::StatusCode::kDeadlineExceeded:
      return ErrorResponse(503, "timeout", text);
    case absl::StatusCode::kCancelled:
      return ErrorResponse(503, "canceled", text);
    case absl::StatusCode::kUnavailable:
      return ErrorResponse(503, "unavailable", text);
    default:
      return ErrorResponse(500, "internal", text);
  }
}

}  // namespace ronda::http
