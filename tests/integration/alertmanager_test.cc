// Debian's amtool against a collector: it asks, silences, looks at silences and ends them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/http_fetch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/telling_collector.h"

namespace ronda {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kRules[] = R"(
groups:
  - name: test
    rules:
      - alert: Present
        expr: up == 1
        labels: {severity: warning}
        annotations: {summary: "it is there"}
)";

class AlertmanagerTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_EQ(RunProgram({"/bin/sh", "-c", "command -v amtool"}).exit_code, 0)
        << "amtool is missing; it is in the package prometheus-alertmanager";
  }
  void SetUp() override {
    token_ = collector_.Token("operate");
    reader_ = collector_.Token("read");
    ASSERT_NE(token_, "");
    ASSERT_TRUE(collector_.Start()) << collector_.log();
    for (const char* node : {"web1", "web2"}) {
      agents_.push_back(collector_.Agent(node));
      ASSERT_NE(agents_.back(), nullptr) << collector_.log();
    }
    ASSERT_TRUE(collector_.WaitTold(2)) << collector_.log();
  }

  Output Amtool(std::vector<std::string> arguments, bool with_token = true) const {
    const std::string user = with_token ? "x:" + token_ + "@" : "";
    std::vector<std::string> argv = {"amtool",
                                     "--alertmanager.url=http://" + user + collector_.http()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return RunProgram(argv);
  }
  nlohmann::json Get(const std::string& path) const {
    const HttpAnswer answer = HttpFetch(collector_.http(), "GET", "/api/v2/" + path);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return nlohmann::json::parse(answer.body);
  }
  std::vector<std::string> Bearer() const {
    return {"Authorization: Bearer " + token_, "Content-Type: application/json"};
  }

  TellingCollector collector_{"silence_after: 1h\n", kRules};
  std::vector<std::unique_ptr<TestAgent>> agents_;
  std::string token_;
  std::string reader_;
};

TEST_F(AlertmanagerTest, AmtoolManagesSilences) {
  const Output alerts = Amtool({"alert", "query"});
  EXPECT_EQ(alerts.exit_code, 0) << alerts.err;
  EXPECT_THAT(alerts.out, HasSubstr("Present"));
  EXPECT_THAT(alerts.out, HasSubstr("it is there"));
  EXPECT_THAT(Amtool({"alert", "query", "node=web1", "-o", "extended"}).out,
              testing::AllOf(HasSubstr("node=\"web1\""), Not(HasSubstr("web2"))));
  EXPECT_THAT(Amtool({"alert", "query", "node=~web3"}).out, Not(HasSubstr("Present")));

  const Output refused =
      Amtool({"silence", "add", "node=web1", "-c", "disks", "-d", "1h"}, /*with_token=*/false);
  EXPECT_NE(refused.exit_code, 0) << "a change needs a token";
  const Output added = Amtool(
      {"silence", "add", "node=web1", "severity=~warn.*", "-c", "disks", "-a", "ann", "-d", "1h"});
  ASSERT_EQ(added.exit_code, 0) << added.err;
  const std::string id = added.out.substr(0, added.out.find('\n'));
  ASSERT_EQ(id.size(), 36u) << added.out;

  const Output silences = Amtool({"silence", "query"});
  EXPECT_EQ(silences.exit_code, 0) << silences.err;
  EXPECT_THAT(silences.out, testing::AllOf(HasSubstr(id), HasSubstr("node=\"web1\""),
                                           HasSubstr("severity=~\"warn.*\""), HasSubstr("ann"),
                                           HasSubstr("disks")));
  EXPECT_THAT(Amtool({"silence", "query", "node=web2"}).out, Not(HasSubstr(id)));
  EXPECT_THAT(Amtool({"alert", "query"}).out, HasSubstr("Present")) << "web2";
  EXPECT_THAT(Amtool({"alert", "query", "-o", "extended"}).out, Not(HasSubstr("web1")));
  EXPECT_THAT(Amtool({"alert", "query", "-s", "-o", "extended"}).out, HasSubstr("web1"));
  const Output list = collector_.Ronda({"silence", "list"});
  EXPECT_THAT(list.out, testing::AllOf(HasSubstr(id), HasSubstr("active"), HasSubstr("ann")));
  EXPECT_THAT(collector_.Ronda({"alerts"}).out, HasSubstr("silenced by " + id.substr(0, 8)));
  EXPECT_THAT(collector_.Ronda({"audit"}).out, HasSubstr("token test-operate (operate)"));

  const Output updated = Amtool({"silence", "update", "-d", "2h", "-c", "more disks", id});
  EXPECT_EQ(updated.exit_code, 0) << updated.err;
  EXPECT_THAT(Amtool({"silence", "query"}).out, HasSubstr("more disks"));
  const Output expired = Amtool({"silence", "expire", id});
  EXPECT_EQ(expired.exit_code, 0) << expired.err;
  EXPECT_THAT(Amtool({"silence", "query"}).out, Not(HasSubstr(id)));
  EXPECT_THAT(Amtool({"silence", "query", "--expired"}).out, HasSubstr(id));
  EXPECT_EQ(Amtool({"config", "show"}).exit_code, 0);
  EXPECT_EQ(Amtool({"cluster", "show"}).exit_code, 0);
}

TEST_F(AlertmanagerTest, TheJsonIsAsTheApiSays) {
  const auto alerts = Get("alerts");
  ASSERT_EQ(alerts.size(), 2u);
  for (const char* key : {"annotations", "endsAt", "fingerprint", "receivers", "startsAt", "status",
                          "updatedAt", "labels"}) {
    EXPECT_TRUE(alerts[0].contains(key)) << key;
  }
  EXPECT_EQ(alerts[0]["receivers"][0]["name"], "hook");
  EXPECT_EQ(alerts[0]["status"]["state"], "active");
  EXPECT_EQ(alerts[0]["labels"]["node"], "web1");

  const std::string body =
      R"({"matchers":[{"name":"node","value":"web1","isRegex":false}],"startsAt":)"
      R"("2020-01-01T00:00:00Z","endsAt":"2199-01-01T00:00:00Z","createdBy":"me","comment":"c"})";
  EXPECT_EQ(HttpFetch(collector_.http(), "POST", "/api/v2/silences", body).status, 401);
  const HttpAnswer far = HttpFetch(collector_.http(), "POST", "/api/v2/silences", body, Bearer());
  EXPECT_EQ(far.status, 400);
  EXPECT_TRUE(nlohmann::json::parse(far.body).is_string()) << far.body;
  EXPECT_THAT(far.body, HasSubstr("a year at most"));
  const auto post = [&](const std::string& text) {
    return HttpFetch(collector_.http(), "POST", "/api/v2/silences", text, Bearer());
  };
  EXPECT_EQ(post("{").status, 400);
  EXPECT_THAT(post(R"({"createdBy":"me","comment":""})").body, HasSubstr("startsAt is required"));

  ASSERT_EQ(collector_.Ronda({"silence", "add", "node=web1", "--for", "1h"}).exit_code, 0);
  const auto silences = Get("silences");
  ASSERT_EQ(silences.size(), 1u);
  const std::string id = silences[0]["id"];
  EXPECT_EQ(silences[0]["status"]["state"], "active");
  EXPECT_EQ(
      silences[0]["matchers"][0],
      (nlohmann::json{{"isEqual", true}, {"isRegex", false}, {"name", "node"}, {"value", "web1"}}));
  EXPECT_EQ(Get("silence/" + id)["id"], id);
  EXPECT_EQ(Get("alerts?active=false").size(), 1u);
  EXPECT_EQ(Get("alerts?silenced=false")[0]["labels"]["node"], "web2");
  EXPECT_EQ(Get("alerts?active=false")[0]["status"]["state"], "suppressed");
  EXPECT_EQ(Get("alerts?active=false")[0]["status"]["silencedBy"][0], id);
  EXPECT_EQ(Get("alerts?filter=node%3Dweb2").size(), 1u);
  EXPECT_EQ(Get("alerts?receiver=hook").size(), 2u);
  EXPECT_EQ(Get("alerts?receiver=hoo").size(), 0u);
  EXPECT_EQ(Get("alerts/groups").size(), 2u);
  EXPECT_EQ(Get("alerts/groups")[0]["labels"]["alertname"], "Present");
  EXPECT_EQ(Get("receivers")[0]["name"], "hook");
  EXPECT_EQ(Get("status")["cluster"]["status"], "disabled");

  // The id of another one is an error, not a new one.
  std::string unknown = body;
  unknown.insert(1, R"("id":"00000000-0000-4000-8000-000000000000",)");
  EXPECT_EQ(post(unknown).status, 404);
  const auto erase = [&](const std::string& path, const std::vector<std::string>& headers) {
    return HttpFetch(collector_.http(), "DELETE", "/api/v2/silence/" + path, "", headers).status;
  };
  EXPECT_EQ(erase(id, {}), 401);
  EXPECT_EQ(erase(id, {"Authorization: Bearer " + reader_}), 403);
  EXPECT_EQ(erase("nonsense", Bearer()), 422);
  EXPECT_EQ(erase("00000000-0000-4000-8000-000000000000", Bearer()), 404);
  EXPECT_EQ(erase(id, Bearer()), 200);
  EXPECT_EQ(erase(id, Bearer()), 200) << "it is over already";
  EXPECT_EQ(Get("silences")[0]["status"]["state"], "expired");
  EXPECT_EQ(HttpFetch(collector_.http(), "POST", "/api/v2/alerts", "[]", Bearer()).status, 405);
}

}  // namespace
}  // namespace ronda
