#include "collector/store/checkpointer.h"

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <utility>

#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/obs/log.h"

namespace ronda::store {
namespace {

constexpr int64_t kLargeWalBytes = 64 << 20;

struct stat StatOf(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    info = {};
  }
  return info;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Checkpointer>> Checkpointer::Open(const std::string& path,
                                                                 const DiskSpace& disk) {
  RONDA_ASSIGN_OR_RETURN(std::unique_ptr<Database> db, Database::Open(path, {.cache_kib = 256}));
  return std::unique_ptr<Checkpointer>(new Checkpointer(std::move(db), disk));
}

void Checkpointer::Start() {
  thread_ = StartThread("store-checkpt", [this] { Run(); });
}

void Checkpointer::Stop() {
  {
    MutexLock lock(&mu_);
    stop_ = true;
    wake_.SignalAll();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Checkpointer::Run() {
  bool failing = false;
  struct timespec last {};
  for (;;) {
    {
      MutexLock lock(&mu_);
      if (!stop_) {
        wake_.WaitFor(&mu_, std::chrono::seconds(1));
      }
      if (stop_) {
        return;
      }
    }
    const struct stat wal = StatOf(db_->path() + "-wal");
    if (wal.st_mtim.tv_sec == last.tv_sec && wal.st_mtim.tv_nsec == last.tv_nsec) {
      continue;
    }
    if (disk_.full() && wal.st_size > disk_.Room() / 2) {
      continue;
    }
    const absl::Status status = db_->Checkpoint(wal.st_size > kLargeWalBytes);
    if (status.ok()) {
      last = wal.st_mtim;
    } else if (!failing) {
      obs::Warn("store", "moving the journal's WAL failed, trying again: {}", Message(status));
    }
    failing = !status.ok();
  }
}

}  // namespace ronda::store
