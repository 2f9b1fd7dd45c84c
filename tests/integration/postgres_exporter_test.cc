// The PostgreSQL sampler's values against those of Debian's prometheus-postgres-exporter, both
// watching one server. It fails where the exporter is not installed.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "agent/samplers/postgres/postgres_sampler.h"
#include "common/base/clock.h"
#include "tests/support/postgres_server.h"
#include "tests/support/process.h"
#include "tests/support/sampler_values.h"
#include "tests/support/status_matchers.h"

namespace ronda::agent {
namespace {

constexpr char kExporter[] = "/usr/bin/prometheus-postgres-exporter";

// The answer to GET /metrics with its headers, or "" if nobody listens.
std::string Scrape(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request = "GET /metrics HTTP/1.0\r\n\r\n";
    EXPECT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
    char buffer[4096];
    for (ssize_t n = 0; (n = read(fd, buffer, sizeof(buffer))) > 0;) {
      answer.append(buffer, static_cast<size_t>(n));
    }
  }
  close(fd);
  return answer;
}

// Of a series in text form: the metric, and its database and state if it has them.
std::string KeyOf(const std::string& series) {
  std::string key = series.substr(0, series.find_first_of("{ "));
  for (const std::string label : {"datname=\"", "state=\""}) {
    if (const size_t at = series.find(label); at != std::string::npos) {
      const size_t from = at + label.size();
      key += "/" + series.substr(from, series.find('"', from) - from);
    }
  }
  return key;
}

// What an exporter for `source` shows, by KeyOf(). Empty if it does not start.
std::map<std::string, double> ExportedValues(const std::string& source) {
  const int port = FreePort();
  Process exporter;
  EXPECT_TRUE(exporter.Start({"/usr/bin/env", "DATA_SOURCE_NAME=" + source, kExporter,
                              "--web.listen-address=127.0.0.1:" + std::to_string(port),
                              "--log.level=error"}));
  std::string text;
  EXPECT_TRUE(Eventually(20'000, [&] {
    text = Scrape(port);
    return !text.empty();
  }));
  std::map<std::string, double> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("pg_")) {
      values[KeyOf(line)] = std::strtod(line.c_str() + line.rfind(' '), nullptr);
    }
  }
  return values;
}

std::vector<PostgresSession> OpenSessions(const PostgresServer& server) {
  const std::pair<std::string, std::string> sessions[] = {
      {"shop", "SELECT 1"},
      {"shop", "SELECT 1"},
      {"shop", "BEGIN; SELECT 1"},
      {"blog", "BEGIN; SELECT 1/0"},
  };
  std::vector<PostgresSession> open;
  for (const auto& [database, sql] : sessions) {
    absl::StatusOr<PostgresSession> session =
        PostgresSession::Open(server.Connection("alice", database));
    EXPECT_OK(session);
    (void)session->Run(sql).ok();  // one is meant to fail
    open.push_back(*std::move(session));
  }
  return open;
}

TEST(PostgresExporterTest, AgreesWithPostgresExporter) {
  ASSERT_EQ(access(kExporter, X_OK), 0)
      << kExporter << " is missing: install the package prometheus-postgres-exporter";
  ASSERT_OK_AND_ASSIGN(const auto server,
                       PostgresServer::Start({.max_connections = 40, .superuser_reserved = 5}));
  ASSERT_OK(server->RunFile("deploy/postgres/setup.sql"));
  ASSERT_OK(server->Run("CREATE ROLE alice LOGIN"));
  ASSERT_OK(server->Run("CREATE DATABASE shop"));
  ASSERT_OK(server->Run("CREATE DATABASE blog"));
  const std::vector<PostgresSession> sessions = OpenSessions(*server);

  const std::map<std::string, double> theirs =
      ExportedValues("postgresql://ronda@127.0.0.1:" + std::to_string(server->port()) +
                     "/postgres?sslmode=disable");
  ASSERT_FALSE(theirs.empty());
  const SystemClock clock;
  PostgresOptions options;
  options.connection = server->Connection("ronda");
  ASSERT_OK_AND_ASSIGN(const auto sampler, PostgresSampler::New(options, clock));
  SeriesTable table;
  std::map<std::string, double> values;
  ASSERT_OK(TickSampler(*sampler, table, &values));
  // Ours also have user and application: summed up, they are what the exporter has.
  std::map<std::string, double> ours;
  for (const auto& [series, value] : values) {
    ours[KeyOf(series)] += value;
  }

  EXPECT_EQ(theirs.at("pg_up"), 1);
  int compared = 0;
  for (const auto& [key, value] : theirs) {
    const bool same_for_both = key == "pg_up" || key == "pg_settings_max_connections" ||
                               key == "pg_settings_superuser_reserved_connections" ||
                               key.starts_with("pg_stat_activity_count/");
    if (!same_for_both || key.starts_with("pg_stat_activity_count/postgres/")) {
      continue;  // in "postgres" each of the two sees itself active, and the other idle
    }
    ASSERT_TRUE(ours.contains(key)) << key;
    EXPECT_EQ(ours[key], value) << key;
    ++compared;
  }
  EXPECT_EQ(compared, 3 + 4 * 6);  // shop, blog and the two templates, six states each
  EXPECT_EQ(ours["pg_stat_activity_count/shop/idle"], 2);
  // Each sees itself; the exporter at times also a second connection of its own.
  EXPECT_EQ(ours["pg_stat_activity_count/postgres/active"], 1);
  EXPECT_GE(theirs.at("pg_stat_activity_count/postgres/active"), 1);

  // An open transaction: both give its age, we a little later.
  const std::string age = "pg_stat_activity_max_tx_duration/shop/idle in transaction";
  EXPECT_GT(theirs.at(age), 0);
  EXPECT_GT(ours[age], theirs.at(age));
  EXPECT_LT(ours[age], theirs.at(age) + 60);
}

}  // namespace
}  // namespace ronda::agent
