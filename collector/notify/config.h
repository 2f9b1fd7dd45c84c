// What a channel needs to know.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace ronda::notify {

enum class ChannelType { kLog, kWebhook };

struct ChannelConfig {
  std::string name;  // in messages ("receiver"), logs and the outbox; unique
  ChannelType type = ChannelType::kLog;
  // Of a webhook. http or https; may hold a user and password. A secret: never logged whole.
  std::string url = {};
  std::map<std::string, std::string> headers = {};  // sent besides our own; values are secrets
  int64_t timeout_ms = 10'000;                      // of one attempt, connecting included
  // Of the collector: where people reach its HTTP, without a slash at its end ("": nowhere), and
  // labels that every alert has for others, where it has none of that name.
  std::string external_url = {};
  std::map<std::string, std::string> external_labels = {};
};

}  // namespace ronda::notify
