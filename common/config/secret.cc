#include "common/config/secret.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "common/base/files.h"
#include "common/base/status.h"

namespace ronda::config {
namespace {

constexpr size_t kMaxSecretBytes = 64 << 10;

bool IsSystemdCredential(const std::string& path) {
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
  return folder != nullptr && *folder != '\0' && path.find("..") == std::string::npos &&
         path.starts_with(std::string(folder) + "/");
}

}  // namespace

absl::StatusOr<std::string> ReadSecretFile(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return ErrnoStatus(errno, "reading the secret in " + path);
  }
  const mode_t forbidden = IsSystemdCredential(path) ? 007 : 077;
  if (S_ISREG(info.st_mode) && (info.st_mode & forbidden) != 0) {
    return Fail(absl::StatusCode::kPermissionDenied,
                "the secret in {} is open to others (mode {:04o}); run: chmod 600 {}", path,
                info.st_mode & 07777, path);
  }
  RONDA_ASSIGN_OR_RETURN(std::string secret, ReadFile(path, kMaxSecretBytes));
  if (secret.ends_with('\n')) {
    secret.pop_back();
  }
  if (secret.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument, "the secret in {} is empty", path);
  }
  return secret;
}

absl::StatusOr<std::string> ReadSecretFromEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') {
    return Fail(absl::StatusCode::kNotFound, "the environment variable {} is not set", name);
  }
  return std::string(value);
}

}  // namespace ronda::config
