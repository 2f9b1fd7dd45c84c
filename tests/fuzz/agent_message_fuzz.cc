// Messages of agents: what is read in place is what Protobuf reads.
#include <string_view>

#include "collector/ingest/wire_message.h"
#include "common/base/check.h"
#include "ronda/v1/ingest.pb.h"

int Fuzz_agent_message(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  ronda::ingest::FramesView view;
  if (!ronda::ingest::ParseFrames(bytes, &view)) {
    return 0;
  }
  ronda::v1::AgentMessage message;
  RONDA_CHECK(message.ParseFromArray(data, static_cast<int>(size)));
  RONDA_CHECK(message.has_frames());
  RONDA_CHECK((message.frames().lane() == ronda::v1::LANE_BACKFILL) == view.backfill);
  RONDA_CHECK(message.frames().epoch() == view.epoch);
  RONDA_CHECK(static_cast<size_t>(message.frames().frame_size()) == view.frames.size());
  for (size_t i = 0; i < view.frames.size(); ++i) {
    RONDA_CHECK(message.frames().frame(static_cast<int>(i)) == view.frames[i]);
  }
  return 0;
}
