#include "common/base/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda {
namespace {

TEST(Files, WritesAndReadsBack) {
  TempDir dir;
  const std::string path = dir.File("f");
  const std::string content = std::string("a\0b", 3) + std::string(100'000, 'x');
  ASSERT_OK(WriteFileAtomically(path, content));
  ASSERT_OK_AND_ASSIGN(const std::string read, ReadFile(path));
  EXPECT_EQ(read, content);
  ASSERT_OK(WriteFileAtomically(path, ""));
  ASSERT_OK_AND_ASSIGN(const std::string empty, ReadFile(path));
  EXPECT_EQ(empty, "");
  EXPECT_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST(Files, ErrorsNameThePath) {
  TempDir dir;
  EXPECT_THAT(ReadFile(dir.File("absent")),
              StatusIs(absl::StatusCode::kNotFound, dir.File("absent")));
  EXPECT_FALSE(ReadFile(dir.path()).ok());
  EXPECT_THAT(WriteFileAtomically(dir.File("no/f"), "x"),
              StatusIs(absl::StatusCode::kNotFound, dir.File("no/f")));
}

TEST(Files, RefusesWhatIsTooLarge) {
  TempDir dir;
  const std::string path = dir.File("f");
  ASSERT_OK(WriteFileAtomically(path, std::string(100, 'x')));
  EXPECT_OK(ReadFile(path, 100));
  EXPECT_THAT(ReadFile(path, 99), StatusIs(absl::StatusCode::kResourceExhausted, "99 bytes"));
}

TEST(Files, AFailedWriteLeavesTheOldContent) {
  TempDir dir;
  const std::string path = dir.File("f");
  ASSERT_OK(WriteFileAtomically(path, "old"));
  std::filesystem::create_directory(path + ".tmp");  // in the way of the temporary
  EXPECT_FALSE(WriteFileAtomically(path, "new").ok());
  ASSERT_OK_AND_ASSIGN(const std::string read, ReadFile(path));
  EXPECT_EQ(read, "old");
}

TEST(Files, MakesFoldersOnce) {
  TempDir dir;
  const std::string path = dir.File("a/b/c");
  EXPECT_OK(MakeDirectories(path, 0700));
  EXPECT_OK(MakeDirectories(path));
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST(Files, MakesRelativeFoldersAndTakesATrailingSlash) {
  TempDir dir;
  EXPECT_OK(MakeDirectories(dir.File("a/b/")));
  EXPECT_TRUE(std::filesystem::is_directory(dir.File("a/b")));
  EXPECT_OK(MakeDirectories("."));
  EXPECT_OK(MakeDirectories("/"));
}

TEST(Files, AFileInTheWayIsAnError) {
  TempDir dir;
  ASSERT_OK(WriteFileAtomically(dir.File("f"), ""));
  EXPECT_THAT(MakeDirectories(dir.File("f")),
              StatusIs(absl::StatusCode::kFailedPrecondition, "is not a folder"));
  EXPECT_FALSE(MakeDirectories(dir.File("f/g")).ok());
}

}  // namespace
}  // namespace ronda
