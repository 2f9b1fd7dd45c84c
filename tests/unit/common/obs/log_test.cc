#include "common/obs/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "common/base/thread.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::obs {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

class LogTest : public testing::Test {
 protected:
  ~LogTest() override { EXPECT_OK(InitLogging({.level = LogLevel::kWarn})); }

  void Init(bool json, LogLevel level = LogLevel::kInfo, const std::string& timezone = "UTC") {
    ASSERT_OK(InitLogging(
        {.level = level, .json = json, .file = dir_.File("log"), .timezone = timezone}));
  }
  std::string Written() {
    auto text = ReadFile(dir_.File("log"));
    EXPECT_OK(text);
    return text.ok() ? *text : "";
  }
  TempDir dir_;
};

TEST_F(LogTest, WritesOneLineWithTimeLevelAndComponent) {
  Init(false);
  Warn("store", "commit took {} ms node={}", 12, "web-1");
  EXPECT_THAT(Written(),
              MatchesRegex("\\[[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}\\+00:00\\] \\[warn\\] store: commit "
                           "took 12 ms node=web-1\n"));
}

TEST_F(LogTest, WritesWhatIsAtLeastAsImportantAsTheLevel) {
  Init(false, LogLevel::kWarn);
  Debug("x", "one");
  Info("x", "two");
  Warn("x", "three");
  Error("x", "four");
  EXPECT_THAT(Written(), Not(HasSubstr("two")));
  EXPECT_THAT(Written(), HasSubstr("three"));
  EXPECT_THAT(Written(), HasSubstr("four"));
  EXPECT_FALSE(LogEnabled(LogLevel::kInfo));
  EXPECT_TRUE(LogEnabled(LogLevel::kError));
}

TEST_F(LogTest, KeepsAnEventOnOneLine) {
  Init(false);
  Info("x", "a\nb\r\x1b[31mc");
  EXPECT_THAT(Written(), HasSubstr("x: a b  [31mc\n"));
}

TEST_F(LogTest, MasksSecrets) {
  Init(false);
  Info("x", "connecting to {} failed", "postgres://u:canary@h/db");
  Init(true);
  Info("x", "password=canary Bearer canary");
  EXPECT_THAT(Written(), Not(HasSubstr("canary")));
}

TEST_F(LogTest, WritesJsonThatParsersTake) {
  Init(true);
  const std::string nasty =
      "quote \" backslash \\ newline \n tab \t bell \x07 bad \xff \xc3\xa4 {}";
  Error("st\"ore", "{}", nasty);
  const std::string text = Written();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  const auto line = nlohmann::json::parse(text);
  EXPECT_EQ(line["level"], "error");
  EXPECT_EQ(line["component"], "st\"ore");
  EXPECT_EQ(line["message"],
            "quote \" backslash \\ newline \n tab \t bell \x07 bad \xef\xbf\xbd "
            "\xc3\xa4 {}");
  EXPECT_EQ(line.size(), 4u);
}

TEST_F(LogTest, QuotesEveryByteAsValidJson) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string text{static_cast<char>(a), static_cast<char>(b), 'x'};
      ASSERT_TRUE(nlohmann::json::accept(QuoteJson(text))) << a << " " << b;
    }
  }
  for (const char* bad : {"\xed\xa0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80"}) {
    EXPECT_TRUE(nlohmann::json::accept(QuoteJson(bad)));
  }
  EXPECT_EQ(QuoteJson("\xf0\x9f\x98\x80\xe2\x82\xac"), "\"\xf0\x9f\x98\x80\xe2\x82\xac\"");
}

TEST_F(LogTest, AppendsAfterASecondStartAndKeepsTheLoggerIfThatFails) {
  Init(false);
  Info("x", "one");
  EXPECT_THAT(InitLogging({.file = dir_.path()}),
              StatusIs(absl::StatusCode::kFailedPrecondition, dir_.path()));
  EXPECT_THAT(InitLogging({.timezone = "Mars/Olympus"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "Mars/Olympus"));
  Info("x", "two");
  Init(false);
  Info("x", "three");
  const std::string text = Written();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
}

TEST_F(LogTest, LosesNoLineOfManyThreadsWhileItIsSetUpAnew) {
  Init(false);
  constexpr int kThreads = 4;
  constexpr int kLines = 200;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.push_back(StartThread("log-test", [t] {
      for (int i = 0; i < kLines; ++i) {
        Info("x", "thread {} line {}", t, i);
      }
    }));
  }
  for (int i = 0; i < 20; ++i) {
    Init(false);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  const std::string text = Written();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), kThreads * kLines);
}

}  // namespace
}  // namespace ronda::obs
