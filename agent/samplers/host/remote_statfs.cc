#include "agent/samplers/host/remote_statfs.h"

#include <thread>
#include <utility>

#include "common/base/mutex.h"
#include "common/base/thread.h"

namespace ronda::agent {

bool MayHang(std::string_view fs_type) {
  for (const std::string_view type :
       {"nfs",   "nfs4",     "cifs",  "smb3",      "smbfs",  "ncpfs",   "ceph",
        "9p",    "afs",      "coda",  "glusterfs", "lustre", "gpfs",    "gfs2",
        "ocfs2", "orangefs", "pvfs2", "beegfs",    "davfs",  "virtiofs"}) {
    if (fs_type == type) {
      return true;
    }
  }
  return fs_type.starts_with("fuse");
}

// Outlives the object while its call hangs.
struct RemoteStatfs::Shared {
  Shared(std::string p, StatfsFunction f) : path(std::move(p)), statfs(std::move(f)) {}

  const std::string path;
  const StatfsFunction statfs;
  std::thread thread;  // of the owner

  Mutex mu;
  CondVar wake;
  bool stop ABSL_GUARDED_BY(mu) = false;
  bool asked ABSL_GUARDED_BY(mu) = false;  // a call is wanted or under way
  bool calling ABSL_GUARDED_BY(mu) = false;
  int64_t asked_mono_ms ABSL_GUARDED_BY(mu) = 0;
  State state ABSL_GUARDED_BY(mu) = State::kPending;
  struct statfs result ABSL_GUARDED_BY(mu) {};

  void Run() ABSL_LOCKS_EXCLUDED(mu) {
    for (;;) {
      {
        const MutexLock lock(&mu);
        while (!stop && !asked) {
          wake.Wait(&mu);
        }
        if (stop) {
          return;
        }
        calling = true;
      }
      struct statfs now {};
      const bool ok = statfs(path, &now) == 0;
      const MutexLock lock(&mu);
      calling = false;
      asked = false;
      state = ok ? State::kOk : State::kFailed;
      result = now;
    }
  }
};

RemoteStatfs::RemoteStatfs(std::string path, StatfsFunction statfs, const Clock& clock)
    : clock_(clock), shared_(std::make_shared<Shared>(std::move(path), std::move(statfs))) {
  shared_->thread = StartThread("statfs", [shared = shared_] { shared->Run(); });
}

RemoteStatfs::~RemoteStatfs() {
  std::thread thread = std::move(shared_->thread);
  bool hangs = false;
  {
    const MutexLock lock(&shared_->mu);
    shared_->stop = true;
    hangs = shared_->calling;
    shared_->wake.SignalAll();
  }
  if (hangs) {
    thread.detach();
  } else {
    thread.join();
  }
}

RemoteStatfs::State RemoteStatfs::Poll(struct statfs* out) {
  const int64_t now_ms = clock_.MonotonicMs();
  const MutexLock lock(&shared_->mu);
  if (shared_->asked) {
    if (now_ms - shared_->asked_mono_ms >= kTimeoutMs) {
      return State::kFailed;
    }
  } else {
    shared_->asked = true;
    shared_->asked_mono_ms = now_ms;
    shared_->wake.SignalAll();
  }
  *out = shared_->result;
  return shared_->state;
}

}  // namespace ronda::agent
