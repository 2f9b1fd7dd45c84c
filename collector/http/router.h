// Which path means what, who may ask it, and which pool answers.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/http/message.h"
#include "collector/http/server.h"
#include "collector/http/tokens.h"
#include "collector/http/worker_pool.h"
#include "common/base/mutex.h"

namespace ronda::http {

// Who may ask.
enum class Access {
  kOpen,     // anybody
  kRead,     // anybody if the server may be read without a token, else the role read
  kWrite,    // roles write, operate and admin
  kOperate,  // roles operate and admin
  kAdmin,
};

struct Route {
  std::vector<Method> methods;
  std::string pattern;  // "/api/v1/label/:name/values": ":name" is one part of the path
  Access access = Access::kRead;
  WorkerPool* pool = nullptr;  // null: on the I/O thread
  bool is_form = true;         // a POST's body holds parameters
  size_t max_body_bytes = 1 << 20;
  std::function<Response(const Request&)> run;
};

// Requests by answer.
struct AnswerCounter {
  std::string route;  // the pattern, or "" for what is none
  int status = 0;
  int64_t count = 0;
};

// Add() the routes before the server starts; then thread-safe.
class Router : public Handler {
 public:
  // `tokens` must outlive the router. `anonymous_reads`: kRead needs no token.
  Router(TokenStore& tokens, bool anonymous_reads);

  void Add(Route route);

  std::variant<Response, Admission> Admit(Request& head) override;
  void Finish(const Request& request, Response* response) override;

  std::vector<AnswerCounter> counters() const;

 private:
  const Route* Match(const Request& request, std::vector<Pair>* params, bool* is_path) const;
  // Null if it may, else why not.
  std::unique_ptr<Response> Authorize(const Route& route, Request* request) const;

  TokenStore& tokens_;
  const bool anonymous_reads_;
  std::vector<std::unique_ptr<Route>> routes_;
  mutable Mutex mu_;
  std::map<std::pair<std::string, int>, int64_t> counters_ ABSL_GUARDED_BY(mu_);
};

// {"status":"error","errorType":TYPE,"error":TEXT}
Response ErrorResponse(int status, std::string_view type, std::string_view text);

}  // namespace ronda::http
