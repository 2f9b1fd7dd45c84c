#include "collector/store/sqlite_readonly.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "common/base/status.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

// A path inside a URI: what has a meaning there is escaped.
std::string UriPath(const std::string& path) {
  std::string out = "file:";
  for (const char c : fs::absolute(path).string()) {
    switch (c) {
      case '%':
        out += "%25";
        break;
      case '?':
        out += "%3f";
        break;
      case '#':
        out += "%23";
        break;
      default:
        out += c;
    }
  }
  return out;
}

bool Exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool IsEmpty(const std::string& path) {
  std::error_code ignored;
  return !fs::exists(path, ignored) || fs::file_size(path, ignored) == 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ReadOnlyFile>> ReadOnlyFile::Open(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return ErrnoStatus(errno, "opening " + path);
  }
  std::unique_ptr<ReadOnlyFile> file(new ReadOnlyFile(path));
  const bool has_index = Exists(path + "-shm") && Exists(path + "-wal");
  if (!has_index && IsEmpty(path + "-wal")) {
    file->uri_ = UriPath(path) + "?mode=ro&immutable=1";
    return file;
  }
  if (has_index) {
    file->uri_ = UriPath(path) + "?mode=ro&readonly_shm=1";
    absl::StatusOr<std::unique_ptr<Database>> probe = file->Connect();
    // The first read is what maps the index.
    if (probe.ok() && (*probe)->QueryInt("SELECT count(*) FROM sqlite_schema").ok()) {
      return file;
    }
  }
  RONDA_RETURN_IF_ERROR(file->Copy());
  return file;
}

absl::Status ReadOnlyFile::Copy() {
  std::error_code error;
  std::string pattern = (fs::temp_directory_path(error) / "ronda-read-XXXXXX").string();
  if (error || mkdtemp(pattern.data()) == nullptr) {
    return ErrnoStatus(errno, "making a temporary folder to read " + path_ + " in");
  }
  copy_dir_ = pattern;
  const std::string copy = copy_dir_ + "/" + fs::path(path_).filename().string();
  for (const char* suffix : {"", "-wal"}) {
    if (Exists(path_ + suffix) && !fs::copy_file(path_ + suffix, copy + suffix, error)) {
      return Fail(absl::StatusCode::kResourceExhausted, "copying {}{} to {}: {}", path_, suffix,
                  copy_dir_, error.message());
    }
    // The copy is ours, whatever the permissions of the original.
    fs::permissions(copy + suffix, fs::perms::owner_read | fs::perms::owner_write, error);
  }
  // mode=rw: here SQLite may make its index.
  uri_ = UriPath(copy) + "?mode=rw";
  return absl::OkStatus();
}

ReadOnlyFile::~ReadOnlyFile() {
  if (!copy_dir_.empty()) {
    std::error_code ignored;
    fs::remove_all(copy_dir_, ignored);
  }
}

absl::StatusOr<std::unique_ptr<Database>> ReadOnlyFile::Connect() const {
  return Database::OpenUri(uri_, path_, {});
}

}  // namespace ronda::store
