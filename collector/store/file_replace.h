// Putting a new file in the place of a damaged one, which is kept.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace ronda::store {

// "PATH.corrupt-TIME", or later if there is such a file.
std::string KeptName(const std::string& path, int64_t now_ms);

// Puts `replacement` in the place of `path`, which is kept as `kept`, with its -wal. Whatever
// moment this is interrupted at, `path` is the old file or the new one.
absl::Status ReplaceKeeping(const std::string& path, const std::string& replacement,
                            const std::string& kept);
// The same with KeptName(), which it returns.
absl::StatusOr<std::string> Replace(const std::string& path, const std::string& replacement,
                                    int64_t now_ms);

}  // namespace ronda::store
