// Crossing between absl::Status and grpc::Status: the codes are the same, by design of both.
#pragma once

#include "absl/status/status.h"

namespace grpc {
class Status;
}

namespace ronda::rpc {

// To be sent to a peer. The message goes as it is: it holds no secret (common/base/status.h).
// Longer than 4 KiB it is cut, since it travels in a header.
grpc::Status ToGrpc(const absl::Status& status);

// What a peer or the library answered. A code that is not known becomes kUnknown.
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace ronda::rpc
