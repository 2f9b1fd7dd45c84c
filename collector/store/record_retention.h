// Removes records that are too old, or too many of their kind.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "collector/store/history.h"
#include "collector/store/record_files.h"
#include "collector/store/record_limits.h"
#include "common/base/clock.h"

namespace ronda::store {

// Of one thread at a time. References must outlive it.
class RecordRetention {
 public:
  // `max_history_bytes`: of everything in history/, or 0. One kind may take an eighth of it.
  RecordRetention(const RecordRetentionOptions& options, int64_t max_history_bytes,
                  History* history, RecordFiles* files, const Clock& clock)
      : options_(options),
        max_history_bytes_(max_history_bytes),
        history_(*history),
        files_(*files),
        clock_(clock) {}

  // Removes files in which every kind is older than is kept. It writes nothing.
  absl::Status RemoveOldFiles();
  // From the other files removes kinds that are, and then, of each kind that takes more than it
  // may, the oldest hours; those are counted (History::AddRemovedRecords) and logged.
  absl::Status RemoveKinds();

 private:
  struct FileTotals {
    std::shared_ptr<RecordFiles::File> file;
    std::vector<RecordKindTotals> kinds;
  };
  absl::StatusOr<std::vector<FileTotals>> ReadTotals() const;
  bool IsPast(const RecordKindTotals& kind) const;
  bool IsPast(const FileTotals& file) const;
  int64_t LimitOf(const std::string& kind) const;
  absl::Status RemoveTooMany(const std::string& kind, int64_t excess,
                             std::vector<FileTotals>* files);

  const RecordRetentionOptions options_;
  const int64_t max_history_bytes_;
  History& history_;
  RecordFiles& files_;
  const Clock& clock_;
};

}  // namespace ronda::store
