// Tested by tests/unit/collector/http/router_test.cc.
#include "collector/http/router.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "collector/http/gzip.h"
#include "collector/http/json.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace ronda::http {
namespace {

constexpr size_t kMinGzipBytes = 1000;

std::vector<std::string_view> Parts(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    path.remove_prefix(path[0] == '/' ? 1 : 0);
    const size_t end = std::min(path.find('/'), path.size());
    parts.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return parts;
}

bool MatchPath(std::string_view pattern, std::string_view path, std::vector<Pair>* params) {
  const std::vector<std::string_view> want = Parts(pattern);
  const std::vector<std::string_view> have = Parts(path);
  if (want.size() != have.size()) {
    return false;
  }
  params->clear();
  for (size_t i = 0; i < want.size(); ++i) {
    if (want[i].starts_with(":")) {
      params->emplace_back(want[i].substr(1), have[i]);
    } else if (want[i] != have[i]) {
      return false;
    }
  }
  return true;
}

std::string_view Name(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kDelete:
      return "DELETE";
    case Method::kOptions:
      return "OPTIONS";
    case Method::kOther:
      break;
  }
  return "";
}

// The token of "Bearer TOKEN", or the password of "Basic ...", for clients that know no other way.
std::string TokenOf(std::string_view header) {
  const auto is = [&](std::string_view scheme) {
    return header.size() > scheme.size() &&
           std::equal(scheme.begin(), scheme.end(), header.begin(),
                      [](char a, char b) { return a == (b | 0x20) || a == b; });
  };
  if (is("bearer ")) {
    return std::string(header.substr(7));
  }
  std::string pair;
  if (is("basic ") && absl::Base64Unescape(ToAbsl(header.substr(6)), &pair)) {
    const size_t colon = pair.find(':');
    return colon == std::string::npos ? "" : pair.substr(colon + 1);
  }
  return "";
}

bool Allows(Role role, Access access) {
  switch (access) {
    case Access::kOpen:
      return true;
    case Access::kRead:
      return role != Role::kWrite;
    case Access::kWrite:
      return role != Role::kRead;
    case Access::kOperate:
      return role == Role::kOperate || role == Role::kAdmin;
    case Access::kAdmin:
      return role == Role::kAdmin;
  }
  return false;
}

std::string_view Needed(Access access) {
  switch (access) {
    case Access::kWrite:
      return "write";
    case Access::kOperate:
      return "operate";
    case Access::kAdmin:
      return "admin";
    default:
      return "read";
  }
}

bool IsApi(std::string_view path) { return path.starts_with("/api/"); }

Response Refusal(const Request& request, int status, std::string_view type, std::string_view text) {
  return IsApi(request.path) ? ErrorResponse(status, type, text)
                             : TextResponse(status, std::string(text) + "\n");
}

}  // namespace

Response ErrorResponse(int status, std::string_view type, std::string_view text) {
  Response response;
  response.status = status;
  response.body = R"({"status":"error","errorType":)";
  AppendText(type, &response.body);
  response.body += ",\"error\":";
  AppendText(text, &response.body);
  response.body += "}\n";
  return response;
}

Router::Router(TokenStore& tokens, bool anonymous_reads)
    : tokens_(tokens), anonymous_reads_(anonymous_reads) {}

void Router::Add(Route route) { routes_.push_back(std::make_unique<Route>(std::move(route))); }

const Route* Router::Match(const Request& request, std::vector<Pair>* params, bool* is_path) const {
  const Method method = request.method == Method::kHead ? Method::kGet : request.method;
  for (const std::unique_ptr<Route>& route : routes_) {
    if (MatchPath(route->pattern, request.path, params)) {
      *is_path = true;
      if (std::find(route->methods.begin(), route->methods.end(), method) != route->methods.end()) {
        return route.get();
      }
    }
  }
  return nullptr;
}

std::unique_ptr<Response> Router::Authorize(const Route& route, Request* request) const {
  const std::string token = TokenOf(request->Header("authorization"));
  if (!token.empty()) {
    request->identity = tokens_.Find(token);
  }
  if (route.access == Access::kOpen || (route.access == Access::kRead && anonymous_reads_)) {
    return nullptr;
  }
  if (request->identity == nullptr) {
    const std::string hint = token.empty()
                                 ? fmt::format(
                                       "a bearer token with the role {} is needed: make one with "
                                       "`ronda-collector token add NAME --role {}` and send it as "
                                       "\"Authorization: Bearer TOKEN\"",
                                       Needed(route.access), Needed(route.access))
                                 : "the token is not known to this collector";
    auto response = std::make_unique<Response>(Refusal(*request, 401, "unauthorized", hint));
    response->headers.emplace_back("WWW-Authenticate", "Bearer realm=\"ronda\"");
    return response;
  }
  if (!Allows(request->identity->role, route.access)) {
    return std::make_unique<Response>(Refusal(
        *request, 403, "forbidden",
        fmt::format("the token {} has the role {}; the role {} is needed", request->identity->name,
                    ToString(request->identity->role), Needed(route.access))));
  }
  return nullptr;
}

std::variant<Response, Admission> Router::Admit(Request& head) {
  if (head.method == Method::kOptions && IsApi(head.path)) {
    return Response{204, "", "", {}};
  }
  bool is_path = false;
  const Route* route = Match(head, &head.path_params, &is_path);
  if (route == nullptr && is_path) {
    Response response =
        Refusal(head, 405, "bad_data", fmt::format("{} takes no {}", head.path, Name(head.method)));
    std::string allow;
    std::vector<Pair> unused;
    for (const std::unique_ptr<Route>& other : routes_) {
      if (MatchPath(other->pattern, head.path, &unused)) {
        for (const Method method : other->methods) {
          allow += (allow.empty() ? "" : ", ") + std::string(Name(method));
        }
      }
    }
    response.headers.emplace_back("Allow", allow);
    return response;
  }
  if (route == nullptr) {
    return Refusal(head, 404, "not_found", fmt::format("there is nothing at {}", head.path));
  }
  if (const std::unique_ptr<Response> refusal = Authorize(*route, &head)) {
    return *refusal;
  }
  Admission admission;
  admission.max_body_bytes = route->max_body_bytes;
  admission.is_form =
      route->is_form &&
      (head.Header("content-type").empty() ||
       head.Header("content-type").starts_with("application/x-www-form-urlencoded"));
  admission.pool = route->pool;
  admission.run = route->run;
  admission.refuse = [&head] {
    Response response =
        Refusal(head, 503, "unavailable",
                head.cancelled->load() ? "the collector stops"
                                       : "too many requests wait already: try again later");
    response.headers.emplace_back("Retry-After", "1");
    return response;
  };
  return admission;
}

void Router::Finish(const Request& request, Response* response) {
  if (IsApi(request.path) && !request.Header("origin").empty()) {
    response->headers.emplace_back("Access-Control-Allow-Headers",
                                   "Accept, Authorization, Content-Type, Origin");
    response->headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
    response->headers.emplace_back("Access-Control-Allow-Origin", "*");
    response->headers.emplace_back("Access-Control-Expose-Headers", "Date");
    response->headers.emplace_back("Vary", "Origin");
  }
  if (response->body.size() >= kMinGzipBytes &&
      request.Header("accept-encoding").find("gzip") != std::string_view::npos) {
    response->body = Gzip(response->body);
    response->headers.emplace_back("Content-Encoding", "gzip");
    response->headers.emplace_back("Vary", "Accept-Encoding");
  }
  bool is_path = false;
  std::vector<Pair> unused;
  const Route* route = Match(request, &unused, &is_path);
  MutexLock lock(&mu_);
  ++counters_[{route == nullptr ? "" : route->pattern, response->status}];
}

std::vector<AnswerCounter> Router::counters() const {
  MutexLock lock(&mu_);
  std::vector<AnswerCounter> out;
  for (const auto& [key, count] : counters_) {
    out.push_back({key.first, key.second, count});
  }
  return out;
}

}  // namespace ronda::http
