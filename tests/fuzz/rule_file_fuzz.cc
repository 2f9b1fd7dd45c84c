// Any text gives rules or an error with a position.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "collector/rules/rule_file.h"
#include "common/base/check.h"
#include "common/base/status.h"

int Fuzz_rule_file(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = ronda::rules::ParseRuleFile("rules.yml", text);
  if (!file.ok()) {
    RONDA_CHECK(ronda::Message(file.status()).substr(0, 9) == "rules.yml");
  }
  return 0;
}
