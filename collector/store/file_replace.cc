#include "collector/store/file_replace.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <filesystem>
#include <system_error>

#include "common/base/status.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

}  // namespace

std::string KeptName(const std::string& path, int64_t now_ms) {
  for (std::time_t seconds = static_cast<std::time_t>(now_ms / 1000);; ++seconds) {
    std::string name = fmt::format("{}.corrupt-{:%Y%m%dT%H%M%SZ}", path, fmt::gmtime(seconds));
    std::error_code ignored;
    if (!fs::exists(name, ignored)) {
      return name;
    }
  }
}

absl::Status ReplaceKeeping(const std::string& path, const std::string& replacement,
                            const std::string& kept) {
  std::error_code error;
  fs::create_hard_link(path, kept, error);
  if (!error && fs::exists(path + "-wal")) {
    fs::rename(path + "-wal", kept + "-wal", error);
  }
  if (!error) {
    std::error_code ignored;
    fs::remove(path + "-shm", ignored);
    fs::rename(replacement, path, error);
  }
  return error ? Fail(absl::StatusCode::kUnknown, "putting {} aside: {}", path, error.message())
               : absl::OkStatus();
}

absl::StatusOr<std::string> Replace(const std::string& path, const std::string& replacement,
                                    int64_t now_ms) {
  std::string kept = KeptName(path, now_ms);
  RONDA_RETURN_IF_ERROR(ReplaceKeeping(path, replacement, kept));
  return kept;
}

}  // namespace ronda::store
