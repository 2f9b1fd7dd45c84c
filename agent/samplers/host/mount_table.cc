#include "agent/samplers/host/mount_table.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr size_t kMaxBytes = 16 << 20;
constexpr size_t kMaxMounts = 1000;

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// Blanks, tabs, newlines and backslashes are written as a backslash and three octal digits.
std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && IsOctal(text[i + 1]) && IsOctal(text[i + 2]) &&
        IsOctal(text[i + 3])) {
      out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                      (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

bool HasOption(std::string_view options, std::string_view wanted) {
  while (!options.empty()) {
    const size_t comma = std::min(options.find(','), options.size());
    if (options.substr(0, comma) == wanted) {
      return true;
    }
    options.remove_prefix(std::min(comma + 1, options.size()));
  }
  return false;
}

// "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard".
absl::Status ParseLine(std::string_view path, std::string_view line, Mount* mount) {
  const std::string_view whole = line;
  for (int i = 0; i < 4; ++i) {  // identifiers, device number, root
    TakeField(&line);
  }
  const std::string_view point = TakeField(&line);
  const std::string_view options = TakeField(&line);
  std::string_view field = TakeField(&line);
  while (!field.empty() && field != "-") {
    field = TakeField(&line);
  }
  const std::string_view type = TakeField(&line);
  const std::string_view device = TakeField(&line);
  const std::string_view super_options = TakeField(&line);
  if (device.empty()) {
    return Fail(absl::StatusCode::kDataLoss, "reading {}: field mount source is missing in '{}'",
                path, whole.substr(0, 80));
  }
  *mount = {Unescape(device), Unescape(point), Unescape(type),
            HasOption(options, "ro") || HasOption(super_options, "ro")};
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseMountInfo(std::string_view path, std::string_view text,
                            const NameFilter& exclude_points, const NameFilter& exclude_types,
                            std::vector<Mount>* mounts) {
  mounts->clear();
  while (!text.empty()) {
    Mount mount;
    RONDA_RETURN_IF_ERROR(ParseLine(path, TakeLine(&text), &mount));
    if (exclude_points.Matches(mount.mount_point) || exclude_types.Matches(mount.fs_type)) {
      continue;
    }
    const bool known = std::any_of(mounts->begin(), mounts->end(), [&](const Mount& m) {
      return m.mount_point == mount.mount_point && m.device == mount.device &&
             m.fs_type == mount.fs_type;
    });
    if (!known && mounts->size() < kMaxMounts) {
      mounts->push_back(std::move(mount));
    }
  }
  return absl::OkStatus();
}

MountTable::MountTable(std::string path, NameFilter exclude_points, NameFilter exclude_types)
    : path_(std::move(path)),
      exclude_points_(std::move(exclude_points)),
      exclude_types_(std::move(exclude_types)) {}

MountTable::~MountTable() {
  if (fd_ >= 0) {
    close(fd_);
  }
}

absl::Status MountTable::Open() {
  if (fd_ >= 0) {
    return absl::OkStatus();
  }
  fd_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) {
    return ErrnoStatus(errno, "opening " + path_);
  }
  struct statfs info {};
  pollable_ = fstatfs(fd_, &info) == 0 && info.f_type == PROC_SUPER_MAGIC;
  return absl::OkStatus();
}

bool MountTable::MayHaveChanged() const {
  if (!loaded_ || !pollable_) {
    return true;
  }
  pollfd event = {fd_, POLLPRI, 0};
  return poll(&event, 1, 0) != 0;  // also when poll itself fails
}

absl::Status MountTable::ReadAll(std::string* text) const {
  text->clear();
  char buffer[16384];
  for (;;) {
    const ssize_t n = pread(fd_, buffer, sizeof(buffer), static_cast<off_t>(text->size()));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return ErrnoStatus(errno, "reading " + path_);
    }
    if (n == 0) {
      return absl::OkStatus();
    }
    text->append(buffer, static_cast<size_t>(n));
    if (text->size() > kMaxBytes) {
      return Fail(absl::StatusCode::kResourceExhausted, "reading {}: longer than {} bytes", path_,
                  kMaxBytes);
    }
  }
}

absl::Status MountTable::Refresh(bool* changed) {
  *changed = false;
  RONDA_RETURN_IF_ERROR(Open());
  if (!MayHaveChanged()) {
    return absl::OkStatus();
  }
  loaded_ = false;
  std::string text;
  std::vector<Mount> mounts;
  RONDA_RETURN_IF_ERROR(ReadAll(&text));
  RONDA_RETURN_IF_ERROR(ParseMountInfo(path_, text, exclude_points_, exclude_types_, &mounts));
  *changed = mounts != mounts_;
  mounts_ = std::move(mounts);
  loaded_ = true;
  return absl::OkStatus();
}

}  // namespace ronda::agent
