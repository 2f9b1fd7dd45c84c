#include "collector/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "common/base/clock.h"
#include "common/base/files.h"
#include "tests/support/config_reference.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_ca.h"

namespace ronda::collector {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusOr<CollectorConfig> Parse(std::string_view text) {
  return ParseCollectorConfig(text, "/etc/ronda/collector.yml");
}

TEST(CollectorConfigTest, RunsWithoutAFile) {
  ASSERT_OK_AND_ASSIGN(const CollectorConfig config, Parse(""));
  EXPECT_EQ(config.data_dir, "/var/lib/ronda-collector");
  EXPECT_EQ(config.listen, "127.0.0.1:7710");
  EXPECT_EQ(config.silence_after_ms, 30'000);
  EXPECT_EQ(config.retention.raw_ms, 28LL * 86'400'000);
  ASSERT_EQ(config.channels.size(), 1u);
  EXPECT_EQ(config.channels[0].type, ChannelType::kLog);
  EXPECT_OK(Validate(config));
}

TEST(CollectorConfigTest, ListensToOthersInPlainTextOnlyIfForced) {
  for (const char* listen : {"0.0.0.0:7710", "[::]:7710", "10.0.0.1:7710", "ronda.example.com:1"}) {
    const std::string text = fmt::format("listen: \"{}\"\n", listen);
    EXPECT_OK(Parse(text));
    EXPECT_THAT(Parse(text + "insecure: true\n"),
                StatusIs(kInvalid, "collector.yml:1:9: listen: listening on"));
    EXPECT_THAT(Parse(text + "insecure: true\n"), StatusIs(kInvalid, "insecure_anywhere: true"));
    EXPECT_OK(Parse(text + "insecure: true\ninsecure_anywhere: true\n"));
  }
  EXPECT_OK(Parse("listen: \"[::1]:0\""));
  ASSERT_OK_AND_ASSIGN(CollectorConfig config, Parse(""));
  config.listen = "0.0.0.0:0";
  EXPECT_OK(Validate(config));
  config.insecure = true;
  EXPECT_THAT(Validate(config), StatusIs(absl::StatusCode::kFailedPrecondition, "refused"));
}

TEST(CollectorConfigTest, FilesOfTlsGoTogether) {
  ASSERT_OK_AND_ASSIGN(const CollectorConfig config, Parse("tls: {ca: a, cert: b, key: c}"));
  EXPECT_EQ(config.tls.key, "/etc/ronda/c");
  EXPECT_THAT(Parse("tls: {ca: a, cert: b}"),
              StatusIs(kInvalid, "tls.key: ca, cert and key are given together"));
  EXPECT_THAT(Parse("insecure: true\ntls: {ca: a, cert: b, key: c}"),
              StatusIs(kInvalid, "insecure: tls.cert is given"));
  EXPECT_THAT(Parse("tls: {names: [\"a b\"]}"), StatusIs(kInvalid, "neither a host's name"));
}

TEST(CollectorConfigTest, ChecksWhatTheFilesOfTlsHold) {
  const TempDir dir;
  CollectorConfig config;
  config.data_dir = dir.File("data");
  ASSERT_OK_AND_ASSIGN(const std::string made, CheckTls(config, 0));
  EXPECT_THAT(made, testing::HasSubstr("will be made in"));
  TestCa ca(dir.path());
  const tls::Files files = ca.Collector();
  config.tls = {files.ca, files.certificate, files.key};
  const int64_t now = SystemClock().NowMs();
  EXPECT_OK(CheckTls(config, now));
  EXPECT_THAT(CheckTls(config, now + 100 * tls::kDayMs),
              StatusIs(absl::StatusCode::kFailedPrecondition, "expired on"));
  ASSERT_EQ(chmod(files.key.c_str(), 0644), 0);
  EXPECT_THAT(CheckTls(config, now),
              StatusIs(absl::StatusCode::kPermissionDenied, "run: chmod 600 " + files.key));
}

TEST(CollectorConfigTest, ServesHttpToOthersOnlyWithTlsAndTokens) {
  EXPECT_OK(Parse("http: {listen: \"[::1]:0\"}"));
  EXPECT_EQ(HttpTokenFile(*Parse("data_dir: /d")), "/d/http-tokens");
  EXPECT_THAT(Parse("http:\n  listen: 0.0.0.0:7711\n"),
              StatusIs(kInvalid, "collector.yml:2:11: http.listen: serving HTTP on 0.0.0.0:7711"));
  const std::string tls = "http: {listen: 0.0.0.0:7711, tls_certificate: a.pem, tls_key: a.key";
  EXPECT_THAT(Parse(tls + "}"), StatusIs(kInvalid, "needs http.token_file"));
  ASSERT_OK_AND_ASSIGN(const CollectorConfig config, Parse(tls + ", token_file: t}"));
  EXPECT_EQ(config.http.tls_certificate, "/etc/ronda/a.pem");
  EXPECT_EQ(HttpTokenFile(config), "/etc/ronda/t");
  EXPECT_THAT(Parse("http: {tls_key: a.key}"), StatusIs(kInvalid, "belong together"));
  EXPECT_THAT(Parse("insecure_anywhere: true\nhttp: {listen: 0.0.0.0:7711}"),
              StatusIs(kInvalid, "needs http.token_file"));
  EXPECT_OK(Parse("insecure_anywhere: true\nhttp: {listen: 0.0.0.0:7711, token_file: t}"));
}

TEST(CollectorConfigTest, ReadsChannels) {
  const TempDir dir;
  ASSERT_OK(WriteFileAtomically(dir.File("url"), "https://chat.example.com/canary\n"));
  ASSERT_EQ(chmod(dir.File("url").c_str(), 0600), 0);
  ASSERT_OK_AND_ASSIGN(const CollectorConfig config, Parse(fmt::format(R"(
channels:
  - {{name: a, type: webhook, url: "http://u:canary@h/x?token=canary", timeout: 2s,
     headers: {{Authorization: canary}}}}
  - {{name: b, type: webhook, url_file: {}}}
)",
                                                                       dir.File("url"))));
  ASSERT_EQ(config.channels.size(), 2u);
  EXPECT_EQ(config.channels[0].url, "http://u:canary@h/x?token=canary");
  EXPECT_EQ(config.channels[0].headers.at("Authorization"), "canary");
  EXPECT_EQ(config.channels[0].timeout_ms, 2'000);
  EXPECT_EQ(config.channels[1].url, "https://chat.example.com/canary");
  EXPECT_THAT(Describe(config), Not(HasSubstr("canary")));
}

TEST(CollectorConfigTest, RefusesBadValuesByKey) {
  const std::pair<const char*, const char*> cases[] = {
      {"data_dir: \"\"", "data_dir: the path is empty"},
      {"silence_after: 1s", "silence_after: 1s is out of range, expected 5s to 1d"},
      {"commit_interval: 0", "commit_interval: 0 is out of range"},
      {"retention: {row: 1d}", "retention.row: unknown key; did you mean \"raw\"?"},
      {"timezone: Mars/Olympus", "timezone: \"Mars/Olympus\" is not a time zone"},
      {"external_url: ronda.example.com", "external_url: must be such as https://"},
      {"external_url: https://", "external_url: must be such as https://"},
      {"external_labels: {\"\": c}", "\"\" is not the name of a label"},
      {"channels: [{type: log}]", "channels[0]: a channel needs a name"},
      {"channels: [{name: a, type: log, url: \"http://h\"}]", "belongs to type: webhook"},
      {"channels: [{name: a, type: webhook}]", "needs one of url and url_file"},
      {"channels: [{name: a, type: webhook, url: ftp://h}]", "channels[0].url: expected a URL"},
      {"channels: [{name: a, type: webhook, url: \"http://h\", headers: {\"a b\": c}}]",
       "headers.a b: not the name of an HTTP header"},
      {"channels: [{name: a, type: webhook, url: \"http://h\", headers: {a: \"b\\r\\nX: y\"}}]",
       "a header's value is one line"},
      {"channels: [{name: a}, {name: a}]", "channels[1].name: the name \"a\" is there twice"},
      {"channels: [{name: a, type: email}]", "channels[0].type: expected one of log, webhook"},
      {"retention: {records: {kinds: [{keep: 1d}]}}",
       "retention.records.kinds[0].kind: which kind of records"},
      {"retention: {records: {kinds: [{kind: a}, {kind: a}]}}",
       "retention.records.kinds[1].kind: the kind \"a\" is there twice"},
      {"retention: {records: {keep: 1m}}", "retention.records.keep: 1m is out of range"},
      {"limits: {max_series: 0}", "limits.max_series: 0 is out of range"},
      {"expected_nodes: [web1, \"web 2\"]",
       "collector.yml:1:24: expected_nodes[1]: the node's name holds a character"},
      {"expected_nodes:\n  - web1\n  - web2\n  - web1",
       "collector.yml:4:5: expected_nodes[2]: the node \"web1\" is there twice"},
      {"expected_node: [web1]", "unknown key; did you mean \"expected_nodes\"?"},
      {"rules: /etc/x.yml", "rules: expected a list of paths"}};
  for (const auto& [text, what] : cases) {
    EXPECT_THAT(Parse(text), StatusIs(kInvalid, what)) << text;
  }
  EXPECT_THAT(Parse("socket: /" + std::string(200, 'x')), StatusIs(kInvalid, "at most 107 bytes"));
}

TEST(CollectorConfigTest, FindsRulesBesideTheFile) {
  ASSERT_OK_AND_ASSIGN(const CollectorConfig config, Parse("rules: [rules/*.yml, /x.yml]"));
  EXPECT_THAT(config.rules, testing::ElementsAre("/etc/ronda/rules/*.yml", "/x.yml"));
}

TEST(CollectorConfigTest, KindsOfRecordsHaveWhatTheOthersHave) {
  ASSERT_OK_AND_ASSIGN(const CollectorConfig config,
                       Parse("retention: {records: {keep: 30d, max_size: 1MiB, kinds: "
                             "[{kind: alert, keep: 365d}, {kind: log, max_size: 0}]}}"));
  const RecordsConfig& records = config.retention.records;
  ASSERT_EQ(records.kinds.size(), 2u);
  EXPECT_EQ(records.kinds[0].keep_ms, int64_t{365} * 86'400'000);
  EXPECT_EQ(records.kinds[0].max_size_bytes, 1 << 20);
  EXPECT_EQ(records.kinds[1].keep_ms, int64_t{30} * 86'400'000);
  EXPECT_EQ(records.kinds[1].max_size_bytes, 0);
}

TEST(CollectorConfigTest, ALimitThatCannotBeKeptIsRefused) {
  EXPECT_THAT(Parse("retention: {max_size: 3MiB}"),
              StatusIs(kInvalid, "retention.max_size: must be 0 (no limit) or at least 4MiB"));
  EXPECT_OK(Parse("retention: {max_size: 4MiB}"));
  EXPECT_OK(Parse("retention: {max_size: 0}"));
}

TEST(CollectorConfigTest, ReadsWhatItIsCalledOutside) {
  ASSERT_OK_AND_ASSIGN(const CollectorConfig config,
                       Parse("external_url: https://h.example.com/ronda//\n"
                             "external_labels: {site: jakarta}\n"));
  EXPECT_EQ(config.external_url, "https://h.example.com/ronda");
  EXPECT_EQ(config.external_labels.at("site"), "jakarta");
}

TEST(CollectorConfigTest, DescribesWhatReadsBack) {
  ASSERT_OK_AND_ASSIGN(const CollectorConfig config,
                       Parse("rules: [a.yml]\nchannels: [{name: a, type: webhook, url: "
                             "\"https://h/x\"}, {name: b}]\ntimezone: UTC\n"));
  EXPECT_EQ(config.log.timezone, "UTC");
  ASSERT_OK_AND_ASSIGN(const CollectorConfig again, Parse(Describe(config)));
  EXPECT_EQ(Describe(again), Describe(config));
}

TEST(CollectorConfigTest, SampleHasEveryKeyWithItsDefault) {
  const std::string sample = ReadSource("deploy/collector.yml");
  const CollectorConfig defaults;
  ASSERT_OK_AND_ASSIGN(const CollectorConfig untouched, Parse(sample));
  EXPECT_EQ(Describe(untouched), Describe(defaults));

  const TempDir dir;
  std::string text = Uncomment(sample);
  const std::string path = "/etc/ronda/chat.url";
  ASSERT_NE(text.find(path), std::string::npos);
  text.replace(text.find(path), path.size(), dir.File("url"));
  ASSERT_OK(WriteFileAtomically(dir.File("url"), "https://h/x"));
  ASSERT_EQ(chmod(dir.File("url").c_str(), 0600), 0);
  EXPECT_THAT(MissingKeys(text, CollectorConfigKeys()), IsEmpty());
  ASSERT_OK_AND_ASSIGN(CollectorConfig all, Parse(text));
  EXPECT_EQ(all.channels.size(), 3u);
  all.channels = defaults.channels;
  EXPECT_EQ(all.retention.records.kinds.size(), 1u);
  all.retention.records.kinds.clear();
  all.rules = defaults.rules;
  all.external_url.clear();
  all.external_labels.clear();
  EXPECT_EQ(all.inhibit_rules.size(), 2u);
  all.inhibit_rules.clear();
  EXPECT_EQ(all.maintenance.size(), 1u);
  all.maintenance.clear();
  EXPECT_EQ(all.expected_nodes.size(), 2u);
  all.expected_nodes.clear();
  EXPECT_EQ(all.http.listen, "127.0.0.1:7711");
  all.http.listen.clear();
  all.http.tls_certificate.clear();
  all.http.tls_key.clear();
  all.http.token_file.clear();
  EXPECT_EQ(all.tls.cert, "/etc/ronda/collector.pem");
  all.tls = defaults.tls;
  EXPECT_EQ(Describe(all), Describe(defaults));
}

TEST(CollectorConfigTest, ReferenceHasEveryKey) {
  EXPECT_THAT(MissingRows(ReadSource("deploy/README.md"), CollectorConfigKeys()), IsEmpty());
}

}  // namespace
}  // namespace ronda::collector
