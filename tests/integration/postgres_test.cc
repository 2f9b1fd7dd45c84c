// The PostgreSQL sampler against a real server.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "agent/samplers/postgres/postgres_sampler.h"
#include "common/base/clock.h"
#include "common/base/thread.h"
#include "tests/support/postgres_server.h"
#include "tests/support/process.h"
#include "tests/support/sampler_values.h"
#include "tests/support/status_matchers.h"

namespace ronda::agent {
namespace {

using absl::StatusCode;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr char kUsage[] = "ronda_postgres_connections_usage_percent";
const std::map<std::string, double> kOnlyDown = {{"pg_up", 0}};

// The path of the role's script from the repository's root, where tests run.
constexpr char kSetup[] = "deploy/postgres/setup.sql";

std::string Count(const std::string& database, const std::string& user, const std::string& app,
                  const std::string& state) {
  return Labels::Of("pg_stat_activity_count", {{"datname", database},
                                               {"usename", user},
                                               {"application_name", app},
                                               {"state", state}})
      .ToString();
}

constexpr int64_t kPatienceMs = 20'000;

size_t Occurrences(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++n;
  }
  return n;
}

class PostgresTest : public testing::Test {
 protected:
  void StartServer(PostgresServer::Options options = {}) {
    options.settings.push_back("log_connections = on");
    options.settings.push_back("log_statement = all");
    ASSERT_OK_AND_ASSIGN(server_, PostgresServer::Start(options));
    ASSERT_OK(server_->RunFile(kSetup));
  }

  PostgresOptions Options(const std::string& user = "ronda") const {
    PostgresOptions options;
    options.connection = server_->Connection(user);
    options.backoff_min_ms = 20;
    options.backoff_max_ms = 40;
    options.full_retry_ms = 20;
    return options;
  }

  void Watch(PostgresOptions options) {
    ASSERT_OK_AND_ASSIGN(sampler_, PostgresSampler::New(std::move(options), clock_));
    table_ = std::make_unique<SeriesTable>();
  }
  void Watch() { Watch(Options()); }

  // One tick; `values_` is what it set.
  absl::Status Tick() {
    absl::Status status = TickSampler(*sampler_, *table_, &values_);
    EXPECT_EQ(UndeclaredSeries(*sampler_, *table_), "");
    return status;
  }

  void Open(int n, const std::string& user, const std::string& database = "postgres",
            const std::string& application = "test", const std::string& sql = "SELECT 1") {
    for (int i = 0; i < n; ++i) {
      ASSERT_OK_AND_ASSIGN(PostgresSession session,
                           PostgresSession::Open(server_->Connection(user, database) +
                                                 " application_name=" + application));
      (void)session.Run(sql).ok();  // some are meant to fail
      sessions_.push_back(std::move(session));
    }
  }

  // As the server sees it, without the session that looks.
  int Sessions(const std::string& condition) {
    const absl::StatusOr<std::string> n = server_->Value(
        "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
        "backend_type = 'client backend' AND " +
        condition);
    EXPECT_OK(n);
    return n.ok() ? std::stoi(*n) : -1;
  }
  // Until no more than `n` connections, ours included, take a slot.
  bool WaitForBackends(int n) {
    return Eventually(kPatienceMs, [&] { return server_->Backends() == n; });
  }

  SystemClock clock_;
  std::unique_ptr<PostgresServer> server_;
  std::unique_ptr<PostgresSampler> sampler_;
  std::unique_ptr<SeriesTable> table_;
  std::vector<PostgresSession> sessions_;
  std::map<std::string, double> values_;
};

TEST_F(PostgresTest, CountsSessionsByDatabaseUserApplicationAndState) {
  StartServer();
  ASSERT_OK(server_->Run("CREATE ROLE alice LOGIN"));
  ASSERT_OK(server_->Run("CREATE ROLE bob LOGIN"));
  ASSERT_OK(server_->Run("CREATE DATABASE shop"));
  ASSERT_OK(server_->Run("CREATE DATABASE blog"));
  Open(3, "alice", "shop", "till");
  Open(2, "bob", "blog", "report", "BEGIN; SELECT 1");
  Open(1, "bob", "shop", "report", "BEGIN; SELECT 1/0");
  ASSERT_TRUE(WaitForBackends(6));
  Watch();
  ASSERT_OK(Tick());

  EXPECT_EQ(values_["pg_up"], 1);
  EXPECT_EQ(values_["pg_settings_max_connections"], 100);
  EXPECT_EQ(values_["pg_settings_superuser_reserved_connections"], 3);
  EXPECT_EQ(values_["ronda_postgres_connections"], 7);
  EXPECT_EQ(values_[kUsage], 7.22);  // 7 of 97
  EXPECT_GT(values_["ronda_postgres_response_seconds"], 0);
  EXPECT_LT(values_["ronda_postgres_response_seconds"], 3);

  EXPECT_EQ(values_[Count("shop", "alice", "till", "idle")], 3);
  EXPECT_EQ(values_[Count("blog", "bob", "report", "idle in transaction")], 2);
  EXPECT_EQ(values_[Count("shop", "bob", "report", "idle in transaction (aborted)")], 1);
  EXPECT_EQ(values_[Count("postgres", "ronda", "ronda-agent", "active")], 1);
  double sum = 0;
  for (const auto& [series, value] : values_) {
    sum += series.starts_with("pg_stat_activity_count") ? value : 0;
  }
  EXPECT_EQ(sum, 7);
  // As postgres_exporter: states without a session are 0, in each database.
  ASSERT_TRUE(values_.contains(Count("template1", "", "", "idle")));
  EXPECT_EQ(values_[Count("template1", "", "", "idle")], 0);
  EXPECT_FALSE(values_.contains(Count("shop", "", "", "idle")));

  const auto transaction = [&] {
    return values_[Labels::Of("pg_stat_activity_max_tx_duration",
                              {{"datname", "blog"},
                               {"usename", "bob"},
                               {"application_name", "report"},
                               {"state", "idle in transaction"}})
                       .ToString()];
  };
  const double before = transaction();
  EXPECT_GT(before, 0);
  sessions_.pop_back();
  ASSERT_TRUE(WaitForBackends(6));
  ASSERT_OK(Tick());
  EXPECT_GT(transaction(), before);
  EXPECT_EQ(values_["ronda_postgres_connections"], 6);
  EXPECT_FALSE(values_.contains(Count("shop", "bob", "report", "idle in transaction (aborted)")));
  EXPECT_EQ(sampler_->counters().connects, 1U);
}

TEST_F(PostgresTest, NeedsNoMoreThanTheGrantsOfSetupSql) {
  StartServer();
  ASSERT_OK(server_->RunFile(kSetup));  // again: it is idempotent
  ASSERT_OK(server_->Run("CREATE TABLE customer(name text)"));
  Open(1, "ronda");
  EXPECT_THAT(sessions_[0].Run("SELECT * FROM customer"),
              StatusIs(StatusCode::kInternal, "permission denied"));
  EXPECT_THAT(sessions_[0].Run("CREATE TABLE mine(a int)"),
              StatusIs(StatusCode::kInternal, "read-only transaction"));
  EXPECT_THAT(sessions_[0].Value("SHOW statement_timeout"), IsOk());
  EXPECT_EQ(*sessions_[0].Value("SHOW statement_timeout"), "2s");
  EXPECT_EQ(*server_->Value("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'ronda'"), "3");
  Watch();
  EXPECT_OK(Tick());
}

TEST_F(PostgresTest, SetsItsLimitsOnTheSession) {
  StartServer();
  // A role without the limits that setup.sql gives.
  ASSERT_OK(server_->Run("CREATE ROLE plain LOGIN IN ROLE pg_monitor"));
  PostgresOptions options = Options("plain");
  options.lock_timeout_ms = 200;
  Watch(options);
  ASSERT_OK(Tick());
  EXPECT_EQ(Occurrences(server_->Log(), "set_config('default_transaction_read_only', 'on', false)"),
            1U);
  EXPECT_EQ(Sessions("usename = 'plain' AND application_name = 'ronda-agent'"), 1);

  Open(1, "postgres", "postgres", "test", "BEGIN; LOCK TABLE pg_database");
  EXPECT_THAT(Tick(), StatusIs(StatusCode::kDeadlineExceeded, "lock timeout"));
  EXPECT_EQ(values_["pg_up"], 1);  // SELECT 1 was answered
  sessions_.clear();
  EXPECT_TRUE(Eventually(kPatienceMs, [&] { return Tick().ok(); }));
  EXPECT_EQ(sampler_->counters().connects, 1U);

  options.lock_timeout_ms = 5000;
  options.statement_timeout_ms = 200;
  Watch(options);
  ASSERT_OK(Tick());
  Open(1, "postgres", "postgres", "test", "BEGIN; LOCK TABLE pg_database");
  EXPECT_THAT(Tick(), StatusIs(StatusCode::kDeadlineExceeded, "statement timeout"));
}

TEST_F(PostgresTest, SaysWhichPasswordWasRefusedWithoutShowingIt) {
  StartServer({.password_users = {"ronda"}});
  ASSERT_OK(server_->Run("ALTER ROLE ronda PASSWORD 'sesame'"));
  const std::string where = "127.0.0.1:" + std::to_string(server_->port());
  PostgresOptions options = Options();
  options.password = "open-barley";
  Watch(options);
  const absl::Status refused = Tick();
  EXPECT_THAT(refused, StatusIs(StatusCode::kUnauthenticated, "28P01"));
  EXPECT_THAT(refused, StatusIs(StatusCode::kUnauthenticated, where));
  EXPECT_EQ(Message(refused).find("open-barley"), std::string_view::npos);
  EXPECT_EQ(values_, kOnlyDown);

  options.password = "";
  options.connection += " passfile=/nonexistent";
  Watch(options);
  EXPECT_THAT(Tick(), StatusIs(StatusCode::kUnauthenticated, "the password was refused"));

  options.password = "sesame";
  Watch(options);
  EXPECT_OK(Tick());
}

TEST_F(PostgresTest, TellsRefusalsApart) {
  StartServer();
  PostgresOptions options = Options("nobody");
  Watch(options);
  EXPECT_THAT(Tick(), StatusIs(StatusCode::kUnauthenticated, "the role does not exist"));
  options.connection = server_->Connection("ronda", "nowhere");
  Watch(options);
  EXPECT_THAT(Tick(), StatusIs(StatusCode::kNotFound, "database \"nowhere\" does not exist"));
  // From a folder without a rule in pg_hba.conf for it: replication.
  options.connection = Options().connection + " replication=true";
  Watch(options);
  EXPECT_THAT(Tick(), StatusIs(StatusCode::kUnauthenticated, "SQLSTATE"));
  EXPECT_EQ(values_, kOnlyDown);
}

TEST_F(PostgresTest, WithoutPgMonitorItGivesNoWrongCounts) {
  StartServer();
  ASSERT_OK(server_->Run("REVOKE pg_monitor FROM ronda"));
  Open(2, "postgres");
  Watch();
  EXPECT_THAT(Tick(), StatusIs(StatusCode::kPermissionDenied, "pg_monitor"));
  EXPECT_EQ(values_["pg_up"], 1);
  EXPECT_FALSE(values_.contains("ronda_postgres_connections"));
  ASSERT_OK(server_->Run("GRANT pg_monitor TO ronda"));
  EXPECT_TRUE(Eventually(kPatienceMs, [&] { return Tick().ok(); }));
  EXPECT_EQ(sampler_->counters().connects, 1U);
}

TEST_F(PostgresTest, ReconnectsAfterARestartAndBacksOffMeanwhile) {
  StartServer();
  PostgresOptions options = Options();
  options.backoff_min_ms = options.backoff_max_ms = 2000;
  Watch(options);
  ASSERT_OK(Tick());
  ASSERT_OK(server_->Stop());
  EXPECT_THAT(Tick(), StatusIs(StatusCode::kUnavailable, "the connection was lost"));
  EXPECT_EQ(values_, kOnlyDown);
  const uint64_t failures = sampler_->counters().failures;
  EXPECT_FALSE(Tick().ok());
  EXPECT_EQ(sampler_->counters().failures, failures);  // no second try yet

  options.backoff_min_ms = options.backoff_max_ms = 20;
  Watch(options);
  EXPECT_THAT(Tick(), StatusIs(StatusCode::kUnavailable, "Connection refused"));
  EXPECT_EQ(values_, kOnlyDown);
  ASSERT_OK(server_->StartAgain());
  EXPECT_TRUE(Eventually(kPatienceMs, [&] { return Tick().ok(); }));
  EXPECT_EQ(values_["pg_up"], 1);
}

TEST_F(PostgresTest, AStoppedServerHoldsUpATickForItsTimeoutOnlyAndSeesOneConnection) {
  StartServer();
  PostgresOptions options = Options();
  options.timeout_ms = 400;
  options.statement_timeout_ms = 300;
  Watch(options);
  ASSERT_OK(Tick());
  server_->Pause();
  auto start = steady_clock::now();
  EXPECT_THAT(Tick(), StatusIs(StatusCode::kDeadlineExceeded, "no answer within the time-out"));
  EXPECT_GE(steady_clock::now() - start, milliseconds(390));
  EXPECT_LT(steady_clock::now() - start, milliseconds(1500));
  EXPECT_EQ(values_, kOnlyDown);
  start = steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(Tick(), StatusIs(StatusCode::kDeadlineExceeded, "is kept and waits"));
  }
  EXPECT_LT(steady_clock::now() - start, milliseconds(2000));  // and looks only, after the first
  EXPECT_EQ(sampler_->counters().failures, 1U);
  server_->Resume();
  EXPECT_TRUE(Eventually(kPatienceMs, [&] { return Tick().ok(); }));
  EXPECT_EQ(Sessions("usename = 'ronda'"), 1);
  EXPECT_EQ(Occurrences(server_->Log(), "connection authorized: user=ronda"), 1U);
}

TEST_F(PostgresTest, ConnectsOnceToAServerThatIsStopped) {
  StartServer();
  server_->Pause();
  PostgresOptions options = Options();
  options.timeout_ms = 200;
  Watch(options);
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(Tick(), StatusIs(StatusCode::kDeadlineExceeded, "connecting"));
  }
  server_->Resume();
  EXPECT_TRUE(Eventually(kPatienceMs, [&] { return Tick().ok(); }));
  EXPECT_EQ(Occurrences(server_->Log(), "connection authorized: user=ronda"), 1U);
}

TEST_F(PostgresTest, GivesUpAnAnswerThatNeverComes) {
  StartServer();
  PostgresOptions options = Options();
  options.timeout_ms = 100;
  options.abandon_ms = 300;
  Watch(options);
  ASSERT_OK(Tick());
  server_->Pause();
  EXPECT_TRUE(
      Eventually(kPatienceMs, [&] { return !Tick().ok() && sampler_->counters().failures >= 2; }));
  server_->Resume();
  EXPECT_TRUE(Eventually(kPatienceMs, [&] { return Tick().ok(); }));
  EXPECT_TRUE(Eventually(kPatienceMs, [&] { return Sessions("usename = 'ronda'") == 1; }));
}

TEST_F(PostgresTest, InterruptEndsTheWait) {
  StartServer();
  PostgresOptions options = Options();
  options.timeout_ms = 60000;
  Watch(options);
  ASSERT_OK(Tick());
  server_->Pause();
  absl::Status status;
  std::thread thread = StartThread("source", [&] { status = Tick(); });
  sampler_->Interrupt();
  thread.join();  // the test's time limit is the check
  EXPECT_FALSE(status.ok());
  server_->Resume();
}

TEST_F(PostgresTest, SeesTheServerFillUpAndEmpty) {
  StartServer({.max_connections = 10, .superuser_reserved = 3});
  ASSERT_OK(server_->Run("CREATE ROLE app LOGIN"));
  Watch();
  ASSERT_OK(Tick());
  Open(6, "app");
  ASSERT_TRUE(WaitForBackends(7));
  ASSERT_OK(Tick());
  EXPECT_EQ(values_[kUsage], 100);
  EXPECT_EQ(values_["ronda_postgres_connections"], 7);

  // An agent that comes now gets no connection, and that is the answer.
  std::unique_ptr<PostgresSampler> first = std::move(sampler_);
  Watch();
  EXPECT_OK(Tick());
  const std::map<std::string, double> full = {{"pg_up", 1}, {kUsage, 100}};
  EXPECT_EQ(values_, full);
  EXPECT_EQ(sampler_->counters().connects, 0U);
  EXPECT_EQ(Sessions("usename = 'ronda'"), 1);  // the first one's; no reserved slot was used

  sessions_.clear();
  EXPECT_TRUE(Eventually(kPatienceMs, [&] { return Tick().ok() && values_[kUsage] < 50; }));
}

TEST_F(PostgresTest, LeavesTheLastSlotsToOthers) {
  StartServer({.max_connections = 10, .superuser_reserved = 3});
  ASSERT_OK(server_->Run("CREATE ROLE app LOGIN"));
  PostgresOptions options = Options();
  options.full_retry_ms = 3000;
  for (const int others : {5, 6}) {
    Open(others - static_cast<int>(sessions_.size()), "app");
    ASSERT_TRUE(WaitForBackends(others));
    Watch(options);
    ASSERT_OK(Tick());
    EXPECT_EQ(values_["ronda_postgres_connections"], others + 1);
    EXPECT_EQ(values_[kUsage], others == 5 ? 85.71 : 100);
    EXPECT_TRUE(WaitForBackends(others));  // ours is gone
    ASSERT_OK(Tick());                     // the reading holds until the next look
    EXPECT_EQ(values_["ronda_postgres_connections"], others + 1);
    EXPECT_EQ(sampler_->counters().connects, 1U);
  }
  sessions_.erase(sessions_.begin() + 4, sessions_.end());
  ASSERT_TRUE(WaitForBackends(4));
  Watch(options);
  ASSERT_OK(Tick());
  EXPECT_EQ(Sessions("usename = 'ronda'"), 1);  // two are free: it stays
}

TEST_F(PostgresTest, TheRolesOwnLimitIsNotAFullServer) {
  StartServer();
  ASSERT_OK(server_->Run("ALTER ROLE ronda CONNECTION LIMIT 1"));
  Open(1, "ronda");
  Watch();
  EXPECT_THAT(Tick(), StatusIs(StatusCode::kResourceExhausted, "limit of the role"));
  EXPECT_EQ(values_, kOnlyDown);
}

TEST_F(PostgresTest, ConnectsThroughTheSocket) {
  StartServer();
  PostgresOptions options = Options();
  options.connection = fmt::format("host={} port={} user=ronda dbname=postgres", server_->sockets(),
                                   server_->port());
  Watch(options);
  EXPECT_OK(Tick());
  EXPECT_EQ(sampler_->instance(), "localhost:" + std::to_string(server_->port()));
}

}  // namespace
}  // namespace ronda::agent
