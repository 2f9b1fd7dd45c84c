// The files of a folder of level 1: which there are, which a new window goes to.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/segment_file.h"
#include "common/base/mutex.h"

namespace ronda::store {

// Thread-safe.
class Segments {
 public:
  // The files of `dir`, which need not be there. What has another name is left alone. `spans` must
  // outlive the object.
  static absl::StatusOr<std::unique_ptr<Segments>> Open(const std::string& dir, bool read_only,
                                                        std::span<const int64_t> spans);

  // The files whose time overlaps [start_ms, end_ms], oldest first. They stay usable when they are
  // removed meanwhile.
  std::vector<std::shared_ptr<SegmentFile>> Overlapping(int64_t start_ms, int64_t end_ms) const;
  std::vector<std::shared_ptr<SegmentFile>> All() const;

  // The file that holds the window; if there is none, a new one with the longest span that is free
  // and at most `span_windows`, or else the shortest.
  absl::StatusOr<std::shared_ptr<SegmentFile>> ForWriting(int64_t window, int64_t span_windows);
  std::span<const int64_t> spans() const { return spans_; }
  // Bytes of all files on the disk.
  int64_t Bytes() const;

  // Removes a file from the list and from the disk.
  absl::Status Remove(const std::shared_ptr<SegmentFile>& file);

  // After a pass: finishes writing, and closes files beyond the most that stay open.
  void CloseIdle();

  int64_t corrupt_parts() const;

 private:
  Segments(std::string dir, bool read_only, std::span<const int64_t> spans)
      : dir_(std::move(dir)), read_only_(read_only), spans_(spans) {}
  std::shared_ptr<SegmentFile> NewFile(const SegmentSpan& span);
  void CountCorrupt(const std::string& part, const absl::Status& why);

  const std::string dir_;
  const bool read_only_;
  const std::span<const int64_t> spans_;

  mutable Mutex mu_;
  std::vector<std::shared_ptr<SegmentFile>> files_ ABSL_GUARDED_BY(mu_);  // by start
  // A lock of its own: files call back while they hold theirs.
  mutable Mutex corrupt_mu_;
  absl::flat_hash_set<std::string> corrupt_ ABSL_GUARDED_BY(corrupt_mu_);
};

}  // namespace ronda::store
