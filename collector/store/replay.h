// Filling catalogue and head from ronda.db at the start.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/history.h"
#include "collector/store/sqlite_journal_db.h"
#include "collector/store/store_state.h"
#include "common/base/clock.h"

namespace ronda::store {

// Frames that cannot be decoded: in the journal, because frames of their run before them, or what
// the catalogue says of them, are damaged; or in a damaged block.
struct LostFrames {
  RunKey run;
  std::string node;  // "" if not known
  std::string group;
  int64_t from_ms = 0;
  int64_t to_ms = 0;
  uint64_t first_seq = 0;
  std::string where = "row of the journal";
};

struct ReplayResult {
  std::deque<std::pair<int64_t, int64_t>> rows;  // number and size of each journal row
  int64_t next_commit = 1;
  int64_t corrupt_rows = 0;
  std::vector<LostFrames> lost;
};

// Nodes, sources, schemas. kDataLoss: a row is damaged.
absl::Status LoadCatalogue(JournalDb* db, Catalogue* catalogue);

// Epochs and the journal's rows; what blocks hold already is not read into the head again.
// kDataLoss: the file cannot be read. A row with a wrong checksum is left out and counted.
absl::StatusOr<ReplayResult> Replay(JournalDb* db, const History& history, const Clock& clock,
                                    StoreState* state);

}  // namespace ronda::store
