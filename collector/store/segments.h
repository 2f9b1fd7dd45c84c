// The files of a folder of level 1: which there are, which a new window goes to.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/corrupt_parts.h"
#include "collector/store/segment_file.h"
#include "common/base/mutex.h"

namespace ronda::store {

// Thread-safe.
class Segments {
 public:
  struct Options {
    std::string dir;
    bool read_only = false;
    std::span<const int64_t> spans;  // must outlive the object
    bool rollups = false;            // damage loses no samples
    int64_t wal_pages = 0;           // Database::Options
  };
  // The files of a folder, which need not be there. What has another name is left alone. A file
  // that is unreadable at its very beginning is put aside, or left out of what is only read.
  // kFailedPrecondition, unless they are only read: a file of a later version.
  // `corrupt` must outlive the object.
  static absl::StatusOr<std::unique_ptr<Segments>> Open(Options options, int64_t now_ms,
                                                        CorruptParts* corrupt);

  // The files whose time overlaps [start_ms, end_ms], oldest first. They stay usable when they are
  // removed meanwhile.
  std::vector<std::shared_ptr<SegmentFile>> Overlapping(int64_t start_ms, int64_t end_ms) const;
  std::vector<std::shared_ptr<SegmentFile>> All() const;

  // The file that holds the window; if there is none, a new one with the longest span that is free
  // and at most `span_windows`, or else the shortest.
  absl::StatusOr<std::shared_ptr<SegmentFile>> ForWriting(int64_t window, int64_t span_windows);
  std::span<const int64_t> spans() const { return options_.spans; }
  // Bytes of all files on the disk.
  int64_t Bytes() const;

  // Takes a file that cannot be used out of the list and renames it, so that a new one can be made
  // in its place; `ronda store repair` brings back what can be read of it.
  absl::Status PutAside(const std::shared_ptr<SegmentFile>& file, int64_t now_ms,
                        const absl::Status& why);

  // Removes a file from the list and from the disk.
  absl::Status Remove(const std::shared_ptr<SegmentFile>& file);

  // After a pass: finishes writing, and closes files beyond the most that stay open.
  void CloseIdle();

 private:
  Segments(Options options, CorruptParts* corrupt)
      : options_(std::move(options)), corrupt_(*corrupt) {}
  std::shared_ptr<SegmentFile> NewFile(const SegmentSpan& span);

  const Options options_;
  CorruptParts& corrupt_;

  mutable Mutex mu_;
  std::vector<std::shared_ptr<SegmentFile>> files_ ABSL_GUARDED_BY(mu_);  // by start
};

}  // namespace ronda::store
