// From an address to a stream that was welcomed.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "agent/stream/stream_options.h"
#include "agent/stream/stream_session.h"
#include "common/base/clock.h"

namespace grpc {
class Channel;
}

namespace ronda::agent {

// With the certificate that is there now; connects to nobody yet.
absl::StatusOr<std::shared_ptr<grpc::Channel>> NewChannel(const StreamOptions& options,
                                                          const std::string& collector);

// In short steps, so that StreamClient::Stop() does not wait for a host that does not answer.
bool WaitForConnection(const StreamOptions& options, grpc::Channel& channel, StreamSession& session,
                       const Clock& clock);

// A collector that takes the connection and then says nothing is given up like one that is not
// there. True if it said Welcome. `stream` is of `session.context`.
bool SayHello(const StreamOptions& options, ReaderWriter& stream, const v1::AgentMessage& hello,
              StreamSession& session, const Clock& clock, v1::CollectorMessage* answer);

}  // namespace ronda::agent
