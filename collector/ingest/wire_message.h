// Messages of agents as they come from gRPC. The bulk, frames, is read in place.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace grpc {
class ByteBuffer;
}

namespace ronda::ingest {

class Session;

// v1::Frames, its frames pointing into the message.
struct FramesView {
  bool backfill = false;
  uint64_t epoch = 0;
  std::vector<std::string_view> frames;
};

// Reads an AgentMessage that is one Frames message and nothing else, in the one spelling that every
// Protobuf library writes: minimal varints, known fields alone. False for all else, whole or
// damaged: that is Protobuf's to judge.
bool ParseFrames(std::string_view message, FramesView* view);

enum class MessageKind { kLiveFrames, kOther };

// Hands the message to the session. kInvalidArgument: it is none.
absl::StatusOr<MessageKind> TakeMessage(const grpc::ByteBuffer& buffer, Session* session);

}  // namespace ronda::ingest
