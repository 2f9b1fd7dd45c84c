#include "collector/backup/manifest.h"

#include <string>

#include "tests/support/status_matchers.h"

namespace ronda::backup {
namespace {

Manifest Example() {
  Manifest manifest;
  manifest.ronda_version = "0.1.0";
  manifest.host = "h";
  manifest.data_dir = "/var/lib/\"odd\"";
  manifest.live = true;
  manifest.started_ms = 1'795'132'800'123;
  manifest.finished_ms = 1'795'132'801'000;
  const std::string sha256(64, 'a');
  manifest.files.push_back(
      {"ronda.db", StoredName("ronda.db", sha256), 4096, sha256, 7, 0, 1'795'132'800'123});
  return manifest;
}

TEST(ManifestTest, ReadsWhatItWrote) {
  const Manifest manifest = Example();
  ASSERT_OK_AND_ASSIGN(const Manifest read, ParseManifest(FormatManifest(manifest)));
  EXPECT_EQ(read.data_dir, manifest.data_dir);
  EXPECT_EQ(read.started_ms, manifest.started_ms);
  EXPECT_TRUE(read.live);
  ASSERT_EQ(read.files.size(), 1u);
  EXPECT_EQ(read.files[0].stored, manifest.files[0].stored);
  EXPECT_EQ(read.files[0].change_counter, 7);
  EXPECT_EQ(read.TotalBytes(), 4096);
  EXPECT_NE(read.Find("ronda.db"), nullptr);
  EXPECT_EQ(read.Find("other"), nullptr);
}

TEST(ManifestTest, RefusesNamesThatLeaveTheFolder) {
  for (const char* name : {"../ronda.db", "/etc/passwd", "history/raw/../../x.db",
                           "history/raw/.db", "history/raw/a\nb.db", "x", ""}) {
    Manifest manifest = Example();
    manifest.files[0].name = name;
    manifest.files[0].stored = StoredName(name, manifest.files[0].sha256);
    EXPECT_THAT(ParseManifest(FormatManifest(manifest)),
                StatusIs(absl::StatusCode::kDataLoss, "a file that no backup holds"))
        << name;
  }
}

TEST(ManifestTest, RefusesWhatIsNoManifest) {
  for (const char* text : {"", "{", "[]", "{}", "{\"format\":\"x\"}", "null"}) {
    EXPECT_THAT(ParseManifest(text), StatusIs(absl::StatusCode::kDataLoss, "")) << text;
  }
  std::string text = FormatManifest(Example());
  text.replace(text.find("4096"), 4, "4097");
  EXPECT_THAT(ParseManifest(text), StatusIs(absl::StatusCode::kDataLoss, "checksum"));
  text.replace(text.find("\"format\": 1"), 11, "\"format\": 4");
  EXPECT_THAT(ParseManifest(text),
              StatusIs(absl::StatusCode::kFailedPrecondition, "later version"));
}

TEST(ManifestTest, KnowsTheNamesOfBackups) {
  EXPECT_TRUE(IsStoredName("ronda.db.0123456789abcdef"));
  EXPECT_TRUE(IsStoredName("history/raw/20261120-06.db.0123456789abcdef"));
  EXPECT_TRUE(IsTemporaryName("history/recent.db.tmp"));
  EXPECT_TRUE(IsTemporaryName("ronda.db.tmp-wal"));
  EXPECT_FALSE(IsTemporaryName("letter.tmp"));
  EXPECT_FALSE(IsStoredName("ronda.db.0123456789abcdeF"));
  EXPECT_FALSE(IsStoredName("ronda.db"));
  EXPECT_FALSE(IsStoredName("photo.jpg"));
  EXPECT_FALSE(IsStoredName("history/raw/sub/x.db.0123456789abcdef"));
}

}  // namespace
}  // namespace ronda::backup
