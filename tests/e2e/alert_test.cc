// The real programs against a real PostgreSQL: connections run out, the alert goes its way, the
// webhook hears of it, and an agent that is stopped makes it unknown, not resolved.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "tests/support/http_sink.h"
#include "tests/support/postgres_server.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// The default rules' expressions, with times that a test can wait for.
constexpr char kRules[] = R"(
groups:
  - name: e2e
    rules:
      - alert: PostgresConnectionsHigh
        expr: ronda_postgres_connections_usage_percent > 80
        for: 2s
        labels: {severity: warning}
        annotations:
          summary: '{{ $labels.instance }} uses {{ $value }} % of its connections'
          ronda_clear: ronda_postgres_connections_usage_percent < 72
      - alert: NodeSilent
        expr: up{job="node"} == 0
        labels: {severity: critical}
)";

class AlertTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(server_, PostgresServer::Start({.max_connections = 20}));
    std::ofstream(dir_.File("rules.yml")) << kRules;
    std::ofstream(dir_.File("collector.yml"))
        << "silence_after: 5s\nsilence_grace: 1s\nchannels:\n  - name: hook\n    type: webhook\n"
        << "    url: " << sink_.url("/alerts") << "\n";
    ASSERT_TRUE(collector_.Start(
        {ProgramPath("ronda-collector"), "--insecure", "--config", dir_.File("collector.yml"),
         "--data", dir_.File("data"), "--listen", "127.0.0.1:0", "--socket", dir_.File("sock"),
         "--rules", dir_.File("rules.yml"), "--print-address", dir_.File("address")},
        dir_.File("collector.log")));
    ASSERT_TRUE(Eventually(15'000, [&] {
      address_ = ReadFile(dir_.File("address")).value_or("");
      return !address_.empty();
    })) << Logs();
    address_.pop_back();
    ASSERT_TRUE(
        agent_.Start({ProgramPath("ronda-agent"), "--insecure", "--spool", "none", "--collector",
                      address_, "--node", "db1", "--postgres", server_->Connection()},
                     dir_.File("agent.log")));
  }

  std::string Ronda(std::vector<std::string> arguments) {
    std::vector<std::string> argv = {ProgramPath("ronda"), "--collector",
                                     "unix:" + dir_.File("sock")};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const Output output = RunProgram(argv);
    return output.out + output.err;
  }

  bool AlertsShow(const std::string& text, int64_t timeout_ms = 30'000) {
    return Eventually(timeout_ms,
                      [&] { return Ronda({"alerts"}).find(text) != std::string::npos; });
  }

  std::string Logs() {
    return ReadFile(dir_.File("collector.log")).value_or("") +
           ReadFile(dir_.File("agent.log")).value_or("") + Ronda({"alerts"});
  }

  // Status and alert name of each webhook message.
  std::vector<std::string> Told() {
    std::vector<std::string> told;
    for (const HttpSink::Request& request : sink_.requests()) {
      const auto message = nlohmann::json::parse(request.body);
      EXPECT_EQ(message.at("version"), "4");
      for (const auto& alert : message.at("alerts")) {
        told.push_back(alert.at("status").get<std::string>() + " " +
                       alert.at("labels").at("alertname").get<std::string>());
      }
    }
    return told;
  }

  TempDir dir_;
  HttpSink sink_;
  std::unique_ptr<PostgresServer> server_;
  Process collector_;
  Process agent_;
  std::string address_;
};

TEST_F(AlertTest, ConnectionsRunOut) {
  std::vector<PostgresSession> sessions;
  ASSERT_TRUE(Eventually(20'000, [&] {
    return Ronda({"query", "pg_up", "-o", "csv"}).find(",1") != std::string::npos;
  })) << Logs();
  for (int i = 0; i < 14; ++i) {
    auto session = PostgresSession::Open(server_->Connection());
    ASSERT_OK(session);
    sessions.push_back(*std::move(session));
  }
  ASSERT_TRUE(AlertsShow("pending")) << Logs();
  ASSERT_TRUE(AlertsShow("firing")) << Logs();
  ASSERT_TRUE(sink_.WaitForRequests(1)) << Logs();
  EXPECT_THAT(Told(), testing::ElementsAre("firing PostgresConnectionsHigh"));

  // Stopped, not killed: its data is missing, so nothing may be resolved.
  agent_.Signal(SIGSTOP);
  ASSERT_TRUE(AlertsShow("unknown")) << Logs();
  EXPECT_THAT(Ronda({"alerts"}), AllOf(HasSubstr("PostgresConnectionsHigh"),
                                       HasSubstr("NodeSilent"), HasSubstr("firing")));
  ASSERT_TRUE(sink_.WaitForRequests(2));
  EXPECT_EQ(Told().back(), "firing NodeSilent");
  EXPECT_THAT(Ronda({"nodes"}), HasSubstr("silent"));
  EXPECT_THAT(Ronda({"gaps"}), HasSubstr("db1"));
  agent_.Signal(SIGCONT);
  ASSERT_TRUE(Eventually(30'000, [&] {
    const std::string alerts = Ronda({"alerts"});
    return alerts.find("unknown") == std::string::npos &&
           alerts.find("NodeSilent") == std::string::npos &&
           alerts.find("firing") != std::string::npos;
  })) << Logs();

  sessions.clear();
  ASSERT_TRUE(Eventually(30'000, [&] {
    const auto told = Told();
    return !told.empty() && told.back() == "resolved PostgresConnectionsHigh";
  })) << Logs();
  EXPECT_THAT(Told(),
              testing::ElementsAre("firing PostgresConnectionsHigh", "firing NodeSilent",
                                   "resolved NodeSilent", "resolved PostgresConnectionsHigh"));
  EXPECT_THAT(Ronda({"alerts"}), Not(HasSubstr("PostgresConnectionsHigh")));
  const std::string past = Ronda({"alerts", "--since", "1h"});
  EXPECT_THAT(past, AllOf(HasSubstr("pending"), HasSubstr("firing"), HasSubstr("unknown"),
                          HasSubstr("resolved")));

  // The same history from the folder, without a collector.
  agent_.Signal(SIGTERM);
  EXPECT_EQ(agent_.Wait(10'000), 0);
  collector_.Signal(SIGTERM);
  EXPECT_EQ(collector_.Wait(10'000), 0);
  const Output offline =
      RunProgram({ProgramPath("ronda"), "--data", dir_.File("data"), "alerts", "--since", "1h"});
  EXPECT_EQ(offline.exit_code, 0) << offline.err;
  EXPECT_THAT(offline.out, AllOf(HasSubstr("unknown"), HasSubstr("resolved")));
}

TEST_F(AlertTest, ASecondAgentOfTheSameNameIsRefusedAndTheFirstGoesOn) {
  ASSERT_TRUE(Eventually(20'000, [&] {
    return Ronda({"query", "up{job=\"node\"}", "-o", "csv"}).find(",1") != std::string::npos;
  })) << Logs();
  Process clone;
  ASSERT_TRUE(clone.Start({ProgramPath("ronda-agent"), "--insecure", "--spool", "none",
                           "--collector", address_, "--node", "db1"},
                          dir_.File("clone.log")));
  ASSERT_TRUE(Eventually(15'000, [&] {
    return ReadFile(dir_.File("clone.log")).value_or("").find("cloned node") != std::string::npos;
  })) << ReadFile(dir_.File("clone.log")).value_or("");
  EXPECT_THAT(Ronda({"nodes"}), HasSubstr("live"));
}

}  // namespace
}  // namespace ronda
