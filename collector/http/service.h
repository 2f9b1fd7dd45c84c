// The collector's HTTP service: the endpoints over a server, with their queues and tokens.
//
// Health and metrics have a thread of their own, queries and writes a pool each: none waits behind
// another. See api.h for what is served.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "collector/http/api.h"
#include "collector/http/router.h"
#include "collector/http/server.h"
#include "collector/http/tokens.h"
#include "collector/http/worker_pool.h"

namespace ronda::http {

class Service {
 public:
  struct Options {
    Server::Options server;
    std::string token_file;
    bool anonymous_reads = true;  // queries need no token; what changes something always does
    size_t max_queries = 4;       // that run at a time
    size_t max_waiting_queries = 128;
  };

  // Errors: see Server::Start().
  static absl::StatusOr<std::unique_ptr<Service>> Start(const Options& options,
                                                        const Sources& sources);
  ~Service();

  const std::string& address() const { return server_->address(); }
  TokenStore& tokens() { return tokens_; }

  // Ends queries and connections, at the latest after `grace_ms`. Idempotent.
  void Stop(int64_t grace_ms);

 private:
  Service(const Options& options, const Sources& sources);

  const Sources sources_;
  TokenStore tokens_;
  Router router_;
  // Before the server goes, since it hands them requests.
  WorkerPool quick_;
  WorkerPool query_;
  WorkerPool write_;
  std::unique_ptr<Server> server_;
};

}  // namespace ronda::http
