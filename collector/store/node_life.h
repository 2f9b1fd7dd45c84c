// What people say of nodes: that one is to come, that one is gone for good. Small durable state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace ronda::store {

// The owner of its state (StateWrite::space); the key is the node's name.
inline constexpr std::string_view kNodeLifeSpace = "node-life";

enum class LifeState {
  kExpected = 1,  // it is to come; no agent of it was there yet
  kRetired = 2,   // it is gone: history stays, nothing is alerted, no agent of it is let in
};

struct NodeLife {
  std::string node;
  LifeState state = LifeState::kExpected;
  int64_t at_ms = 0;  // since when
  std::string by;     // who said so
  std::string
      now{};  // of one that is gone: what it is called since then, "" if it is gone for good

  std::string Encode() const;
  bool operator==(const NodeLife&) const = default;
};

// Which machine a node is, and whether that changed without anybody's word for it.
inline constexpr std::string_view kNodeMachineSpace = "node-machine";

struct NodeMachine {
  std::string node;
  std::string id;          // of the agent last seen (Hello.machine_id)
  int64_t changed_ms = 0;  // since when it is another one than before; 0: accepted, or the first

  std::string Encode() const;
  bool operator==(const NodeMachine&) const = default;
};

// kDataLoss: not one.
absl::StatusOr<NodeMachine> DecodeNodeMachine(std::string_view bytes);
// kDataLoss: not one.
absl::StatusOr<NodeLife> DecodeNodeLife(std::string_view bytes);

}  // namespace ronda::store
