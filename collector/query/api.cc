#include "collector/query/api.h"

namespace ronda::query {
namespace {

constexpr int64_t kSoftFreeBytes = int64_t{2} << 30;
constexpr int64_t kHardFreeBytes = int64_t{256} << 20;

}  // namespace

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

DiskState JudgeDisk(int64_t free_bytes, int64_t total_bytes) {
  if (total_bytes <= 0) {
    return DiskState::kUnknown;
  }
  if (free_bytes < kHardFreeBytes) {
    return DiskState::kHard;
  }
  if (free_bytes < kSoftFreeBytes || free_bytes < total_bytes / 10) {
    return DiskState::kSoft;
  }
  return DiskState::kOk;
}

std::string_view ToString(NodeState state) {
  switch (state) {
    case NodeState::kLive:
      return "live";
    case NodeState::kSilent:
      return "silent";
    case NodeState::kStopped:
      return "stopped";
    case NodeState::kUnknown:
      break;
  }
  return "unknown";
}

}  // namespace ronda::query
