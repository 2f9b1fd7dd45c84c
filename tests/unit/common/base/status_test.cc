#include "common/base/status.h"

#include <cerrno>

#include "tests/support/status_matchers.h"

namespace ronda {
namespace {

TEST(Status, FailFormats) {
  const absl::Status status = Fail(absl::StatusCode::kNotFound, "node {} of {}", "a", 3);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Message(status), "node a of 3");
}

TEST(Status, AnnotateKeepsTheCode) {
  EXPECT_THAT(Annotate(Fail(absl::StatusCode::kDataLoss, "bad byte"), "reading x"),
              StatusIs(absl::StatusCode::kDataLoss, "reading x: bad byte"));
  EXPECT_OK(Annotate(absl::OkStatus(), "reading x"));
}

TEST(Status, ErrnoHasItsCode) {
  EXPECT_THAT(ErrnoStatus(ENOENT, "opening f"),
              StatusIs(absl::StatusCode::kNotFound, "opening f: No such file or directory"));
  EXPECT_EQ(ErrnoStatus(EACCES, "").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ErrnoStatus(ENOSPC, "").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrnoStatus(ECONNREFUSED, "").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrnoStatus(ETIMEDOUT, "").code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(ErrnoStatus(EIO, "").code(), absl::StatusCode::kUnknown);
}

absl::StatusOr<int> Half(int n) {
  if (n % 2 != 0) {
    return Fail(absl::StatusCode::kInvalidArgument, "{} is odd", n);
  }
  return n / 2;
}

absl::Status Quarter(int n, int* out) {
  RONDA_ASSIGN_OR_RETURN(const int half, Half(n));
  RONDA_ASSIGN_OR_RETURN(*out, Half(half));
  RONDA_RETURN_IF_ERROR(absl::OkStatus());
  return absl::OkStatus();
}

TEST(Status, MacrosReturnTheFirstError) {
  int out = 0;
  EXPECT_OK(Quarter(12, &out));
  EXPECT_EQ(out, 3);
  EXPECT_THAT(Quarter(7, &out), StatusIs(absl::StatusCode::kInvalidArgument, "7 is odd"));
  EXPECT_THAT(Quarter(6, &out), StatusIs(absl::StatusCode::kInvalidArgument, "3 is odd"));
  EXPECT_EQ(out, 3);
}

}  // namespace
}  // namespace ronda
