// Secrets that do not stand in the configuration itself.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace ronda::config {

// The content of a file, without the newline at its end. kPermissionDenied if others than its owner
// may read it (mode & 077; a credential that systemd passed, in $CREDENTIALS_DIRECTORY, is let
// through: its group bits are an access list's mask), kInvalidArgument if it is empty or longer
// than 64 KiB, else as ReadFile().
absl::StatusOr<std::string> ReadSecretFile(const std::string& path);

// The value of an environment variable. kNotFound if it is not set or empty.
absl::StatusOr<std::string> ReadSecretFromEnvironment(const std::string& name);

}  // namespace ronda::config
