#include "common/config/spec.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/support/status_matchers.h"

namespace ronda::config {
namespace {

using testing::HasSubstr;

enum class Mode { kFast, kSafe };

struct Server {
  std::string name;
  int64_t timeout_ms = 2'000;
};

struct Options {
  std::string text = "plain";
  bool flag = false;
  int64_t count = 5;
  double ratio = 0.5;
  int64_t wait_ms = 30'000;
  int64_t size_bytes = 1 << 20;
  Mode mode = Mode::kFast;
  StringTable labels;
  std::vector<std::string> names{"a"};
  std::vector<Server> servers;
  Server main;
  std::string secret;
};

Type<Server> ServerType() {
  return Object<Server>()
      .Add("name", &Server::name, String(), "its name")
      .Add("timeout", &Server::timeout_ms, Duration(100, 60'000), "limit")
      .Also([](const Value& value, const std::string& path, Errors* errors, Server* out) {
        if (out->name == "forbidden") {
          errors->Add(PositionOf(value, "name"), ChildPath(path, "name"), "not this one");
        }
      })
      .Build();
}

Type<Options> OptionsType() {
  return Object<Options>()
      .Add("text", &Options::text, String(), "a text")
      .Add("flag", &Options::flag, Bool(), "a switch")
      .Add("count", &Options::count, Int(-10, 10), "a number")
      .Add("ratio", &Options::ratio, Double(0, 1), "a share")
      .Add("wait", &Options::wait_ms, Duration(0, 3'600'000), "a time")
      .Add("size", &Options::size_bytes, Size(0, 1LL << 40), "a size")
      .Add("mode", &Options::mode, OneOf<Mode>({{"fast", Mode::kFast}, {"safe", Mode::kSafe}}),
           "a choice")
      .Add("labels", &Options::labels, Table(), "a table")
      .Add("names", &Options::names, List(String(), 3), "a list")
      .Add("servers", &Options::servers, List(ServerType()), "objects")
      .Add("main", &Options::main, ServerType(), "an object")
      .Add("secret", &Options::secret, Secret(), "hidden")
      .Build();
}

absl::StatusOr<Options> Read(std::string_view text) { return Parse(text, "o.yml", OptionsType()); }

std::string ErrorOf(std::string_view text) {
  const auto result = Read(text);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(Message(result.status()));
}

TEST(SpecTest, KeepsDefaultsOfWhatIsLeftOutOrEmpty) {
  for (const char* text : {"", "# nothing", "text:\nservers:\nmain:\n", "{}"}) {
    ASSERT_OK_AND_ASSIGN(const Options options, Read(text));
    EXPECT_EQ(options.text, "plain");
    EXPECT_EQ(options.wait_ms, 30'000);
    EXPECT_EQ(options.names, std::vector<std::string>{"a"});
    EXPECT_EQ(options.main.timeout_ms, 2'000);
  }
}

TEST(SpecTest, ReadsEveryType) {
  ASSERT_OK_AND_ASSIGN(const Options options, Read(R"(
text: 007
flag: true
count: -3
ratio: 0.25
wait: 1h
size: 2GiB
mode: safe
labels: {role: db, rack: 12}
names: [x, "y"]
servers:
  - name: one
    timeout: 5s
  - name: two
main: {timeout: 100ms}
secret: hunter2
)"));
  EXPECT_EQ(options.text, "007");
  EXPECT_TRUE(options.flag);
  EXPECT_EQ(options.count, -3);
  EXPECT_EQ(options.ratio, 0.25);
  EXPECT_EQ(options.wait_ms, 3'600'000);
  EXPECT_EQ(options.size_bytes, 2LL << 30);
  EXPECT_EQ(options.mode, Mode::kSafe);
  EXPECT_EQ(options.labels, (StringTable{{"role", "db"}, {"rack", "12"}}));
  EXPECT_EQ(options.names, (std::vector<std::string>{"x", "y"}));
  ASSERT_EQ(options.servers.size(), 2u);
  EXPECT_EQ(options.servers[0].timeout_ms, 5'000);
  EXPECT_EQ(options.servers[1].timeout_ms, 2'000);
  EXPECT_EQ(options.main.timeout_ms, 100);
  EXPECT_EQ(options.secret, "hunter2");
}

TEST(SpecTest, CollectsAllErrorsWithTheirPlaces) {
  EXPECT_EQ(ErrorOf("flga: true\n"
                    "count: 11\n"
                    "servers:\n"
                    "  - name: one\n"
                    "    timout: 5s\n"
                    "  - timeout: 5 minutes\n"
                    "    name: [x]\n"
                    "count: 1\n"),
            "o.yml:8:1: the key \"count\" is there already, in line 2\n"
            "o.yml:1:1: flga: unknown key; did you mean \"flag\"?\n"
            "o.yml:2:8: count: 11 is out of range, expected -10 to 10\n"
            "o.yml:5:5: servers[0].timout: unknown key; did you mean \"timeout\"?\n"
            "o.yml:6:14: servers[1].timeout: expected a duration such as 500ms, 30s, 5m, 1h30m or "
            "28d, got \"5 minutes\"\n"
            "o.yml:7:11: servers[1].name: expected a text, got a list");
}

TEST(SpecTest, ListsTheKnownKeysIfNoneIsNear) {
  EXPECT_EQ(ErrorOf("main: {colour: red}"),
            "o.yml:1:8: main.colour: unknown key; known here: name, timeout");
}

TEST(SpecTest, RefusesWrongTypes) {
  const std::pair<const char*, const char*> cases[] = {
      {"flag: yes", "flag: expected true or false, got \"yes\""},
      {"flag: \"true\"", "flag: expected true or false"},
      {"count: 1.5", "count: expected a whole number, got \"1.5\""},
      {"count: \"5\"", "count: expected a whole number"},
      {"count: 99999999999999999999", "count: expected a whole number"},
      {"count: 0x5", "count: expected a whole number"},
      {"ratio: .nan", "ratio: expected a number"},
      {"ratio: nan", "ratio: expected a number"},
      {"ratio: 1.01", "ratio: 1.01 is out of range, expected 0 to 1"},
      {"wait: 30", "wait: expected a duration"},
      {"wait: 61m", "wait: 61m is out of range, expected 0s to 1h"},
      {"size: 1K", "size: expected a size"},
      {"mode: quick", "mode: expected one of fast, safe, got \"quick\""},
      {"labels: [a]", "labels: expected a mapping"},
      {"labels: {a: {}}", "labels.a: expected a text, got a mapping"},
      {"labels: {a: }", "labels.a: expected a text, got nothing"},
      {"names: a", "names: expected a list of text, got \"a\""},
      {"names: [a, b, c, d]", "names: more than 3 items"},
      {"names: [a, [b]]", "names[1]: expected a text, got a list"},
      {"servers: {name: x}", "servers: expected a list of mapping, got a mapping"},
      {"servers: [x]", "servers[0]: expected a mapping of keys to values, got \"x\""},
      {"main: 5", "main: expected a mapping of keys to values, got \"5\""},
      {"[a]", "o.yml:1:1: expected a mapping of keys to values, got a list"},
      {"servers: [{name: forbidden}]", "o.yml:1:18: servers[0].name: not this one"}};
  for (const auto& [text, what] : cases) {
    EXPECT_THAT(ErrorOf(text), HasSubstr(what)) << text;
  }
}

TEST(SpecTest, NeverShowsASecretInAnError) {
  EXPECT_EQ(ErrorOf("secret: [hunter2]"), "o.yml:1:9: secret: expected a text, got a list");
  EXPECT_THAT(ErrorOf("count: postgres://u:hunter2@h/"), testing::Not(HasSubstr("hunter2")));
}

TEST(SpecTest, BoundsTheNumberOfErrors) {
  std::string text;
  for (int i = 0; i < 200; ++i) {
    text += fmt::format("unknown_{}: 1\n", i);
  }
  const std::string error = ErrorOf(text);
  EXPECT_THAT(error, HasSubstr("and 150 more"));
  EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 50);
}

TEST(SpecTest, PrintsWhatReadsBack) {
  Options options;
  options.text = "a \"quoted\" \\ text\nwith: two lines #";
  options.names = {"null", "", "-x", "[", "true", "7"};
  options.names.resize(3);
  options.labels = {{"a b", "{}"}, {"c", "~"}};
  options.servers = {{"one", 100}, {"two: x", 200}};
  options.mode = Mode::kSafe;
  const std::string printed = OptionsType().print(options);
  ASSERT_OK_AND_ASSIGN(const Options again, Read(printed));
  EXPECT_EQ(again.text, options.text);
  EXPECT_EQ(again.names, options.names);
  EXPECT_EQ(again.labels, options.labels);
  ASSERT_EQ(again.servers.size(), 2u);
  EXPECT_EQ(again.servers[1].name, "two: x");
  EXPECT_EQ(OptionsType().print(again), printed);
}

TEST(SpecTest, PrintsNoSecret) {
  Options options;
  options.secret = "hunter2";
  const std::string printed = OptionsType().print(options);
  EXPECT_THAT(printed, HasSubstr("secret: \"<secret>\""));
  EXPECT_THAT(printed, testing::Not(HasSubstr("hunter2")));
}

TEST(SpecTest, ListsEveryKeyWithItsPath) {
  std::vector<std::string> paths;
  for (const KeyInfo& key : OptionsType().keys) {
    paths.push_back(fmt::format("{}={}", key.path, key.default_text));
  }
  EXPECT_THAT(paths,
              testing::IsSupersetOf({"text=plain", "wait=30s", "size=1MiB", "mode=fast",
                                     "servers[].timeout=2s", "main.timeout=2s", "names=[a]"}));
  EXPECT_EQ(paths.size(), 16u);
}

TEST(SpecTest, ResolvesPathsAgainstTheFilesFolder) {
  EXPECT_EQ(Errors("/etc/ronda/agent.yml").Resolve("p.txt"), "/etc/ronda/p.txt");
  EXPECT_EQ(Errors("/etc/ronda/agent.yml").Resolve("/p.txt"), "/p.txt");
  EXPECT_EQ(Errors("agent.yml").Resolve("p.txt"), "p.txt");
  EXPECT_EQ(Errors("/etc/ronda/agent.yml").Resolve(""), "");
}

}  // namespace
}  // namespace ronda::config
