#include "common/tls/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/files.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_ca.h"

namespace ronda::tls {
namespace {

using absl::StatusCode;

class TlsFilesTest : public testing::Test {
 protected:
  const int64_t now_ = SystemClock().NowMs();
  TempDir dir_;
  TestCa ca_{dir_.path()};
  Files files_ = ca_.Node("web1");
};

TEST_F(TlsFilesTest, ReadsWhatBelongsTogether) {
  ASSERT_OK_AND_ASSIGN(const Material material, Load(files_, now_));
  EXPECT_EQ(material.info.common_name, "web1");
  EXPECT_EQ(material.ca, ca_.pair().certificate);
  ASSERT_OK_AND_ASSIGN(const Material without, Load({ca_.ca_file(), "", ""}, now_));
  EXPECT_EQ(without.certificate, "");
}

TEST_F(TlsFilesTest, AKeyThatOthersMayReadIsRefusedWithTheCommand) {
  chmod(files_.key.c_str(), 0640);
  EXPECT_THAT(Load(files_, now_).status(),
              StatusIs(StatusCode::kPermissionDenied,
                       "open to others (mode 0640); run: chmod 600 " + files_.key));
}

TEST_F(TlsFilesTest, NamesWhatIsMissing) {
  Files files = files_;
  files.key = dir_.File("nothing.key");
  EXPECT_THAT(Load(files, now_).status(), StatusIs(StatusCode::kNotFound, "nothing.key"));
  files = files_;
  files.ca = dir_.File("nothing.pem");
  EXPECT_THAT(Load(files, now_).status(), StatusIs(StatusCode::kNotFound, "nothing.pem"));
  files = files_;
  files.key = "";
  EXPECT_THAT(Load(files, now_).status(), StatusIs(StatusCode::kInvalidArgument, "go together"));
}

TEST_F(TlsFilesTest, AnothersKeyIsRefused) {
  Files files = files_;
  files.key = ca_.Node("web2").key;
  EXPECT_THAT(Load(files, now_).status(),
              StatusIs(StatusCode::kInvalidArgument, "web2.key: the key is not that of the cert"));
}

TEST_F(TlsFilesTest, SaysWhenACertificateIsOver) {
  EXPECT_THAT(Load(files_, now_ + 91 * kDayMs).status(),
              StatusIs(StatusCode::kFailedPrecondition, "web1.pem expired on"));
  EXPECT_THAT(Load(files_, now_ - kDayMs).status(),
              StatusIs(StatusCode::kFailedPrecondition, "web1.pem is not valid before"));
}

TEST_F(TlsFilesTest, WhatIsNoPemIsRefused) {
  ASSERT_OK(WriteFileAtomically(files_.certificate, "hello"));
  EXPECT_THAT(Load(files_, now_).status(),
              StatusIs(StatusCode::kInvalidArgument, "web1.pem: holds no certificate"));
}

TEST_F(TlsFilesTest, KeysAreWrittenForTheirOwnerAlone) {
  const std::string path = dir_.File("k.key");
  ASSERT_OK(WriteFileAtomically(path, "old"));
  chmod(path.c_str(), 0644);
  ASSERT_OK(WriteKeyFile(path, "new"));
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  EXPECT_EQ(*ReadFile(path), "new");
}

}  // namespace
}  // namespace ronda::tls
