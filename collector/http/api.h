// The endpoints. Each function adds the routes of one file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/http/message.h"
#include "collector/http/router.h"
#include "collector/http/server.h"
#include "collector/http/worker_pool.h"
#include "common/base/clock.h"

namespace ronda::store {
class Store;
}
namespace ronda::query {
class Api;
}
namespace ronda::rules {
class Engine;
class Evaluator;
}  // namespace ronda::rules
namespace ronda::ingest {
class Pipeline;
}
namespace ronda::notify {
class Outbox;
}
namespace ronda::admin {
class Silencing;
}
namespace ronda::remote {
class Receiver;
}

namespace ronda::http {

// What the endpoints read and do. All is borrowed and must outlive the service.
struct Sources {
  query::Api* api = nullptr;
  store::Store* store = nullptr;
  const rules::Engine* rules = nullptr;
  const rules::Evaluator* evaluator = nullptr;
  ingest::Pipeline* pipeline = nullptr;
  const notify::Outbox* outbox = nullptr;
  admin::Silencing* silencing = nullptr;
  remote::Receiver* receiver = nullptr;
  const Clock* clock = nullptr;
  std::string data_dir;
  std::string config_text;  // the configuration in force, without secrets
  std::vector<Pair> flags;  // of the command line, without secrets
  int64_t started_ms = 0;
  int64_t retention_ms = 0;
  std::function<bool()> store_is_full;  // no samples are taken, for want of room on the disk
  // Loads the rules and tokens again, all or nothing.
  std::function<absl::Status()> reload;
};

// Where a request is answered. Each has its own queue.
struct Lanes {
  WorkerPool* quick = nullptr;  // health, metrics, status: what never waits for a query
  WorkerPool* query = nullptr;
  WorkerPool* write = nullptr;
};

struct SelfMetrics {
  std::function<ServerCounters()> server;
  const Router* router = nullptr;
  Lanes lanes;
};

void AddHealth(const Sources& sources, const Lanes& lanes, Router* router);
void AddStatus(const Sources& sources, const Lanes& lanes, Router* router);
void AddMetadata(const Sources& sources, const Lanes& lanes, Router* router);
void AddRules(const Sources& sources, const Lanes& lanes, Router* router);
void AddAlertmanager(const Sources& sources, const Lanes& lanes, Router* router);
void AddQuery(const Sources& sources, const Lanes& lanes, Router* router);
void AddFederate(const Sources& sources, const Lanes& lanes, Router* router);
void AddGraph(const Sources& sources, const Lanes& lanes, Router* router);
void AddWrite(const Sources& sources, const Lanes& lanes, Router* router);
void AddTargets(const Sources& sources, const Lanes& lanes, Router* router);
void AddOwnMetrics(const Sources& sources, const SelfMetrics& self, Router* router);

// {"status":"success","data":DATA}; `data` is JSON. Warnings and infos are left out if empty;
// of each ten are told, and how many more there are.
Response DataResponse(std::string_view data, const std::vector<std::string>& warnings = {},
                      const std::vector<std::string>& infos = {});
// The answer that belongs to the error's code.
Response StatusResponse(const absl::Status& status);

}  // namespace ronda::http
