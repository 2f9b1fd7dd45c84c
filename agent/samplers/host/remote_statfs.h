// statfs(2) of file systems that may hang.
#pragma once

#include <sys/vfs.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace ronda::agent {

// statfs(2), or a test's stand-in; returns 0 or -1 with errno.
using StatfsFunction = std::function<int(const std::string& path, struct statfs* out)>;

// Types whose server may not answer: network and user-space file systems.
bool MayHang(std::string_view fs_type);

// Asks one mount on a thread of its own, so that the tick never waits for it. Not thread-safe.
class RemoteStatfs {
 public:
  enum class State { kPending, kOk, kFailed };
  static constexpr int64_t kTimeoutMs = 5000;

  // `clock` must outlive the object.
  RemoteStatfs(std::string path, StatfsFunction statfs, const Clock& clock);

  // Joins the thread if it is idle. While statfs hangs the thread cannot be ended by any means: it
  // is left to itself, holds nothing of ours, and ends when the call returns.
  ~RemoteStatfs();
  RemoteStatfs(const RemoteStatfs&) = delete;
  RemoteStatfs& operator=(const RemoteStatfs&) = delete;

  // The newest answer, and asks for the next one. kPending: none yet; kFailed: the last call
  // failed, or has not returned for kTimeoutMs.
  State Poll(struct statfs* out);

 private:
  struct Shared;

  const Clock& clock_;
  const std::shared_ptr<Shared> shared_;
};

}  // namespace ronda::agent
