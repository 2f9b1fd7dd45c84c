// How much of a kind of records is kept.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace ronda::store {

struct RecordLimits {
  int64_t keep_ms = int64_t{90} * 86'400'000;  // 0: for ever
  int64_t max_bytes = int64_t{256} << 20;      // of packed records, of one kind; 0: no limit
};

// Of all kinds; of those that are not named, `others` each.
struct RecordRetentionOptions {
  RecordLimits others;
  std::map<std::string, RecordLimits, std::less<>> kinds;

  const RecordLimits& Of(std::string_view kind) const {
    const auto it = kinds.find(kind);
    return it == kinds.end() ? others : it->second;
  }
};

}  // namespace ronda::store
