#include "agent/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "common/base/files.h"
#include "tests/support/config_reference.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::agent {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusOr<AgentConfig> Parse(std::string_view text) {
  return ParseAgentConfig(text, "agent.yml");
}

TEST(AgentConfigTest, RunsWithoutAFile) {
  ASSERT_OK_AND_ASSIGN(const AgentConfig config, Parse(""));
  char host[256] = {};
  ASSERT_EQ(gethostname(host, sizeof(host) - 1), 0);
  EXPECT_EQ(config.node, host);
  EXPECT_THAT(config.collectors, testing::ElementsAre("127.0.0.1:7710"));
  EXPECT_TRUE(config.host.enabled);
  EXPECT_THAT(config.postgres, IsEmpty());
  EXPECT_OK(Validate(config));
}

TEST(AgentConfigTest, ReadsAServerWithItsPasswordFromAFileBesideTheConfiguration) {
  const TempDir dir;
  ASSERT_OK(WriteFileAtomically(dir.File("shop.password"), "hunter2\n"));
  ASSERT_EQ(chmod(dir.File("shop.password").c_str(), 0600), 0);
  ASSERT_OK(WriteFileAtomically(dir.File("agent.yml"), R"(
node: db-1
labels: {role: db}
collectors: ["[::1]:7710", "b:7710"]
postgres:
  - name: shop
    host: db
    password_file: shop.password
    timeout: 5s
)"));
  ASSERT_OK_AND_ASSIGN(const AgentConfig config, LoadAgentConfig(dir.File("agent.yml")));
  EXPECT_EQ(config.node, "db-1");
  EXPECT_EQ(config.labels.at("role"), "db");
  ASSERT_EQ(config.postgres.size(), 1u);
  EXPECT_EQ(config.postgres[0].password, "hunter2");
  EXPECT_EQ(config.postgres[0].timeout_ms, 5'000);
  EXPECT_EQ(config.postgres[0].interval_ms, 1'000);
  EXPECT_THAT(Describe(config), Not(HasSubstr("hunter2")));
  ASSERT_EQ(chmod(dir.File("shop.password").c_str(), 0644), 0);
  EXPECT_THAT(LoadAgentConfig(dir.File("agent.yml")),
              StatusIs(kInvalid, "agent.yml:8:20: postgres[0].password_file: the secret in"));
}

TEST(AgentConfigTest, RefusesLabelsThatAreTakenAndNamesThatAreNone) {
  for (const char* name : {"node", "instance", "job", "le", "quantile"}) {
    EXPECT_THAT(Parse(fmt::format("labels: {{{}: x}}", name)),
                StatusIs(kInvalid, fmt::format("labels.{0}: the label \"{0}\"", name)));
  }
  for (const char* name : {"1a", "a-b", "__meta", "ä"}) {
    EXPECT_THAT(Parse(fmt::format("labels: {{{}: x}}", name)),
                StatusIs(kInvalid, "is not a label's name"));
  }
}

TEST(AgentConfigTest, RefusesBadValuesByKey) {
  const std::pair<const char*, const char*> cases[] = {
      {"node: web 1", "agent.yml:1:7: node: \"web 1\" is not a node's name"},
      {"node: \"a\\nb\"", "is not a node's name"},
      {"collectors: []", "collectors: at least one"},
      {"collectors: [\"::1:7710\"]", "collectors[0]: \"::1:7710\" is not an address"},
      {"host: {filesystem: {fs_types_exclude: \"(\"}}",
       "host.filesystem.fs_types_exclude: not a regular expression"},
      {"host: {procsf: /x}", "did you mean \"procfs\"?"},
      {"postgres: [{interval: 100ms}]", "postgres[0].interval: 100ms is out of range"},
      {"postgres: [{sslmode: on}]", "postgres[0].sslmode: expected one of disable"},
      {"postgres: [{name: a}, {name: a}]", "1:30: postgres[1].name: the name \"a\" is there twice"},
      {"postgres: [{dsn: \"host=h\", user: x}]", "postgres[0].user: belongs into the dsn"},
      {"postgres: [{password: a, password_env: B}]", "give only one of"},
      {"postgres: [{password_env: RONDA_TEST_UNSET}]",
       "postgres[0].password_env: the environment variable RONDA_TEST_UNSET is not set"},
      {"spool: {max_memory: 1B}", "spool.max_memory: 1B is out of range, expected 1MiB to 1GiB"},
      {"log: {level: loud}", "log.level: expected one of debug, info, warn, error"}};
  for (const auto& [text, what] : cases) {
    EXPECT_THAT(Parse(text), StatusIs(kInvalid, what)) << text;
  }
}

TEST(AgentConfigTest, ShowsNoSecretWhereverItStands) {
  setenv("RONDA_TEST_PASSWORD", "canary", 1);
  ASSERT_OK_AND_ASSIGN(const AgentConfig config, Parse(R"(
postgres:
  - password: canary
  - dsn: postgres://u:canary@h/db
    name: b
  - dsn: "host=h password=canary"
  - password_env: RONDA_TEST_PASSWORD
)"));
  EXPECT_EQ(config.postgres[3].password, "canary");
  EXPECT_THAT(Describe(config), Not(HasSubstr("canary")));
  EXPECT_THAT(Describe(config), HasSubstr("postgres://u:<secret>@h/db"));
  const auto refused = Parse("postgres: [{password: [canary], dsn: canary}, {dsn: {canary: 1}}]");
  EXPECT_THAT(std::string(Message(refused.status())), Not(HasSubstr("canary")));
}

TEST(AgentConfigTest, DescribesWhatReadsBack) {
  ASSERT_OK_AND_ASSIGN(const AgentConfig config, Parse(R"(
node: n
labels: {a: "b: c"}
host: {disabled_samplers: [vmstat], filesystem: {mount_points_exclude: '^/mnt/\w+$'}}
postgres: [{name: x, host: h, port: 5433}, {dsn: "host=h"}]
log: {format: json, level: warn}
)"));
  ASSERT_OK_AND_ASSIGN(const AgentConfig again, Parse(Describe(config)));
  EXPECT_EQ(Describe(again), Describe(config));
  EXPECT_EQ(again.host.filesystem.mount_points_exclude, "^/mnt/\\w+$");
  EXPECT_EQ(again.postgres[0].port, 5433);
  EXPECT_TRUE(again.log.json);
}

TEST(AgentConfigTest, ValidatesWhatTheCommandLineChanged) {
  ASSERT_OK_AND_ASSIGN(AgentConfig config, Parse(""));
  config.node = "a b";
  config.collectors = {"nowhere"};
  EXPECT_THAT(Validate(config), StatusIs(kInvalid, "is not a node's name"));
  EXPECT_THAT(Validate(config), StatusIs(kInvalid, "\"nowhere\" is not an address"));
}

TEST(AgentConfigTest, NamesAFileThatIsMissing) {
  EXPECT_THAT(LoadAgentConfig("/nonexistent/agent.yml"),
              StatusIs(absl::StatusCode::kNotFound, "/nonexistent/agent.yml"));
}

TEST(AgentConfigTest, SampleHasEveryKeyWithItsDefault) {
  const std::string sample = ReadSource("deploy/agent.yml");
  ASSERT_OK_AND_ASSIGN(const AgentConfig defaults, Parse(""));
  ASSERT_OK_AND_ASSIGN(const AgentConfig untouched, Parse(sample));
  EXPECT_EQ(Describe(untouched), Describe(defaults));

  const TempDir dir;
  std::string text = Uncomment(sample);
  const std::string path = "/etc/ronda/shop.password";
  ASSERT_NE(text.find(path), std::string::npos);
  text.replace(text.find(path), path.size(), dir.File("password"));
  ASSERT_OK(WriteFileAtomically(dir.File("password"), "x"));
  ASSERT_EQ(chmod(dir.File("password").c_str(), 0600), 0);
  setenv("BILLING_PASSWORD", "x", 1);
  EXPECT_THAT(MissingKeys(text, AgentConfigKeys()), IsEmpty());
  ASSERT_OK_AND_ASSIGN(AgentConfig all, Parse(text));
  all.node = defaults.node;
  all.labels.clear();
  all.postgres.clear();
  EXPECT_EQ(Describe(all), Describe(defaults));
}

TEST(AgentConfigTest, ReferenceHasEveryKey) {
  EXPECT_THAT(MissingRows(ReadSource("deploy/README.md"), AgentConfigKeys()), IsEmpty());
}

}  // namespace
}  // namespace ronda::agent
