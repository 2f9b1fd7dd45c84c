// The body of webhook messages: Alertmanager's, version 4
// (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config).
#pragma once

#include <string>

#include "collector/notify/config.h"
#include "collector/notify/notification.h"

namespace ronda::notify {

// One alert. groupLabels are alertname and node; endsAt is "0001-01-01T00:00:00Z" while it fires.
// Where there is a reason for the end ("ended", "retired"), it is the annotation ronda_reason.
// The labels are those of the alert and the channel's external_labels; externalURL is its
// external_url, under which generatorURL shows the alert's series ALERTS. Text that is not UTF-8
// has its bad bytes replaced.
std::string WebhookJson(const Notification& notification, const ChannelConfig& channel);

}  // namespace ronda::notify
