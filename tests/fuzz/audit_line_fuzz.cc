// Any line is an entry of the audit or an error, and a chain of any lines can be checked; an entry
// comes back as it was.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "collector/trust/audit.h"
#include "common/base/check.h"
#include "common/base/status.h"

int Fuzz_audit_line(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  ronda::trust::AuditChecker checker;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    checker.Add(line);
    const auto entry = ronda::trust::ParseEntry(line);
    if (!entry.ok()) {
      RONDA_CHECK(!ronda::Message(entry.status()).empty());
      continue;
    }
    const std::string again = ronda::trust::FormatEntry(*entry);
    const auto back = ronda::trust::ParseEntry(again);
    RONDA_CHECK(back.ok() && ronda::trust::FormatEntry(*back) == again);
  }
  checker.Finish(checker.head_hash());
  return 0;
}
