#include "tests/fault/fault_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <new>
#include <random>
#include <sstream>
#include <utility>

#include "common/base/check.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSector = 512;

FaultVfs* current = nullptr;
sqlite3_vfs* real_vfs = nullptr;

// What SQLite allocates for an open file; the real VFS's file follows it.
struct VfsFile {
  sqlite3_file base;
  std::string* path;  // null: a temporary file, which no power cut concerns
  bool sync_folder;   // with the first sync, as SQLite does for a journal or WAL that it made
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

VfsFile* Of(sqlite3_file* file) { return reinterpret_cast<VfsFile*>(file); }
const sqlite3_io_methods* Real(sqlite3_file* file) { return Of(file)->real()->pMethods; }

int Close(sqlite3_file* file) {
  delete Of(file)->path;
  return Real(file)->xClose(Of(file)->real());
}

int Read(sqlite3_file* file, void* bytes, int size, sqlite3_int64 offset) {
  return Real(file)->xRead(Of(file)->real(), bytes, size, offset);
}

int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  const std::string* path = Of(file)->path;
  if (path != nullptr) {
    FaultVfs::Change change;
    change.offset = static_cast<uint64_t>(offset);
    change.bytes.assign(static_cast<const char*>(bytes), static_cast<size_t>(size));
    const int fault = current->Enter(*path, "write");
    if (fault == SQLITE_INTERRUPT) {
      // The power goes while this is on its way.
      current->Changed(*path, std::move(change));
      return SQLITE_IOERR_WRITE;
    }
    if (fault != SQLITE_OK) {
      return fault == SQLITE_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    }
    current->Changed(*path, std::move(change));
  }
  return Real(file)->xWrite(Of(file)->real(), bytes, size, offset);
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  const std::string* path = Of(file)->path;
  if (path != nullptr) {
    const int fault = current->Enter(*path, "truncate");
    if (fault == SQLITE_OK || fault == SQLITE_INTERRUPT) {
      FaultVfs::Change change;
      change.kind = FaultVfs::Change::Kind::kTruncate;
      change.offset = static_cast<uint64_t>(size);
      current->Changed(*path, std::move(change));
    }
    if (fault != SQLITE_OK) {
      return SQLITE_IOERR_TRUNCATE;
    }
  }
  return Real(file)->xTruncate(Of(file)->real(), size);
}

int Sync(sqlite3_file* file, int flags) {
  const std::string* path = Of(file)->path;
  if (path == nullptr) {
    return SQLITE_OK;
  }
  const int fault = current->Enter(*path, "sync");
  if (fault == SQLITE_INTERRUPT) {
    return SQLITE_IOERR_FSYNC;
  }
  current->Synced(*path, fault == SQLITE_OK);
  if (fault == SQLITE_OK && std::exchange(Of(file)->sync_folder, false)) {
    current->FolderSynced(*path);
  }
  return fault != SQLITE_OK ? SQLITE_IOERR_FSYNC : Real(file)->xSync(Of(file)->real(), flags);
}

int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  return Real(file)->xFileSize(Of(file)->real(), size);
}
int Lock(sqlite3_file* file, int level) { return Real(file)->xLock(Of(file)->real(), level); }
int Unlock(sqlite3_file* file, int level) { return Real(file)->xUnlock(Of(file)->real(), level); }
int CheckReserved(sqlite3_file* file, int* out) {
  return Real(file)->xCheckReservedLock(Of(file)->real(), out);
}
int Control(sqlite3_file* file, int op, void* arg) {
  return Real(file)->xFileControl(Of(file)->real(), op, arg);
}
int SectorSize(sqlite3_file*) { return kSector; }
int Characteristics(sqlite3_file* file) {
  return Real(file)->xDeviceCharacteristics(Of(file)->real());
}
int ShmMap(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  return Real(file)->xShmMap(Of(file)->real(), page, size, extend, out);
}
int ShmLock(sqlite3_file* file, int offset, int n, int flags) {
  return Real(file)->xShmLock(Of(file)->real(), offset, n, flags);
}
void ShmBarrier(sqlite3_file* file) { Real(file)->xShmBarrier(Of(file)->real()); }
int ShmUnmap(sqlite3_file* file, int remove) {
  return Real(file)->xShmUnmap(Of(file)->real(), remove);
}

constexpr sqlite3_io_methods kMethods = {
    2,        Close,         Read,    Write,      Truncate,        Sync,   FileSize, Lock,
    Unlock,   CheckReserved, Control, SectorSize, Characteristics, ShmMap, ShmLock,  ShmBarrier,
    ShmUnmap, nullptr,       nullptr};

int Open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  VfsFile* const opened = Of(file);
  opened->base.pMethods = nullptr;
  opened->path = nullptr;
  const int journals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
  opened->sync_folder = (flags & journals) != 0 && name != nullptr && !fs::exists(name);
  const int code = real_vfs->xOpen(real_vfs, name, opened->real(), flags, out_flags);
  if (code != SQLITE_OK) {
    return code;
  }
  const int temporary = SQLITE_OPEN_TEMP_DB | SQLITE_OPEN_TEMP_JOURNAL | SQLITE_OPEN_TRANSIENT_DB |
                        SQLITE_OPEN_SUBJOURNAL | SQLITE_OPEN_DELETEONCLOSE;
  if (name != nullptr && (flags & temporary) == 0) {
    opened->path = new std::string(name);
    current->Opened(*opened->path);
  }
  opened->base.pMethods = &kMethods;
  return SQLITE_OK;
}

int Delete(sqlite3_vfs*, const char* name, int sync_folder) {
  const int fault = current->Enter(name, "delete");
  if (fault == SQLITE_OK || fault == SQLITE_INTERRUPT) {
    FaultVfs::Change change;
    change.kind = FaultVfs::Change::Kind::kDelete;
    current->Changed(name, std::move(change));
  }
  if (fault != SQLITE_OK) {
    return SQLITE_IOERR_DELETE;
  }
  const int code = real_vfs->xDelete(real_vfs, name, sync_folder);
  if (code == SQLITE_OK && sync_folder != 0) {
    current->FolderSynced(name);
  }
  return code;
}

int Access(sqlite3_vfs*, const char* name, int flags, int* out) {
  return real_vfs->xAccess(real_vfs, name, flags, out);
}
int FullPathname(sqlite3_vfs*, const char* name, int size, char* out) {
  return real_vfs->xFullPathname(real_vfs, name, size, out);
}
int Randomness(sqlite3_vfs*, int size, char* out) {
  return real_vfs->xRandomness(real_vfs, size, out);
}
int Sleep(sqlite3_vfs*, int us) { return real_vfs->xSleep(real_vfs, us); }
int CurrentTime(sqlite3_vfs*, double* out) { return real_vfs->xCurrentTime(real_vfs, out); }
int GetLastError(sqlite3_vfs*, int, char*) {
  return current->last_errno() != 0 ? current->last_errno()
                                    : real_vfs->xGetLastError(real_vfs, 0, nullptr);
}
int CurrentTime64(sqlite3_vfs*, sqlite3_int64* out) {
  return real_vfs->xCurrentTimeInt64(real_vfs, out);
}

sqlite3_vfs& Registered() {
  static sqlite3_vfs vfs{};
  return vfs;
}

std::string ReadWhole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

void ApplyBytes(uint64_t offset, std::string_view bytes, std::string* content) {
  if (content->size() < offset + bytes.size()) {
    content->resize(offset + bytes.size(), '\0');
  }
  content->replace(offset, bytes.size(), bytes);
}

void Apply(const FaultVfs::Change& change, std::optional<std::string>* content) {
  switch (change.kind) {
    case FaultVfs::Change::Kind::kWrite:
      if (!content->has_value()) {
        *content = "";
      }
      ApplyBytes(change.offset, change.bytes, &**content);
      break;
    case FaultVfs::Change::Kind::kTruncate:
      if (content->has_value()) {
        (*content)->resize(change.offset, '\0');
      }
      break;
    case FaultVfs::Change::Kind::kDelete:
      content->reset();
      break;
  }
}

// Some sectors of a write; the disk's sectors lie at multiples of their size in the file.
void ApplyTorn(const FaultVfs::Change& change, std::mt19937_64& random,
               std::optional<std::string>* content) {
  if (change.kind != FaultVfs::Change::Kind::kWrite) {
    if (random() % 2 == 0) {
      Apply(change, content);
    }
    return;
  }
  if (!content->has_value()) {
    *content = "";
  }
  const std::string_view bytes = change.bytes;
  for (size_t at = 0; at < bytes.size();) {
    const size_t end =
        std::min<size_t>(bytes.size(), at + kSector - (change.offset + at) % kSector);
    if (random() % 2 == 0) {
      ApplyBytes(change.offset + at, bytes.substr(at, end - at), &**content);
    }
    at = end;
  }
}

std::optional<std::string> Survivor(const FaultVfs::File& file, Survival survival,
                                    std::mt19937_64& random) {
  std::optional<std::string> content = file.durable;
  if (survival == Survival::kNothing) {
    return content;
  }
  // Which life of the file the folder names: before or after a deletion.
  auto begin = file.pending.begin();
  auto end = file.pending.end();
  for (auto it = begin; it != end; ++it) {
    if (it->kind == FaultVfs::Change::Kind::kDelete) {
      if (survival == Survival::kAny && random() % 2 == 0) {
        end = it;
        break;
      }
      content.reset();
      begin = it + 1;
    }
  }
  if (survival == Survival::kPrefix && begin != end) {
    end = begin + static_cast<ptrdiff_t>(random() % static_cast<uint64_t>(end - begin)) + 1;
  }
  for (auto it = begin; it != end; ++it) {
    const bool torn = survival == Survival::kPrefix ? it + 1 == end : random() % 3 == 0;
    const bool whole = survival != Survival::kAny || random() % 2 == 0;
    if (survival != Survival::kAll && torn) {
      ApplyTorn(*it, random, &content);
    } else if (whole) {
      Apply(*it, &content);
    }
  }
  return content;
}

}  // namespace

FaultVfs::FaultVfs() {
  RONDA_CHECK(current == nullptr);
  real_vfs = sqlite3_vfs_find(nullptr);
  sqlite3_vfs& vfs = Registered();
  vfs = *real_vfs;
  vfs.pNext = nullptr;
  vfs.iVersion = 2;
  vfs.zName = "ronda-fault";
  vfs.szOsFile = static_cast<int>(sizeof(VfsFile)) + real_vfs->szOsFile;
  vfs.xOpen = Open;
  vfs.xDelete = Delete;
  vfs.xAccess = Access;
  vfs.xFullPathname = FullPathname;
  vfs.xRandomness = Randomness;
  vfs.xSleep = Sleep;
  vfs.xCurrentTime = CurrentTime;
  vfs.xGetLastError = GetLastError;
  vfs.xCurrentTimeInt64 = CurrentTime64;
  current = this;
  RONDA_CHECK(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
}

FaultVfs::~FaultVfs() {
  sqlite3_vfs_unregister(&Registered());
  sqlite3_vfs_register(real_vfs, 1);
  current = nullptr;
}

void FaultVfs::Begin(const FaultPlan& plan) {
  Arm(plan);
  MutexLock lock(&mu_);
  files_.clear();
}

void FaultVfs::Arm(const FaultPlan& plan) {
  MutexLock lock(&mu_);
  plan_ = plan;
  calls_ = 0;
  struck_call_.clear();
  last_errno_ = 0;
}

void FaultVfs::Mend() {
  MutexLock lock(&mu_);
  RONDA_CHECK(plan_.kind != FaultKind::kPowerCut);
  plan_.kind = FaultKind::kNone;
  last_errno_ = 0;
}

int64_t FaultVfs::calls() const {
  MutexLock lock(&mu_);
  return calls_;
}

bool FaultVfs::struck() const {
  MutexLock lock(&mu_);
  return !struck_call_.empty();
}

std::string FaultVfs::struck_call() const {
  MutexLock lock(&mu_);
  return struck_call_;
}

int FaultVfs::last_errno() const {
  MutexLock lock(&mu_);
  return last_errno_;
}

// SQLITE_INTERRUPT: the power goes in the middle of this call.
int FaultVfs::Enter(const std::string& path, const char* what) {
  MutexLock lock(&mu_);
  ++calls_;
  last_errno_ = 0;
  if (plan_.kind == FaultKind::kNone || calls_ < plan_.at_call ||
      (plan_.once && plan_.kind != FaultKind::kPowerCut && calls_ > plan_.at_call)) {
    return SQLITE_OK;
  }
  // Deleting and truncating need no space, and a full disk can sync what it has.
  if (plan_.kind == FaultKind::kDiskFull && std::strcmp(what, "write") != 0) {
    plan_.at_call += plan_.once && calls_ == plan_.at_call ? 1 : 0;
    return SQLITE_OK;
  }
  const bool first = struck_call_.empty();
  if (first) {
    struck_call_ = std::string(what) + " " + path.substr(path.rfind('/') + 1);
  }
  if (plan_.kind == FaultKind::kPowerCut) {
    return first ? SQLITE_INTERRUPT : SQLITE_IOERR;
  }
  last_errno_ = plan_.kind == FaultKind::kDiskFull ? ENOSPC : EIO;
  return plan_.kind == FaultKind::kDiskFull ? SQLITE_FULL : SQLITE_IOERR;
}

void FaultVfs::Opened(const std::string& path) {
  MutexLock lock(&mu_);
  if (!files_.contains(path)) {
    // What is there before the workload is durable; what this made is empty.
    std::string content = ReadWhole(path);
    files_[path].durable = content.empty() ? std::nullopt : std::optional(std::move(content));
  }
}

void FaultVfs::Changed(const std::string& path, Change change) {
  MutexLock lock(&mu_);
  files_[path].pending.push_back(std::move(change));
}

void FaultVfs::Synced(const std::string& path, bool ok) {
  MutexLock lock(&mu_);
  File& file = files_[path];
  if (!ok) {
    for (Change& change : file.pending) {
      change.dropped = true;
    }
    return;
  }
  for (const Change& change : file.pending) {
    if (!change.dropped) {
      Apply(change, &file.durable);
    }
  }
  file.pending.clear();
}

void FaultVfs::FolderSynced(const std::string& path) {
  MutexLock lock(&mu_);
  const std::string_view folder = std::string_view(path).substr(0, path.rfind('/'));
  for (auto& [name, file] : files_) {
    if (std::string_view(name).substr(0, name.rfind('/')) != folder) {
      continue;
    }
    const auto last = std::find_if(file.pending.rbegin(), file.pending.rend(),
                                   [](const Change& c) { return c.kind == Change::Kind::kDelete; });
    if (last != file.pending.rend()) {
      file.durable.reset();
      file.pending.erase(file.pending.begin(), last.base());
    }
  }
}

absl::Status FaultVfs::Survivors(const std::string& from, const std::string& to, Survival survival,
                                 uint64_t seed) const {
  MutexLock lock(&mu_);
  std::mt19937_64 random(seed);
  std::error_code error;
  fs::remove_all(to, error);
  fs::create_directories(to, error);
  for (const auto& [path, file] : files_) {
    const std::optional<std::string> content = Survivor(file, survival, random);
    if (!content || path.compare(0, from.size() + 1, from + "/") != 0) {
      continue;
    }
    const fs::path target = fs::path(to) / path.substr(from.size() + 1);
    fs::create_directories(target.parent_path(), error);
    std::ofstream out(target, std::ios::binary);
    out << *content;
    out.close();
    if (error || !out) {
      return Fail(absl::StatusCode::kUnknown, "writing {}: failed", target.string());
    }
  }
  return absl::OkStatus();
}

}  // namespace ronda::store
