#include "collector/access/unix_door.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::access {
namespace {

TEST(UnixDoorTest, RootAndTheCollectorsUserAdministerTheGroupOperates) {
  const uint32_t groups[] = {100, 990};
  EXPECT_EQ(RoleOfUser(0, 200, nullptr, 0, -1, false), Role::kAdmin);
  EXPECT_EQ(RoleOfUser(200, 200, nullptr, 0, 990, false), Role::kAdmin);
  EXPECT_EQ(RoleOfUser(1000, 200, groups, 2, 990, false), Role::kOperate);
  EXPECT_EQ(RoleOfUser(1000, 200, groups, 1, 990, false), Role::kNone);
  EXPECT_EQ(RoleOfUser(1000, 200, groups, 1, 990, true), Role::kRead);
  EXPECT_EQ(RoleOfUser(1000, 200, groups, 2, -1, false), Role::kNone);
}

TEST(UnixDoorTest, OthersDoNotGetInByTheFilesMode) {
  TempDir dir;
  ASSERT_OK_AND_ASSIGN(auto door, UnixDoor::Open({.path = dir.File("s")}));
  struct stat info {};
  ASSERT_EQ(lstat(dir.File("s").c_str(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_EQ(info.st_mode & 0777, 0660u);
  EXPECT_THAT(UnixDoor::Open({.path = dir.File("s")}).status(),
              StatusIs(absl::StatusCode::kAlreadyExists, "another collector serves"));
  door.reset();
  EXPECT_NE(lstat(dir.File("s").c_str(), &info), 0);
  ASSERT_OK_AND_ASSIGN(door, UnixDoor::Open({.path = dir.File("s"), .others_read = true}));
  ASSERT_EQ(lstat(dir.File("s").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0666u);
}

TEST(UnixDoorTest, AFileThatIsThereStays) {
  TempDir dir;
  std::ofstream(dir.File("s")) << "mine";
  EXPECT_THAT(UnixDoor::Open({.path = dir.File("s")}).status(),
              StatusIs(absl::StatusCode::kAlreadyExists, "is there and is no socket"));
}

}  // namespace
}  // namespace ronda::access
