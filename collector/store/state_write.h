// Small durable values beside the frames.
#pragma once

#include <optional>
#include <string>

namespace ronda::store {

// A small durable value, written in the same commit as the frames. `space` names its owner ("rule",
// "outbox", ...); without a value the key is removed.
struct StateWrite {
  std::string space;
  std::string key;
  std::optional<std::string> value;
};

}  // namespace ronda::store
