// Moves records of level 0 into the files of level 1.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "collector/store/history.h"
#include "collector/store/record_files.h"
#include "collector/store/replay.h"

namespace ronda::store {

// Of one thread. References must outlive it.
//
// Files of records are committed first; then, in a transaction of recent.db, the runs are removed.
// A crash between the two leaves records in both, which readers see once, and so does the next
// pass. Memory is bounded: some 32 MiB of records at once.
class RecordPacker {
 public:
  // Told of damaged runs, whose records are lost.
  using OnLost = std::function<void(const std::vector<LostFrames>&)>;

  RecordPacker(History* history, RecordFiles* files, OnLost on_lost)
      : history_(*history), files_(*files), on_lost_(std::move(on_lost)) {}

  // Packs the runs whose records all lie before `end_ms`, or until `stop` is true.
  absl::Status Pass(int64_t end_ms, absl::FunctionRef<bool()> stop);

 private:
  // Node, kind, hour, and the columns as text.
  using GroupKey = std::tuple<std::string, std::string, int64_t, std::string>;

  absl::Status Take(History::RecordRun* run, std::vector<LostFrames>* lost);
  void Add(const std::string& node, const RecordKind& kind, StoredRecord stored);
  absl::Status Flush();

  History& history_;
  RecordFiles& files_;
  const OnLost on_lost_;
  std::map<GroupKey, RecordBlock> groups_;
  size_t bytes_ = 0;
};

}  // namespace ronda::store
