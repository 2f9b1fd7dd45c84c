// Tested by tests/unit/agent/pause_test.cc.
#include "agent/pause.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include "common/base/files.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr size_t kMaxReasonBytes = 200;

bool TakeNumber(std::string_view* text, char end, int64_t* out) {
  const auto [after, error] = std::from_chars(text->data(), text->data() + text->size(), *out);
  if (error != std::errc() || after == text->data() + text->size() || *after != end) {
    return false;
  }
  text->remove_prefix(static_cast<size_t>(after - text->data()) + 1);
  return true;
}

}  // namespace

std::string PauseFile(const AgentConfig& config) {
  const std::string& spool = config.spool.path == "none" ? SpoolConfig().path : config.spool.path;
  return (std::filesystem::path(spool).parent_path() / "pause").string();
}

absl::Status WritePause(const std::string& path, const PauseOrder& order) {
  RONDA_RETURN_IF_ERROR(MakeDirectories(std::filesystem::path(path).parent_path().string()));
  std::string reason = order.reason.substr(0, kMaxReasonBytes);
  std::replace_if(
      reason.begin(), reason.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return WriteFileAtomically(path,
                             fmt::format("{} {}\n{}\n", order.from_ms, order.until_ms, reason));
}

absl::StatusOr<std::optional<PauseOrder>> ReadPause(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) {
    return std::nullopt;
  }
  RONDA_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, 4096));
  std::string_view rest = text;
  PauseOrder order;
  if (!TakeNumber(&rest, ' ', &order.from_ms) || !TakeNumber(&rest, '\n', &order.until_ms) ||
      order.from_ms < 0 || order.until_ms < 0) {
    return Fail(absl::StatusCode::kDataLoss, "{}: not an order of `ronda-agent pause`", path);
  }
  order.reason = rest.substr(0, std::min(rest.find('\n'), rest.size()));
  return order;
}

absl::Status RemovePause(const std::string& path) {
  return unlink(path.c_str()) == 0 || errno == ENOENT ? absl::OkStatus()
                                                      : ErrnoStatus(errno, "removing " + path);
}

}  // namespace ronda::agent
