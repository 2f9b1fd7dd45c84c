#include "common/obs/mask.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace ronda::obs {
namespace {

TEST(MaskTest, HidesCredentialsAndKeepsTheRest) {
  const std::pair<const char*, const char*> cases[] = {
      {"postgres://ronda:hunter2@db:5432/shop", "postgres://ronda:<secret>@db:5432/shop"},
      {"postgres://ronda:hun@ter2@db/shop", "postgres://ronda:<secret>@db/shop"},
      {"postgres://ronda:hun/ter2@db/shop", "postgres://ronda:<secret>@db/shop"},
      {"redis://:hunter2@[::1]:6379/0 is down", "redis://:<secret>@[::1]:6379/0 is down"},
      {"host=db password=hunter2 user=ronda", "host=db password=<secret> user=ronda"},
      {"password = 'hunter 2\\' x' host=db", "password = '<secret>' host=db"},
      {"PASSWORD=hunter2", "PASSWORD=<secret>"},
      {"PGPASSWORD=hunter2 psql", "PGPASSWORD=<secret> psql"},
      {"db_password: hunter2, x: 1", "db_password: <secret>, x: 1"},
      {"{\"password\": \"hunter2\", \"a\": 1}", "{\"password\": \"<secret>\", \"a\": 1}"},
      {"https://h/x?token=hunter2&a=1", "https://h/x?token=<secret>&a=1"},
      {"api_key=hunter2;", "api_key=<secret>"},
      {"X-Api-Key: hunter2", "X-Api-Key: <secret>"},
      {"Authorization: Bearer eyJhbGciOi.x.y", "Authorization: Bearer <secret>"},
      {"authorization: basic dXNlcjpwdw==", "authorization: basic <secret>"},
      {"https://api.telegram.org/bot123:AAF-x/sendMessage", "https://api.telegram.org/bot<secret>"},
      {"posting to https://hooks.slack.com/services/T0/B0/hunter2 failed",
       "posting to https://hooks.slack.com/services/<secret> failed"},
      {"'https://discord.com/api/webhooks/1/hunter2'",
       "'https://discord.com/api/webhooks/<secret>'"},
      {"two: token=a1 and token=b2", "two: token=<secret> and token=<secret>"}};
  for (const auto& [text, masked] : cases) {
    EXPECT_EQ(MaskSecrets(text), masked);
  }
}

TEST(MaskTest, LeavesHarmlessTextsAlone) {
  for (const char* text :
       {"", "http://127.0.0.1:7710/a@b", "http://h:80?x=a@b", "https://user@host/path",
        "password authentication failed for user \"ronda\"", "password=", "password: ''",
        "basic settings", "12:30:45", "a://", "://", "passwords=3", "tokens: 5",
        "the agent's name: web-1", "file:///etc/passwd", "[2026-11-20T10:00:00.000+0100]"}) {
    EXPECT_EQ(MaskSecrets(text), text);
  }
}

TEST(MaskTest, IsStable) {
  const std::string once = MaskSecrets("postgres://u:p1@h password=x Bearer abc");
  EXPECT_EQ(MaskSecrets(once), once);
}

}  // namespace
}  // namespace ronda::obs
