#include "collector/query/api.h"

namespace ronda::query {
std::string_view ToString(DiskState state) {
  switch (state) {
    case DiskState::kOk:
      return "ok";
    case DiskState::kSoft:
      return "soft";
    case DiskState::kHard:
      return "hard";
    case DiskState::kUnknown:
      break;
  }
  return "unknown";
}

std::string_view ToString(NodeState state) {
  switch (state) {
    case NodeState::kLive:
      return "live";
    case NodeState::kSilent:
      return "silent";
    case NodeState::kStopped:
      return "stopped";
    case NodeState::kMissing:
      return "missing";
    case NodeState::kRetired:
      return "retired";
    case NodeState::kUnknown:
      break;
  }
  return "unknown";
}

}  // namespace ronda::query
