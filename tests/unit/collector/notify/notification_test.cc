#include "collector/notify/notification.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "collector/notify/webhook_json.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/collector/notify/notify_testing.h"

namespace ronda::notify {
namespace {

TEST(NotificationTest, EncodesAndDecodes) {
  const Notification notification{"hook", Resolved(), 42};
  const std::string bytes = EncodeNotification(notification);
  ASSERT_OK_AND_ASSIGN(const Notification decoded, DecodeNotification(bytes));
  EXPECT_EQ(decoded.channel, "hook");
  EXPECT_EQ(decoded.event.alert, notification.event.alert);
  EXPECT_EQ(decoded.event.from, rules::AlertState::kFiring);
  EXPECT_EQ(decoded.event.t_ms, notification.event.t_ms);
  EXPECT_EQ(decoded.event.value, 50);
  EXPECT_EQ(decoded.queued_at_ms, 42);
  for (size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_EQ(DecodeNotification(bytes.substr(0, n)).status().code(), absl::StatusCode::kDataLoss);
  }
  EXPECT_THAT(DecodeNotification(bytes + "x"), StatusIs(absl::StatusCode::kDataLoss, "damaged"));
}

TEST(NotificationTest, TheKeyTellsTransitionsApartAndStaysTheSame) {
  const Notification firing{"hook", Firing(), 1};
  Notification again = firing;
  again.queued_at_ms = 2;
  again.event.alert.annotations.clear();
  EXPECT_EQ(IdempotencyKey(again), IdempotencyKey(firing));
  EXPECT_EQ(IdempotencyKey(firing).size(), 32U);
  EXPECT_NE(IdempotencyKey({"hook", Resolved(), 1}), IdempotencyKey(firing));
  EXPECT_NE(IdempotencyKey({"hook", Firing("Cold"), 1}), IdempotencyKey(firing));
}

TEST(NotificationTest, FormatsTimes) {
  EXPECT_EQ(FormatRfc3339(kFiredAtMs), "2026-11-20T00:00:00.123Z");
  EXPECT_EQ(FormatRfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatRfc3339(-1), "1969-12-31T23:59:59.999Z");
}

TEST(WebhookJsonTest, HasEveryFieldOfVersionFour) {
  const auto message = nlohmann::json::parse(WebhookJson({"hook", Firing(), 1}, {}));
  const auto labels =
      nlohmann::json{{"alertname", "Hot"}, {"node", "web1"}, {"severity", "critical"}};
  const auto annotations = nlohmann::json{{"summary", "CPU of web1 at 96%"}};
  const auto expected =
      nlohmann::json{{"version", "4"},
                     {"groupKey", "{}:{alertname=\"Hot\", node=\"web1\"}"},
                     {"truncatedAlerts", 0},
                     {"status", "firing"},
                     {"receiver", "hook"},
                     {"groupLabels", {{"alertname", "Hot"}, {"node", "web1"}}},
                     {"commonLabels", labels},
                     {"commonAnnotations", annotations},
                     {"externalURL", ""},
                     {"alerts",
                      {{{"status", "firing"},
                        {"labels", labels},
                        {"annotations", annotations},
                        {"startsAt", "2026-11-20T00:00:00.123Z"},
                        {"endsAt", "0001-01-01T00:00:00Z"},
                        {"generatorURL", ""},
                        {"fingerprint", rules::Fingerprint(Firing().alert.labels)}}}}};
  EXPECT_EQ(message, expected) << message.dump(2);
}

TEST(WebhookJsonTest, HasWhatTheCollectorIsCalledOutside) {
  ChannelConfig channel;
  channel.external_url = "https://ronda.example.com/r";
  channel.external_labels = {{"site", "jakarta"}, {"node", "another"}};
  const auto message = nlohmann::json::parse(WebhookJson({"hook", Firing(), 1}, channel));
  EXPECT_EQ(message["externalURL"], "https://ronda.example.com/r");
  const auto& alert = message["alerts"][0];
  EXPECT_EQ(alert["labels"]["site"], "jakarta");
  EXPECT_EQ(alert["labels"]["node"], "web1") << "the alert's own label counts";
  EXPECT_EQ(message["commonLabels"], alert["labels"]);
  EXPECT_EQ(message["groupLabels"].size(), 2u);
  EXPECT_EQ(alert["generatorURL"],
            "https://ronda.example.com/r/graph?g0.expr=ALERTS%7Balertname%3D%22Hot%22%2C"
            "node%3D%22web1%22%2Cseverity%3D%22critical%22%7D&g0.tab=0");
  Labels all = Firing().alert.labels;
  all.Set("site", "jakarta");
  EXPECT_EQ(alert["fingerprint"], rules::Fingerprint(all));
}

TEST(WebhookJsonTest, ResolvedSaysWhenAndWhy) {
  rules::Transition event = Resolved();
  event.reason = "ended";
  const auto message = nlohmann::json::parse(WebhookJson({"hook", event, 1}, {}));
  EXPECT_EQ(message["status"], "resolved");
  EXPECT_EQ(message["alerts"][0]["status"], "resolved");
  EXPECT_EQ(message["alerts"][0]["startsAt"], "2026-11-20T00:00:00.123Z");
  EXPECT_EQ(message["alerts"][0]["endsAt"], "2026-11-20T00:01:00.123Z");
  EXPECT_EQ(message["alerts"][0]["annotations"]["ronda_reason"], "ended");
}

TEST(WebhookJsonTest, BytesThatAreNotUtf8AreReplaced) {
  rules::Transition event = Firing();
  event.alert.annotations[0].value = "bad \xff byte \"quoted\"";
  const auto message = nlohmann::json::parse(WebhookJson({"hook", event, 1}, {}));
  EXPECT_EQ(message["alerts"][0]["annotations"]["summary"], "bad \xef\xbf\xbd byte \"quoted\"");
}

}  // namespace
}  // namespace ronda::notify
