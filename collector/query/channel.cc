#include "collector/query/channel.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <chrono>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/config/address.h"
#include "common/rpc/credentials.h"
#include "ronda/v1/query.grpc.pb.h"

namespace ronda::query {
namespace {

constexpr std::string_view kDefaultPort = ":7710";

bool IsUnix(const std::string& target) { return target.starts_with("unix:"); }

bool IsLocal(const std::string& target) {
  const auto address = config::ParseAddress(target);
  return address.ok() && config::IsLoopback(address->host);
}

}  // namespace

std::string GrpcTarget(const std::string& address) {
  if (address.rfind("unix:", 0) == 0) {
    return address;
  }
  if (!address.empty() && address.front() == '/') {
    return "unix://" + address;
  }
  const bool bracketed = !address.empty() && address.front() == '[';
  const bool has_port = bracketed ? address.find("]:") != std::string::npos
                                  : std::count(address.begin(), address.end(), ':') == 1;
  if (has_port) {
    return address;
  }
  const bool bare_ipv6 = !bracketed && address.find(':') != std::string::npos;
  return (bare_ipv6 ? "[" + address + "]" : address) + std::string(kDefaultPort);
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> NewChannel(const ChannelOptions& options) {
  const std::string target = GrpcTarget(options.address);
  grpc::ChannelArguments arguments;
  rpc::SetProxy(target, &arguments);
  if (IsUnix(target) || options.insecure || (options.tls.empty() && IsLocal(target))) {
    return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
  }
  if (options.tls.empty()) {
    return Fail(
        absl::StatusCode::kInvalidArgument,
        "{} is another machine, and there is no certificate to speak TLS with: give --cert, "
        "--key and --ca, or put cert.pem, key.pem and ca.pem into ~/.config/ronda (made with "
        "`ronda-collector ca user NAME --role read`); --insecure speaks plain text",
        options.address);
  }
  RONDA_ASSIGN_OR_RETURN(const auto credentials,
                         rpc::LoadChannelCredentials(options.tls, SystemClock().NowMs()));
  return grpc::CreateCustomChannel(target, credentials, arguments);
}

absl::Status WaitConnected(grpc::Channel& channel, const ChannelOptions& options,
                           int64_t timeout_ms) {
  const auto deadline = std::chrono::system_clock::now() + std::chrono::milliseconds(timeout_ms);
  grpc_connectivity_state state = channel.GetState(true);
  while (state != GRPC_CHANNEL_READY && state != GRPC_CHANNEL_TRANSIENT_FAILURE &&
         channel.WaitForStateChange(state, deadline)) {
    state = channel.GetState(true);
  }
  if (state == GRPC_CHANNEL_READY) {
    return absl::OkStatus();
  }
  const std::string target = GrpcTarget(options.address);
  std::string hint;
  if (!IsUnix(target) && !options.tls.empty() && !options.insecure) {
    // Only a call says why its connection failed.
    grpc::ClientContext call;
    call.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(1));
    v1::TimeReply reply;
    // The stub wants to share the channel, which outlives it.
    const auto stub =
        v1::Query::NewStub(std::shared_ptr<grpc::Channel>(&channel, [](grpc::Channel*) {}));
    const grpc::Status why = stub->GetTime(&call, v1::GetTimeRequest(), &reply);
    hint = fmt::format(" ({})", why.error_message());
  } else if (!IsUnix(target)) {
    hint =
        " (asked in plain text: one that speaks TLS is asked through its Unix socket, or with "
        "--cert, --key and --ca)";
  }
  return Fail(absl::StatusCode::kUnavailable,
              "no collector answers at {}: is ronda-collector running there?{} Name another with "
              "--collector HOST:PORT, or read a data folder with --data DIR",
              options.address, hint);
}

}  // namespace ronda::query
