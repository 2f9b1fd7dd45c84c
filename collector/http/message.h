// Requests and responses as handlers see them, whatever library reads the network.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ronda::http {

enum class Method { kGet, kHead, kPost, kPut, kDelete, kOptions, kOther };

using Pair = std::pair<std::string, std::string>;

// Who asks, as a token says; see tokens.h.
struct Identity;

struct Request {
  Method method = Method::kGet;
  std::string path;                          // decoded
  std::vector<Pair> params;                  // of the URL, then of a form body, in order
  std::vector<Pair> headers;                 // names in lower case
  std::string body;                          // of anything but a form; a gzip body is decompressed
  std::string peer;                          // address of the client, for people
  std::vector<Pair> path_params;             // what stands for ":name" in the route
  std::shared_ptr<const Identity> identity;  // null: without a token
  int64_t received_mono_ms = 0;
  // Becomes true when the client hangs up while a pool works on this, or the server stops.
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);

  // "" if there is no such header. `name` in lower case.
  std::string_view Header(std::string_view name) const;
  // The first of that name.
  std::optional<std::string_view> Param(std::string_view name) const;
  std::vector<std::string_view> AllParams(std::string_view name) const;
  std::string_view PathParam(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<Pair> headers;
};

Response TextResponse(int status, std::string body);

}  // namespace ronda::http
