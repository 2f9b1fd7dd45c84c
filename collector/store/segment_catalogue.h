// The sources and schemas of one history file. The file's ids are its own: across files a series is
// its label set.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/pair_index.h"
#include "collector/store/source_schema.h"
#include "collector/store/sqlite_segment_db.h"

namespace ronda::store {

// Not thread-safe; the pairs may be shared.
class SegmentCatalogue {
 public:
  // kDataLoss: a row is damaged; the others are loaded.
  absl::Status Load(SegmentDb* db);

  // Rows whose source or schema is damaged, so that nobody can read them.
  struct Orphans {
    std::shared_ptr<const SourceEntry> source;  // null if that is what is damaged
    int64_t t_min_ms = 0;
    int64_t t_max_ms = 0;
  };
  const std::vector<Orphans>& orphans() const { return orphans_; }

  // Null if there is none, or it is damaged. Valid until the next change.
  const SourceEntry* FindSource(int64_t id) const {
    const auto it = sources_.find(id);
    return it == sources_.end() ? nullptr : it->second.get();
  }

  // The pairs that have rows. Their ids are the file's; the node's is 0.
  const PairIndex& pairs() const { return pairs_; }

  // Of a node, the pairs that have rows in a window. Reads the rows of that node alone.
  absl::StatusOr<std::vector<SourceSchema>> PairsIn(SegmentDb* db, std::string_view node,
                                                    int64_t window) const;

  // The file's own entries for a pair of the store; writes those that are new. In a transaction:
  // if that fails, load the catalogue anew.
  absl::StatusOr<SourceSchema> Put(SegmentDb* db, const SourceSchema& of_store);

 private:
  absl::flat_hash_map<int64_t, std::shared_ptr<const SourceEntry>> sources_;
  absl::flat_hash_map<SourceRow, std::shared_ptr<const SourceEntry>> source_of_;
  absl::flat_hash_map<int64_t, std::shared_ptr<const SchemaEntry>> schemas_;
  absl::flat_hash_map<SchemaHash, std::shared_ptr<const SchemaEntry>> schema_of_;
  PairIndex pairs_;
  std::vector<Orphans> orphans_;
  int64_t next_source_ = 1;
  int64_t next_schema_ = 1;
};

}  // namespace ronda::store
