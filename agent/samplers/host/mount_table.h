// /proc/self/mountinfo, read again only when it changed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "agent/samplers/host/name_filter.h"

namespace ronda::agent {

struct Mount {
  std::string device;
  std::string mount_point;
  std::string fs_type;
  bool read_only = false;
  bool operator==(const Mount&) const = default;
};

// Parses mountinfo (proc(5)); errors name `path` and the field. A mount that is there twice with
// the same device, point and type is given once.
absl::Status ParseMountInfo(std::string_view path, std::string_view text,
                            const NameFilter& exclude_points, const NameFilter& exclude_types,
                            std::vector<Mount>* mounts);

// Not thread-safe.
class MountTable {
 public:
  MountTable(std::string path, NameFilter exclude_points, NameFilter exclude_types);
  ~MountTable();
  MountTable(const MountTable&) = delete;
  MountTable& operator=(const MountTable&) = delete;

  // Brings mounts() up to date; `*changed` tells whether they are others than before. The kernel
  // wakes a poll for POLLPRI when a mount came, went or changed its options; a file that is not in
  // procfs (a recorded tree) is read each time.
  absl::Status Refresh(bool* changed);
  const std::vector<Mount>& mounts() const { return mounts_; }

 private:
  absl::Status Open();
  bool MayHaveChanged() const;
  absl::Status ReadAll(std::string* text) const;

  const std::string path_;
  const NameFilter exclude_points_;
  const NameFilter exclude_types_;
  int fd_ = -1;
  bool pollable_ = false;
  bool loaded_ = false;
  std::vector<Mount> mounts_;
};

}  // namespace ronda::agent
