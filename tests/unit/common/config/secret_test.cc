#include "common/config/secret.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <string>

#include "common/base/files.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::config {
namespace {

class SecretTest : public testing::Test {
 protected:
  std::string Write(const std::string& content, mode_t mode) {
    const std::string path = dir_.File("secret");
    EXPECT_OK(WriteFileAtomically(path, content));
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }
  TempDir dir_;
};

TEST_F(SecretTest, TakesOneNewlineOffTheEnd) {
  ASSERT_OK_AND_ASSIGN(const std::string secret, ReadSecretFile(Write("hunter2\n", 0600)));
  EXPECT_EQ(secret, "hunter2");
  ASSERT_OK_AND_ASSIGN(const std::string spaced, ReadSecretFile(Write(" a b \n\n", 0400)));
  EXPECT_EQ(spaced, " a b \n");
}

TEST_F(SecretTest, RefusesAFileThatOthersMayRead) {
  for (const mode_t mode : {0640u, 0604u, 0660u, 0611u}) {
    EXPECT_THAT(ReadSecretFile(Write("hunter2", mode)),
                StatusIs(absl::StatusCode::kPermissionDenied, "chmod 600"));
  }
}

TEST_F(SecretTest, LetsCredentialsOfSystemdBeReadableByTheGroup) {
  const std::string path = Write("hunter2", 0440);
  setenv("CREDENTIALS_DIRECTORY", dir_.path().c_str(), 1);
  EXPECT_OK(ReadSecretFile(path));
  EXPECT_FALSE(ReadSecretFile(Write("hunter2", 0444)).ok());
  unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_FALSE(ReadSecretFile(Write("hunter2", 0440)).ok());
}

TEST_F(SecretTest, RefusesEmptyMissingAndHugeFiles) {
  EXPECT_THAT(ReadSecretFile(Write("\n", 0600)),
              StatusIs(absl::StatusCode::kInvalidArgument, "is empty"));
  EXPECT_THAT(ReadSecretFile(dir_.File("none")), StatusIs(absl::StatusCode::kNotFound, "none"));
  EXPECT_FALSE(ReadSecretFile(Write(std::string(100'000, 'x'), 0600)).ok());
}

TEST_F(SecretTest, ReadsTheEnvironment) {
  setenv("RONDA_TEST_SECRET", "hunter2", 1);
  ASSERT_OK_AND_ASSIGN(const std::string secret, ReadSecretFromEnvironment("RONDA_TEST_SECRET"));
  EXPECT_EQ(secret, "hunter2");
  unsetenv("RONDA_TEST_SECRET");
  EXPECT_THAT(ReadSecretFromEnvironment("RONDA_TEST_SECRET"),
              StatusIs(absl::StatusCode::kNotFound, "RONDA_TEST_SECRET"));
}

}  // namespace
}  // namespace ronda::config
