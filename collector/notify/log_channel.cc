#include <string>
#include <string_view>

#include "collector/notify/channel.h"
#include "common/obs/log.h"

namespace ronda::notify {
namespace {

class LogChannel : public Channel {
 public:
  explicit LogChannel(std::string name) : name_(std::move(name)) {}

  const std::string& name() const override { return name_; }

  SendResult Send(const Notification& notification, const std::atomic<bool>&) override {
    const rules::Transition& event = notification.event;
    std::string_view summary;
    for (const Label& annotation : event.alert.annotations) {
      if (annotation.name == "summary") {
        summary = annotation.value;
      }
    }
    const bool firing = event.alert.state == rules::AlertState::kFiring;
    obs::Log(
        firing ? obs::LogLevel::kWarn : obs::LogLevel::kInfo, "notify",
        fmt::format("alert {} {}: {} value={} at={}{}{}", StatusOf(notification), event.alert.rule,
                    event.alert.labels.ToString(), event.value, FormatRfc3339(event.t_ms),
                    event.reason.empty() ? "" : fmt::format(" reason=\"{}\"", event.reason),
                    summary.empty() ? "" : fmt::format(" summary=\"{}\"", summary)));
    return {};
  }

 private:
  const std::string name_;
};

}  // namespace

std::unique_ptr<Channel> NewLogChannel(const ChannelConfig& config) {
  return std::make_unique<LogChannel>(config.name);
}

}  // namespace ronda::notify
