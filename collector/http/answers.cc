#include <utility>

#include "collector/http/api.h"
#include "collector/http/json.h"
#include "common/base/status.h"

namespace ronda::http {

Response DataResponse(std::string_view data, const std::vector<std::string>& warnings,
                      const std::vector<std::string>& infos) {
  Response response;
  response.body.reserve(data.size() + 64);
  response.body = R"({"status":"success","data":)";
  response.body += data;
  const std::pair<std::string_view, const std::vector<std::string>*> lists[] = {
      {"warnings", &warnings}, {"infos", &infos}};
  for (const auto& [name, texts] : lists) {
    if (!texts->empty()) {
      response.body += fmt::format(",\"{}\":", name);
      AppendTexts(*texts, &response.body);
    }
  }
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
