#include "collector/http/tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/base/files.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::http {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(TokensTest, WhatIsSavedIsReadAgainAndHoldsNoToken) {
  const TempDir dir;
  const std::string token = NewToken();
  EXPECT_NE(NewToken(), token);
  ASSERT_OK(SaveTokens(dir.File("t"), {{{"prom1", Role::kWrite, "", "instance"}, HashToken(token)},
                                       {{"ops", Role::kAdmin, "web1", ""}, HashToken("x")}}));
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadFile(dir.File("t")));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr(token)));
  struct stat info {};
  ASSERT_EQ(stat(dir.File("t").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_OK_AND_ASSIGN(const std::vector<TokenEntry> entries, LoadTokens(dir.File("t")));
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].identity.name, "prom1");
  EXPECT_EQ(entries[0].identity.role, Role::kWrite);
  EXPECT_EQ(entries[0].identity.node_label, "instance");
  EXPECT_EQ(entries[1].identity.node, "web1");
  EXPECT_EQ(entries[1].hash, HashToken("x"));
}

TEST(TokensTest, ErrorsNameTheLine) {
  const std::string hash = HashToken("x");
  EXPECT_THAT(ParseTokens("t", "# fine\n\na read\n"), StatusIs(kInvalid, "t:3: expected NAME"));
  EXPECT_THAT(ParseTokens("t", "a root " + hash), StatusIs(kInvalid, "\"root\" is no role"));
  EXPECT_THAT(ParseTokens("t", "a read 12"), StatusIs(kInvalid, "64 digits"));
  EXPECT_THAT(ParseTokens("t", "a/b read " + hash), StatusIs(kInvalid, "is no name"));
  EXPECT_THAT(ParseTokens("t", "a read " + hash + " x=1"), StatusIs(kInvalid, "node=NODE"));
  EXPECT_THAT(ParseTokens("t", "a read " + hash + "\na admin " + hash),
              StatusIs(kInvalid, "t:2: the name a is there twice"));
}

TEST(TokensTest, AFileThatOthersMayWriteIsRefused) {
  const TempDir dir;
  ASSERT_OK(SaveTokens(dir.File("t"), {}));
  ASSERT_EQ(chmod(dir.File("t").c_str(), 0620), 0);
  EXPECT_THAT(LoadTokens(dir.File("t")),
              StatusIs(absl::StatusCode::kPermissionDenied, "chmod 600"));
}

TEST(TokensTest, TheStoreSeesChangesAndKeepsWhatItHasOverABadFile) {
  const TempDir dir;
  FakeClock clock;
  TokenStore store(dir.File("t"), clock);
  EXPECT_EQ(store.Find("x"), nullptr);
  ASSERT_OK(SaveTokens(dir.File("t"), {{{"ops", Role::kAdmin, "", ""}, HashToken("x")}}));
  clock.Advance(1000);
  ASSERT_NE(store.Find("x"), nullptr);
  EXPECT_EQ(store.Find("x")->name, "ops");
  EXPECT_EQ(store.Find("y"), nullptr);
  EXPECT_EQ(store.Find(""), nullptr);
  ASSERT_OK(WriteFileAtomically(dir.File("t"), "nonsense\n"));
  clock.Advance(1000);
  EXPECT_NE(store.Find("x"), nullptr);
  EXPECT_FALSE(store.Reload().ok());
  ASSERT_OK(SaveTokens(dir.File("t"), {}));
  clock.Advance(1000);
  EXPECT_EQ(store.Find("x"), nullptr);
  EXPECT_TRUE(store.empty());
}

}  // namespace
}  // namespace ronda::http
