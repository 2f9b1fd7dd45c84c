// What is lost with the blocks of a damaged recent.db that could not be saved.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "collector/store/corrupt_parts.h"
#include "collector/store/sqlite_db.h"

namespace ronda::store {

// What was saved. Ids are the file's.
struct SavedRecent {
  std::map<int64_t, std::string> nodes;                            // names
  std::map<int64_t, std::pair<std::string, std::string>> sources;  // name of the node, and group
  std::set<int64_t> blocks;
  std::set<int64_t> record_blocks;
  bool all_blocks = false;  // every row of the table was reached, saved or not
  bool all_record_blocks = false;
  std::optional<int64_t> oldest_ms;
  std::optional<int64_t> newest_ms;

  void AddBlock(int64_t id, int64_t t_min_ms, int64_t t_max_ms) {
    blocks.insert(id);
    oldest_ms = oldest_ms ? std::min(*oldest_ms, t_min_ms) : t_min_ms;
    newest_ms = newest_ms ? std::max(*newest_ms, t_max_ms) : t_max_ms;
  }
};

// The indexes tell of each block whose it is and of which time, on pages of their own: what they
// have and was not saved is lost, a part for each stretch of a source. If they cannot be read and
// rows of the table neither, one part says that of every node any of what level 0 holds may be
// lost: from the oldest that was saved, but three hours at least, until the file was last written.
// `db` null: nothing can be read.
std::vector<CorruptPart> FindRecentLosses(Database* db, const SavedRecent& saved,
                                          const std::string& path);

}  // namespace ronda::store
