#include "collector/notify/channel.h"

#include "common/base/status.h"

namespace ronda::notify {

absl::StatusOr<std::unique_ptr<Channel>> NewChannel(const ChannelConfig& config) {
  if (config.name.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument, "a channel has no name");
  }
  switch (config.type) {
    case ChannelType::kLog:
      return NewLogChannel(config);
    case ChannelType::kWebhook:
      return NewWebhookChannel(config);
  }
  return Fail(absl::StatusCode::kInvalidArgument, "channel {}: unknown type", config.name);
}

}  // namespace ronda::notify
