// The way to the collector's gRPC service Admin.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "collector/cli/command_line.h"

namespace grpc {
class Channel;
class ClientContext;
}  // namespace grpc

namespace ronda::cli {

// For v1::Admin::NewStub(). kInvalidArgument: a folder was named instead of a collector.
// kUnavailable: none answers there.
absl::StatusOr<std::shared_ptr<grpc::Channel>> ConnectAdmin(const Settings& settings);

// A call takes so long at most.
void SetDeadline(grpc::ClientContext* call);

}  // namespace ronda::cli
