#include "common/rpc/status.h"

#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace ronda::rpc {
namespace {

TEST(RpcStatus, EveryCodeSurvivesTheRoundTrip) {
  for (int code = 0; code <= 16; ++code) {
    const absl::Status status = MakeStatus(static_cast<absl::StatusCode>(code), "why");
    EXPECT_EQ(FromGrpc(ToGrpc(status)), status) << code;
  }
}

TEST(RpcStatus, NamesAgreeOnBothSides) {
  EXPECT_EQ(ToGrpc(MakeStatus(absl::StatusCode::kResourceExhausted, "full")).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "no route")),
              StatusIs(absl::StatusCode::kUnavailable, "no route"));
  EXPECT_OK(FromGrpc(grpc::Status::OK));
}

TEST(RpcStatus, ACodeThatIsNotKnownBecomesUnknown) {
  EXPECT_THAT(FromGrpc(grpc::Status(static_cast<grpc::StatusCode>(25), "later version")),
              StatusIs(absl::StatusCode::kUnknown, "later version"));
}

TEST(RpcStatus, ALongMessageIsCut) {
  const absl::Status status = MakeStatus(absl::StatusCode::kInternal, std::string(100'000, 'x'));
  EXPECT_EQ(ToGrpc(status).error_message().size(), 4096U);
}

}  // namespace
}  // namespace ronda::rpc
