// Wire format: https://protobuf.dev/programming-guides/encoding/.
#include "collector/ingest/wire_message.h"

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include "collector/ingest/session.h"
#include "common/base/status.h"
#include "common/codec/varint.h"
#include "ronda/v1/ingest.pb.h"

namespace ronda::ingest {
namespace {

// Field number and wire type.
constexpr uint8_t Tag(int field, int type) { return static_cast<uint8_t>(field << 3 | type); }
constexpr int kVarint = 0;
constexpr int kFixed64 = 1;
constexpr int kBytes = 2;

std::string_view ViewOf(const grpc::Slice& slice) {
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

absl::StatusOr<MessageKind> TakeBytes(std::string_view bytes, Session* session) {
  static thread_local FramesView view;
  view = {.backfill = false, .epoch = 0, .frames = std::move(view.frames)};
  view.frames.clear();
  if (ParseFrames(bytes, &view)) {
    session->OnFrames(view);
    return view.backfill ? MessageKind::kOther : MessageKind::kLiveFrames;
  }
  v1::AgentMessage message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "a message of {} bytes that is no AgentMessage (compressed ones are not taken)",
                bytes.size());
  }
  session->OnMessage(message);
  return MessageKind::kOther;
}

}  // namespace

bool ParseFrames(std::string_view message, FramesView* view) {
  codec::ByteReader outer(message);
  if (outer.U8() != Tag(v1::AgentMessage::kFramesFieldNumber, kBytes)) {
    return false;
  }
  codec::ByteReader in(outer.Bytes());
  if (!outer.done()) {
    return false;
  }
  while (in.remaining() > 0) {
    switch (in.U8()) {
      case Tag(v1::Frames::kLaneFieldNumber, kVarint):
        view->backfill = static_cast<int32_t>(in.Varint()) == v1::LANE_BACKFILL;
        break;
      case Tag(v1::Frames::kFrameFieldNumber, kBytes):
        view->frames.push_back(in.Bytes());
        break;
      case Tag(v1::Frames::kEpochFieldNumber, kFixed64):
        view->epoch = in.U64();
        break;
      default:
        return false;
    }
  }
  return in.ok();
}

absl::StatusOr<MessageKind> TakeMessage(const grpc::ByteBuffer& buffer, Session* session) {
  grpc::Slice slice;
  // Nearly always one slice, which stays where it came.
  if (!buffer.TrySingleSlice(&slice).ok() && !buffer.DumpToSingleSlice(&slice).ok()) {
    return Fail(absl::StatusCode::kInvalidArgument, "a message that cannot be read");
  }
  return TakeBytes(ViewOf(slice), session);
}

}  // namespace ronda::ingest
