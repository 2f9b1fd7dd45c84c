#include "collector/http/message.h"

namespace ronda::http {
namespace {

std::optional<std::string_view> Find(const std::vector<Pair>& pairs, std::string_view name) {
  for (const auto& [key, value] : pairs) {
    if (key == name) {
      return value;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view Request::Header(std::string_view name) const {
  return Find(headers, name).value_or("");
}

std::optional<std::string_view> Request::Param(std::string_view name) const {
  return Find(params, name);
}

std::vector<std::string_view> Request::AllParams(std::string_view name) const {
  std::vector<std::string_view> all;
  for (const auto& [key, value] : params) {
    if (key == name) {
      all.push_back(value);
    }
  }
  return all;
}

std::string_view Request::PathParam(std::string_view name) const {
  return Find(path_params, name).value_or("");
}

Response TextResponse(int status, std::string body) {
  return {status, "text/plain; charset=utf-8", std::move(body), {}};
}

}  // namespace ronda::http
