#include "collector/rules/alert.h"

#include <gtest/gtest.h>

#include "collector/rules/durable.h"
#include "tests/support/status_matchers.h"

namespace ronda::rules {
namespace {

Alert Example() {
  Alert alert;
  alert.rule = "Hot";
  alert.group = "g";
  alert.node = "web1";
  alert.labels = Labels({{"alertname", "Hot"}, {"node", "web1"}, {"severity", "critical"}});
  alert.annotations = {{"summary", "CPU at 90%"}, {"empty", ""}};
  alert.state = AlertState::kUnknown;
  alert.before_unknown = AlertState::kFiring;
  alert.active_at_ms = 1'795'132'800'123;
  alert.fired_at_ms = 1'795'132'801'123;
  alert.changed_at_ms = 1'795'132'802'123;
  alert.keep_since_ms = -1;
  alert.value = 90.5;
  alert.reason = "node silent";
  return alert;
}

TEST(AlertTest, EncodesAndDecodes) {
  ASSERT_OK_AND_ASSIGN(const Alert decoded, DecodeAlert(EncodeAlert(Example())));
  EXPECT_EQ(decoded, Example());
}

TEST(AlertTest, DamagedBytesAreDataLoss) {
  const std::string bytes = EncodeAlert(Example());
  for (size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_EQ(DecodeAlert(bytes.substr(0, n)).status().code(), absl::StatusCode::kDataLoss) << n;
  }
  EXPECT_THAT(DecodeAlert(bytes + "x"), StatusIs(absl::StatusCode::kDataLoss, "damaged"));
  std::string later = bytes;
  later[0] = 2;
  EXPECT_THAT(DecodeAlert(later), StatusIs(absl::StatusCode::kDataLoss, "version 2"));
  // Flipped bits may give another alert, but never worse.
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string flipped = bytes;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
    (void)DecodeAlert(flipped);
  }
}

TEST(AlertTest, KeysTellGroupRuleAndLabelsApart) {
  const Alert alert = Example();
  EXPECT_EQ(AlertKey(alert).size(), 32U);
  Alert same = alert;
  same.state = AlertState::kFiring;
  same.annotations.clear();
  EXPECT_EQ(AlertKey(same), AlertKey(alert));
  Alert other = alert;
  other.group = "gH";
  other.rule = "ot";
  EXPECT_NE(AlertKey(other), AlertKey(alert));
  other = alert;
  other.labels.Set("node", "web2");
  EXPECT_NE(AlertKey(other), AlertKey(alert));
}

TEST(AlertTest, FingerprintIsFnv1a) {
  EXPECT_EQ(Fingerprint(Labels()), "cbf29ce484222325");
  EXPECT_EQ(Fingerprint(Labels({Label{"a", "b"}})).size(), 16U);
  EXPECT_NE(Fingerprint(Labels({Label{"a", "bc"}})), Fingerprint(Labels({Label{"ab", "c"}})));
}

TEST(DurableTest, KeepsActiveAlertsAndLogsTransitions) {
  Transition t{Example(), AlertState::kFiring, 1'795'132'802'123, 90.5, "node silent",
               false,     "0a1b2c3d"};
  std::vector<store::StateWrite> writes;
  std::vector<Record> records;
  AppendDurable(t, &writes, &records);
  ASSERT_EQ(writes.size(), 1U);
  EXPECT_EQ(writes[0].space, kAlertSpace);
  EXPECT_EQ(writes[0].key, AlertKey(t.alert));
  EXPECT_EQ(writes[0].value, EncodeAlert(t.alert));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].t_ms, t.t_ms);
  ASSERT_EQ(records[0].values.size(), AlertRecord().columns.size());
  EXPECT_EQ(std::get<std::string>(records[0].values[2]), "critical");
  EXPECT_EQ(std::get<std::string>(records[0].values[4]), "firing");
  EXPECT_EQ(std::get<std::string>(records[0].values[5]), "unknown");
  EXPECT_EQ(std::get<double>(records[0].values[6]), 90.5);
  EXPECT_EQ(std::get<int64_t>(records[0].values[7]), t.alert.active_at_ms);
  EXPECT_EQ(std::get<std::string>(records[0].values[9]), "CPU at 90%");
  EXPECT_EQ(std::get<std::string>(records[0].values[10]), "0a1b2c3d");
  EXPECT_EQ(std::get<int64_t>(records[0].values[11]), t.alert.active_at_ms - 300'000);
  EXPECT_EQ(std::get<int64_t>(records[0].values[12]), t.t_ms + 300'000);

  t.alert.state = AlertState::kResolved;
  AppendDurable(t, &writes, &records);
  EXPECT_FALSE(writes[1].value.has_value());
  EXPECT_EQ(records.size(), 2U);

  t.alert.state = AlertState::kFiring;  // only the stored alert changes
  AppendDurable(t, &writes, &records);
  EXPECT_TRUE(writes[2].value.has_value());
  EXPECT_EQ(records.size(), 2U);
}

// The kinds of the record's columns and of what is written agree.
TEST(DurableTest, RecordsFitTheirKind) {
  std::vector<store::StateWrite> writes;
  std::vector<Record> records;
  AppendDurable({Example(), AlertState::kFiring, 1, 1, "", false}, &writes, &records);
  for (size_t i = 0; i < records[0].values.size(); ++i) {
    EXPECT_EQ(records[0].values[i].index() + 1, static_cast<size_t>(AlertRecord().columns[i].type));
  }
}

}  // namespace
}  // namespace ronda::rules
