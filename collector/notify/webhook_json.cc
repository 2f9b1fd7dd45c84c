#include "collector/notify/webhook_json.h"

#include <nlohmann/json.hpp>

#include "collector/notify/http_post.h"
#include "common/model/labels.h"

namespace ronda::notify {

namespace {

// Where the alert's own series is drawn, as Prometheus' links have it.
std::string GeneratorUrl(const std::string& external_url, const Labels& labels) {
  if (external_url.empty()) {
    return "";
  }
  Labels series = labels;
  series.Set(kMetricName, "ALERTS");
  return external_url + "/graph?g0.expr=" + EscapeQuery(series.ToString()) + "&g0.tab=0";
}

Labels WithExternal(Labels labels, const std::map<std::string, std::string>& external) {
  for (const auto& [name, value] : external) {
    if (labels.Get(name).empty()) {
      labels.Set(name, value);
    }
  }
  return labels;
}

}  // namespace

std::string WebhookJson(const Notification& notification, const ChannelConfig& channel) {
  const rules::Alert& alert = notification.event.alert;
  const bool firing = alert.state != rules::AlertState::kResolved;

  auto labels = nlohmann::json::object();
  auto group_labels = nlohmann::json::object();
  std::string group_key;
  const Labels all = WithExternal(alert.labels, channel.external_labels);
  for (const Label& label : all.all()) {
    labels[label.name] = label.value;
    if (label.name == "alertname" || label.name == "node") {
      group_labels[label.name] = label.value;
      group_key +=
          (group_key.empty() ? "" : ", ") + label.name + "=" + QuoteLabelValue(label.value);
    }
  }
  auto annotations = nlohmann::json::object();
  for (const Label& annotation : alert.annotations) {
    annotations[annotation.name] = annotation.value;
  }
  if (!notification.event.reason.empty()) {
    annotations["ronda_reason"] = notification.event.reason;
  }
  const nlohmann::json one = {
      {"status", StatusOf(notification)},
      {"labels", labels},
      {"annotations", annotations},
      {"startsAt", FormatRfc3339(alert.fired_at_ms)},
      {"endsAt", firing ? "0001-01-01T00:00:00Z" : FormatRfc3339(notification.event.t_ms)},
      {"generatorURL", GeneratorUrl(channel.external_url, alert.labels)},
      {"fingerprint", rules::Fingerprint(all)},
  };
  const nlohmann::json message = {
      {"version", "4"},
      {"groupKey", "{}:{" + group_key + "}"},
      {"truncatedAlerts", 0},
      {"status", StatusOf(notification)},
      {"receiver", notification.channel},
      {"groupLabels", group_labels},
      {"commonLabels", labels},
      {"commonAnnotations", annotations},
      {"externalURL", channel.external_url},
      {"alerts", nlohmann::json::array({one})},
  };
  return message.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace ronda::notify
