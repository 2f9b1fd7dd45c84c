// Any text gives a configuration or an error that names the file; what is taken can be described.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/config.h"
#include "collector/config.h"
#include "common/base/check.h"
#include "common/base/status.h"

int Fuzz_config(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto agent = ronda::agent::ParseAgentConfig(text, "agent.yml");
  if (agent.ok()) {
    RONDA_CHECK(!ronda::agent::Describe(*agent).empty());
  } else {
    RONDA_CHECK(!ronda::Message(agent.status()).empty());
  }
  const auto collector = ronda::collector::ParseCollectorConfig(text, "collector.yml");
  if (collector.ok()) {
    RONDA_CHECK(!ronda::collector::Describe(*collector).empty());
  }
  return 0;
}
