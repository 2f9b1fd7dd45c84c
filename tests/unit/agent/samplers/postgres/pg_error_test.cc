#include "agent/samplers/postgres/pg_error.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/support/status_matchers.h"

namespace ronda::agent {
namespace {

using absl::StatusCode;

// As libpq 15 writes it with PQERRORS_VERBOSE.
std::string Refusal(const std::string& severity, const std::string& sqlstate,
                    const std::string& text, const std::string& function) {
  return "connection to server at \"10.0.0.5\", port 5432 failed: " + severity + ":  " + sqlstate +
         ": " + text + "\nLOCATION:  " + function + ", somewhere.c:323\n";
}

TEST(PgErrorTest, ClassifiesRefusalsBySqlState) {
  struct Case {
    std::string sqlstate;
    std::string function;
    PgTrouble trouble;
  };
  const Case cases[] = {
      {"28P01", "auth_failed", PgTrouble::kPassword},
      {"28000", "InitializeSessionUserId", PgTrouble::kRole},
      {"28000", "ClientAuthentication", PgTrouble::kHostRules},
      {"3D000", "InitPostgres", PgTrouble::kDatabase},
      {"57P03", "ProcessStartupPacket", PgTrouble::kNotReady},
      {"53300", "InitPostgres", PgTrouble::kServerFull},
      {"53300", "ProcessStartupPacket", PgTrouble::kServerFull},
      {"53300", "InitProcess", PgTrouble::kServerFull},
      {"53300", "InitializeSessionUserId", PgTrouble::kRoleLimit},
      {"53300", "CheckMyDatabase", PgTrouble::kRoleLimit},
      {"42501", "CheckMyDatabase", PgTrouble::kPermission},
      {"XX000", "elsewhere", PgTrouble::kOther},
  };
  for (const Case& c : cases) {
    const PgFailure failure =
        ClassifyConnectError(Refusal("FATAL", c.sqlstate, "some text", c.function));
    EXPECT_EQ(failure.trouble, c.trouble) << c.sqlstate << " " << c.function;
    EXPECT_EQ(failure.sqlstate, c.sqlstate);
    EXPECT_EQ(failure.detail, "some text");
  }
}

TEST(PgErrorTest, ReadsServersInOtherLanguages) {
  EXPECT_EQ(
      ClassifyConnectError(Refusal("FATAL", "53300", "tut mir leid, schon zu viele Verbindungen",
                                   "ProcessStartupPacket"))
          .trouble,
      PgTrouble::kServerFull);
  EXPECT_EQ(ClassifyConnectError(
                Refusal("致命错误", "28P01", "用户 \"ronda\" Password 认证失败", "auth_failed"))
                .trouble,
            PgTrouble::kPassword);
}

TEST(PgErrorTest, WithoutSqlStateTheServerWasNotReached) {
  const PgFailure failure = ClassifyConnectError(
      "connection to server at \"10.0.0.5\", port 5432 failed: Connection refused\n"
      "\tIs the server running on that host and accepting TCP/IP connections?\n");
  EXPECT_EQ(failure.trouble, PgTrouble::kUnreachable);
  EXPECT_EQ(failure.sqlstate, "");
  EXPECT_EQ(failure.detail,
            "connection to server at \"10.0.0.5\", port 5432 failed: Connection refused");
  EXPECT_EQ(ClassifyConnectError("").trouble, PgTrouble::kUnreachable);
  EXPECT_EQ(ClassifyConnectError(":  ").trouble, PgTrouble::kUnreachable);
  EXPECT_EQ(ClassifyConnectError("a:  b:  28P0: x").trouble, PgTrouble::kUnreachable);
}

TEST(PgErrorTest, OfSeveralAddressesTheOneThatAnsweredCounts) {
  const std::string refused =
      "connection to server at \"::1\", port 5432 failed: Connection refused\n";
  EXPECT_EQ(ClassifyConnectError(refused + Refusal("FATAL", "28P01", "no", "auth_failed")).trouble,
            PgTrouble::kPassword);
}

TEST(PgErrorTest, ClassifiesQueryErrors) {
  EXPECT_EQ(ClassifyQueryError("", "server closed the connection unexpectedly").trouble,
            PgTrouble::kLost);
  EXPECT_EQ(ClassifyQueryError("57P01", "terminating").trouble, PgTrouble::kLost);
  EXPECT_EQ(ClassifyQueryError("08006", "gone").trouble, PgTrouble::kLost);
  EXPECT_EQ(ClassifyQueryError("57014", "canceling").trouble, PgTrouble::kStatementLimit);
  EXPECT_EQ(ClassifyQueryError("55P03", "lock").trouble, PgTrouble::kStatementLimit);
  EXPECT_EQ(ClassifyQueryError("42501", "denied").trouble, PgTrouble::kPermission);
  EXPECT_EQ(ClassifyQueryError("42703", "no column").trouble, PgTrouble::kOther);
}

TEST(PgErrorTest, LongMessagesAreCut) {
  const PgFailure failure = ClassifyQueryError("XX000", std::string(100'000, 'x'));
  EXPECT_EQ(failure.detail.size(), 300U);
}

TEST(PgErrorTest, MessagesNameServerUserAndCause) {
  PgTarget target;
  target.instance = "10.0.0.5:5432";
  target.user = "ronda";
  target.database = "postgres";
  EXPECT_OK(ToStatus({}, target));
  std::set<std::string> messages;
  for (int i = 1; i <= static_cast<int>(PgTrouble::kOther); ++i) {
    const absl::Status status = ToStatus({static_cast<PgTrouble>(i), "", ""}, target);
    EXPECT_FALSE(status.ok());
    const std::string message(Message(status));
    EXPECT_TRUE(
        message.starts_with("PostgreSQL at 10.0.0.5:5432 (user ronda, database postgres): "))
        << message;
    messages.insert(message);
  }
  EXPECT_EQ(messages.size(), static_cast<size_t>(PgTrouble::kOther));  // each its own
  EXPECT_THAT(ToStatus({PgTrouble::kPassword, "28P01", "it said no"}, target),
              StatusIs(StatusCode::kUnauthenticated,
                       "the password was refused (it said no, SQLSTATE 28P01); set"));
}

}  // namespace
}  // namespace ronda::agent
