// /api/v1/targets: each source of each node is a target.
#include "collector/http/api.h"
#include "collector/http/json.h"
#include "collector/query/api.h"
#include "common/base/status.h"

namespace ronda::http {
namespace {

std::string_view HealthOf(const query::SourceStatus& source) {
  return !source.up.has_value() ? "unknown" : *source.up ? "up" : "down";
}

void AppendTarget(const query::NodeStatus& node, const query::SourceStatus& source,
                  std::string* out) {
  Labels labels = node.labels;
  labels.Set("node", node.name);
  labels.Set("job", source.job);
  labels.Set("instance", source.instance.empty() ? node.name : source.instance);
  *out += "{\"discoveredLabels\":";
  AppendLabels(labels, out);
  *out += ",\"labels\":";
  AppendLabels(labels, out);
  *out += ",\"scrapePool\":";
  AppendText(source.job, out);
  std::string url = "agent://" + node.name + "/" + source.job + "/" + source.instance;
  *out += ",\"scrapeUrl\":";
  AppendText(url, out);
  *out += ",\"globalUrl\":";
  AppendText(url, out);
  *out +=
      fmt::format(R"(,"lastError":"{}","lastScrape":"{}","lastScrapeDuration":0,"health":"{}",)",
                  node.state == query::NodeState::kSilent ? "the node is silent" : "",
                  TimeText(node.last_sample_ms), HealthOf(source));
  *out += R"("scrapeInterval":"1s","scrapeTimeout":"1s"})";
}

Response Targets(const Sources& sources, const Request& request) {
  const std::string_view state = request.Param("state").value_or("any");
  const std::string_view pool = request.Param("scrapePool").value_or("");
  auto nodes = sources.api->Nodes("");
  if (!nodes.ok()) {
    return StatusResponse(nodes.status());
  }
  std::string data = R"({"activeTargets":[)";
  bool first = true;
  for (const query::NodeStatus& node : *nodes) {
    for (const query::SourceStatus& source : node.sources) {
      if (state == "dropped" || (!pool.empty() && source.job != pool)) {
        continue;
      }
      data += first ? "" : ",";
      first = false;
      AppendTarget(node, source, &data);
    }
  }
  return DataResponse(data + R"(],"droppedTargets":[],"droppedTargetCounts":{}})");
}

}  // namespace

void AddTargets(const Sources& sources, const Lanes& lanes, Router* router) {
  router->Add({{Method::kGet},
               "/api/v1/targets",
               Access::kRead,
               lanes.query,
               true,
               64 << 10,
               [sources](const Request& request) { return Targets(sources, request); }});
}

}  // namespace ronda::http
