// Test scripts of PromQL: any text is read or refused.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collector/promql/script/script.h"
#include "common/base/check.h"

int Fuzz_promql_script(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto commands = ronda::promql::ParseScript(text);
  if (commands.ok()) {
    for (const auto& command : *commands) {
      RONDA_CHECK(command.eval.fail || command.eval.failure.text.empty() ||
                  command.eval.failure.match != ronda::promql::Expectation::Match::kAny);
    }
  }
  return 0;
}
