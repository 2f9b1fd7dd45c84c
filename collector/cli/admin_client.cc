#include "collector/cli/admin_client.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <chrono>

#include "collector/cli/commands.h"
#include "common/base/status.h"

namespace ronda::cli {
namespace {

constexpr int64_t kConnectMs = 5'000;
constexpr std::chrono::seconds kCallTimeout{40};

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> ConnectAdmin(const Settings& settings) {
  if (!settings.data.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "this changes a running collector: name it with --collector, not its folder");
  }
  const query::ChannelOptions options = ChannelOf(settings);
  RONDA_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel, query::NewChannel(options));
  RONDA_RETURN_IF_ERROR(query::WaitConnected(*channel, options, kConnectMs));
  return channel;
}

void SetDeadline(grpc::ClientContext* call) {
  call->set_deadline(std::chrono::system_clock::now() + kCallTimeout);
}

}  // namespace ronda::cli
