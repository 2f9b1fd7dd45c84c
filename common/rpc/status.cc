#include "common/rpc/status.h"

#include <grpcpp/support/status.h>

#include <string>

#include "common/base/status.h"

namespace ronda::rpc {
namespace {

constexpr size_t kMaxMessageBytes = 4096;

// The last code both sides have (UNAUTHENTICATED).
constexpr int kLastCode = 16;

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) {
    return grpc::Status::OK;
  }
  return {static_cast<grpc::StatusCode>(status.code()),
          std::string(Message(status).substr(0, kMaxMessageBytes))};
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) {
    return absl::OkStatus();
  }
  const int code = status.error_code();
  const bool known = code > 0 && code <= kLastCode;
  return MakeStatus(known ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown,
                    status.error_message());
}

}  // namespace ronda::rpc
