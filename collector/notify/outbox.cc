#include "collector/notify/outbox.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::notify {
namespace {

constexpr size_t kTimeDigits = 20;
constexpr size_t kSequenceDigits = 20;

std::string EntryKey(int64_t t_ms, uint64_t sequence, std::string_view channel) {
  return fmt::format("{:020}-{:020}-{}", std::max<int64_t>(t_ms, 0), sequence, channel);
}

// 0 if it is not an entry's key.
uint64_t SequenceOf(std::string_view key) {
  if (key.size() <= kTimeDigits + kSequenceDigits + 2) {
    return 0;
  }
  const char* const begin = key.data() + kTimeDigits + 1;
  uint64_t sequence = 0;
  std::from_chars(begin, begin + kSequenceDigits, sequence);
  return sequence;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Outbox>> Outbox::New(const std::vector<ChannelConfig>& channels,
                                                    const Clock& clock, Remove remove,
                                                    const RetryOptions& options) {
  std::unique_ptr<Outbox> outbox(new Outbox(clock, std::move(remove)));
  Outbox* const self = outbox.get();
  for (const ChannelConfig& config : channels) {
    if (std::find(self->names_.begin(), self->names_.end(), config.name) != self->names_.end()) {
      return Fail(absl::StatusCode::kInvalidArgument, "the channel {} is there twice", config.name);
    }
    RONDA_ASSIGN_OR_RETURN(std::unique_ptr<Channel> channel, NewChannel(config));
    self->names_.push_back(config.name);
    self->dispatchers_.push_back(std::make_unique<Dispatcher>(
        std::move(channel), options, clock, [self](const std::string& key) {
          self->remove_({std::string(kOutboxSpace), key, std::nullopt});
        }));
  }
  return outbox;
}

Outbox::~Outbox() { Stop(); }

std::vector<store::StateWrite> Outbox::MakeEntries(const rules::Transition& transition) {
  std::vector<store::StateWrite> entries;
  if (!transition.notify) {
    return entries;
  }
  for (const std::string& name : names_) {
    entries.push_back({std::string(kOutboxSpace),
                       EntryKey(transition.t_ms, next_sequence_.fetch_add(1), name),
                       EncodeNotification({name, transition, clock_.NowMs()})});
  }
  return entries;
}

void Outbox::Release(std::span<const store::StateWrite> committed) {
  for (const store::StateWrite& write : committed) {
    if (write.space == kOutboxSpace && write.value) {
      Dispatch(write.key, *write.value);
    }
  }
}

void Outbox::Restore(std::vector<std::pair<std::string, std::string>> entries) {
  std::sort(entries.begin(), entries.end());
  for (const auto& [key, value] : entries) {
    next_sequence_ = std::max<uint64_t>(next_sequence_, SequenceOf(key) + 1);
  }
  for (const auto& [key, value] : entries) {
    Dispatch(key, value);
  }
}

void Outbox::Dispatch(const std::string& key, const std::string& value) {
  auto notification = DecodeNotification(value);
  if (!notification.ok()) {
    ++damaged_;
    obs::Error("notify", "outbox entry {} is left alone: {}", key, Message(notification.status()));
    return;
  }
  const auto name = std::find(names_.begin(), names_.end(), notification->channel);
  if (name == names_.end()) {
    obs::Warn("notify", "outbox entry {} is dropped: the channel {} is no longer configured", key,
              notification->channel);
    remove_({std::string(kOutboxSpace), key, std::nullopt});
    return;
  }
  dispatchers_[static_cast<size_t>(name - names_.begin())]->Add(key, *std::move(notification));
}

void Outbox::Start() {
  for (const auto& dispatcher : dispatchers_) {
    dispatcher->Start();
  }
}

void Outbox::Stop() {
  for (const auto& dispatcher : dispatchers_) {
    dispatcher->Stop();
  }
}

void Outbox::Wake() {
  for (const auto& dispatcher : dispatchers_) {
    dispatcher->Wake();
  }
}

std::vector<ChannelCounters> Outbox::counters() const {
  std::vector<ChannelCounters> out;
  for (const auto& dispatcher : dispatchers_) {
    out.push_back(dispatcher->counters());
  }
  return out;
}

}  // namespace ronda::notify
