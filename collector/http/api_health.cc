// /-/healthy, /-/ready, /health, /-/reload.
#include <algorithm>

#include "collector/http/api.h"
#include "collector/http/json.h"
#include "collector/query/api.h"
#include "collector/store/store.h"
#include "common/base/status.h"
#include "common/base/version.h"

namespace ronda::http {
namespace {

enum class Health { kOk, kDegraded, kFailing };

std::string_view ToString(Health health) {
  return health == Health::kOk ? "ok" : health == Health::kDegraded ? "degraded" : "failing";
}

struct Check {
  std::string_view name;
  Health health = Health::kOk;
  std::string detail;
};

Check CheckJournal(const store::StoreStats& stats) {
  if (!stats.journal_status.ok()) {
    return {"journal", Health::kFailing,
            "the last commit failed: " + std::string(Message(stats.journal_status))};
  }
  return {"journal", Health::kOk,
          fmt::format("commits={} pending_bytes={} fsync_p99_ms={:.3f}", stats.counters.commits,
                      stats.pending_bytes, stats.fsync_p99_ms)};
}

Check CheckDisk(const store::StoreStats& stats) {
  const std::string use = fmt::format("free_bytes={} total_bytes={}", stats.disk_use.free_bytes,
                                      stats.disk_use.total_bytes);
  switch (stats.disk) {
    case store::DiskState::kHard:
      return {"disk", Health::kFailing, "full, no samples are taken: " + use};
    case store::DiskState::kSoft:
      return {"disk", Health::kDegraded, "nearly full: " + use};
    default:
      return {"disk", Health::kOk, use};
  }
}

Check CheckHistory(const store::StoreStats& stats) {
  const int64_t damaged = stats.counters.corrupt_blocks + stats.counters.corrupt_journal_rows;
  return {"history", damaged > 0 ? Health::kDegraded : Health::kOk,
          fmt::format("files={} blocks={} damaged={}", stats.history_files, stats.blocks, damaged)};
}

Response HealthOf(const Sources& sources) {
  const store::StoreStats stats = sources.store->Stats();
  const Check checks[] = {CheckJournal(stats), CheckDisk(stats), CheckHistory(stats)};
  Health worst = Health::kOk;
  std::string list;
  for (const Check& check : checks) {
    worst = std::max(worst, check.health);
    list += list.empty() ? "" : ",";
    AppendText(check.name, &list);
    list += fmt::format(R"(:{{"status":"{}","detail":)", ToString(check.health));
    AppendText(check.detail, &list);
    list += "}";
  }
  Response response;
  response.status = worst == Health::kFailing ? 503 : 200;
  response.body =
      fmt::format(R"({{"status":"{}","timestamp":"{}","version":"{}","checks":{{{}}}}})",
                  ToString(worst), TimeText(sources.clock->NowMs()), Version(), list);
  response.body += "\n";
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

}  // namespace

void AddHealth(const Sources& sources, const Lanes& lanes, Router* router) {
  // Started means restored: the server begins to listen when everything is there.
  router->Add(
      {{Method::kGet}, "/-/healthy", Access::kOpen, nullptr, true, 1024, [](const Request&) {
         return TextResponse(200, "Ronda is Healthy.\n");
       }});
  router->Add(
      {{Method::kGet}, "/-/ready", Access::kOpen, nullptr, true, 1024, [](const Request& request) {
         return request.cancelled->load() ? TextResponse(503, "Ronda stops.\n")
                                          : TextResponse(200, "Ronda is Ready.\n");
       }});
  router->Add({{Method::kGet},
               "/health",
               Access::kOpen,
               lanes.quick,
               true,
               1024,
               [sources](const Request&) { return HealthOf(sources); }});
  router->Add({{Method::kPost, Method::kPut},
               "/-/reload",
               Access::kAdmin,
               lanes.quick,
               true,
               1024,
               [sources](const Request&) {
                 const absl::Status status = sources.reload();
                 return status.ok() ? TextResponse(200, "")
                                    : TextResponse(500, "failed to reload config: " +
                                                            std::string(Message(status)) + "\n");
               }});
}

}  // namespace ronda::http
