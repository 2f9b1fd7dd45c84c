// What blocks hold, in terms of the catalogue: recent.db, its connections, and its ids.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/catalogue.h"
#include "collector/store/sqlite_readonly.h"
#include "collector/store/sqlite_recent_db.h"
#include "common/base/mutex.h"

namespace ronda::store {

// Thread-safe. Readers have connections of their own and never wait for the writer.
class History {
 public:
  // Opens dir/history/recent.db, and adds to the catalogue what the file knows and the catalogue
  // does not (ronda.db was lost). A read-only history may be absent: then it is empty.
  // kDataLoss: the file is damaged so that its catalogue, or where its blocks are, cannot be read.
  // `wal_pages`: Database::Options.
  static absl::StatusOr<std::unique_ptr<History>> Open(const std::string& dir, bool read_only,
                                                       Catalogue* catalogue,
                                                       std::vector<CatalogueWrite>* writes,
                                                       int64_t wal_pages = 0);
  ~History();

  // Writes the runs' blocks in one transaction.
  absl::Status Write(std::span<const SealedRun> runs);

  // What blocks hold of a run: ids are the catalogue's.
  absl::StatusOr<std::optional<CoveredRun>> FindRun(const RunKey& key) const;

  // The blocks of a pair in the window; `columns` are the wanted ones, in their order. A block that
  // is damaged is counted in corrupt_blocks() and left out.
  using VisitBlock =
      absl::FunctionRef<void(BlockHeader header, std::vector<std::vector<double>> columns)>;
  absl::Status ReadBlocks(const SourceSchema& pair, int64_t start_ms, int64_t end_ms,
                          std::span<const uint32_t> wanted, VisitBlock visit) const;

  // A block with samples that level 1 does not have yet.
  struct Uncompacted {
    int64_t source = 0;  // the catalogue's ids
    int64_t schema = 0;
    BlockToCompact block;
  };

  // One moment of the file: what is removed or replaced afterwards is still there. Of one thread at
  // a time; while it lives, the file's -wal grows.
  class Moment {
   public:
    virtual ~Moment() = default;
    virtual absl::Status ReadBlocks(const SourceSchema& pair, int64_t start_ms, int64_t end_ms,
                                    std::span<const uint32_t> wanted, VisitBlock visit) = 0;
    // Those of a source with such samples up to end_ms.
    virtual absl::StatusOr<std::vector<Uncompacted>> BlocksToCompact(int64_t source,
                                                                     int64_t end_ms) = 0;
    // One block. If it is damaged it is counted and not visited; of a column that is damaged there
    // are no values.
    virtual absl::Status ReadBlock(const Uncompacted& block, std::span<const uint32_t> wanted,
                                   VisitBlock visit) = 0;
  };
  absl::StatusOr<std::unique_ptr<Moment>> Now() const;
  absl::StatusOr<bool> HasBlocks(const SourceSchema& pair, int64_t start_ms, int64_t end_ms) const;
  // No block of the pair has a sample later than this; nullopt: there is none. From memory.
  std::optional<int64_t> NewestBlockMs(const SourceSchema& pair) const;

  // Runs of records, as frames. Damaged ones are counted and left out. node 0: all.
  using VisitFrames =
      absl::FunctionRef<void(NodeId node, const RunKey& key, std::span<const HeadFrame> frames)>;
  absl::Status ReadRecords(std::string_view kind, NodeId node, int64_t start_ms, int64_t end_ms,
                           VisitFrames visit) const;

  // --- compaction ---
  // The catalogue's ids of the sources that have samples up to end_ms which level 1 does not have.
  absl::StatusOr<std::vector<int64_t>> SourcesToCompact(int64_t end_ms) const;
  // Level 1 holds the blocks up to `through_ms`: those that end by then are removed, but for ones
  // that may still grow.
  absl::Status Compacted(std::span<const Uncompacted* const> blocks, int64_t through_ms);
  // Leaves blocks that cannot be read where they are, for a repair, and asks for them no more.
  absl::Status Quarantine(std::span<const Uncompacted* const> blocks);
  absl::Status RemovePairs(int64_t before_ms);

  // --- records that go to level 1 ---
  struct RecordRun {
    NodeId node = 0;  // the catalogue's; 0 if it is not known
    std::string node_name;
    RecordRunRow row;
    bool damaged = false;  // for RecordsPacked()
  };
  // Runs of records that end by end_ms and are not in level 1 yet; at most `limit`.
  absl::StatusOr<std::vector<RecordRun>> RecordsToPack(int64_t end_ms, int64_t limit) const;
  // The frames of one; nothing if it has grown since. False if it is damaged, which is counted.
  absl::StatusOr<bool> ReadRun(const RecordRun& run, VisitFrames visit) const;
  // Level 1 holds them: they are removed, but for those that may still grow, and damaged ones,
  // which stay for a repair. In one transaction.
  absl::Status RecordsPacked(std::span<const RecordRun> runs);
  // Removes those that stayed and end before `before_ms`.
  absl::Status RemovePackedRecords(int64_t before_ms);
  // Adds to the count of records that were removed because there were too many.
  absl::Status AddRemovedRecords(const RecentDb::RemovedRecords& more);

  // Calls `exchange`, which may put another file in the place of a damaged recent.db, while nobody
  // has it open, and opens what is there then. Rows keep their ids; a source or a schema that the
  // new file does not have comes into it again when it is needed. Whoever wants to read or write
  // waits. Returns what `exchange` does; kUnavailable, without a call of it: somebody who was
  // reading already did not end within `most_wait`; readers and writers then go on as before. If
  // the file cannot be opened then, each write tries again.
  //
  // A reader that reads more of level 0 meanwhile waits for us as we for it: hence a limit.
  static constexpr std::chrono::seconds kMostWait{5};
  absl::Status Exchange(absl::FunctionRef<absl::Status()> exchange,
                        std::chrono::nanoseconds most_wait = kMostWait);

  // Removes at most `limit` blocks of the pair that end before `before_ms`.
  absl::StatusOr<int64_t> Remove(const SourceSchema& pair, int64_t before_ms, int64_t limit);

  // Removes the oldest blocks that cannot grow, so many that at least `bytes` are free. Returns
  // those that level 1 does not have, with the catalogue's ids.
  absl::StatusOr<std::vector<RecentDb::RemovedBlock>> RemoveOldest(int64_t bytes);
  // Gives the pages that nothing uses back to the disk.
  absl::Status ReturnPages();

  // Of the pages of recent.db that hold something.
  absl::StatusOr<int64_t> UsedBytes() const;
  absl::StatusOr<RecentDb::Totals> Totals() const;
  // Of recent.db and its -wal on the disk: what was removed leaves room in there.
  int64_t FileBytes() const { return DatabaseBytes(path_); }
  absl::StatusOr<uint64_t> LastOrder() const;
  int64_t corrupt_blocks() const;

 private:
  struct Ids {
    absl::flat_hash_map<int64_t, int64_t> local;      // by the catalogue's id
    absl::flat_hash_map<int64_t, int64_t> catalogue;  // by the file's id
    int64_t next = 1;
    void Map(int64_t local_id, int64_t catalogue_id);
  };
  class Lease;
  class Snapshot;

  History(std::string path, int64_t wal_pages) : path_(std::move(path)), wal_pages_(wal_pages) {}
  // The catalogue's id and the name of a node of the file; 0 and "" if there is none.
  std::pair<NodeId, std::string> NodeOf(int64_t local_node) const;
  absl::Status Load(RecentDb* db, Catalogue* catalogue, std::vector<CatalogueWrite>* writes);
  absl::StatusOr<Lease> Borrow() const;
  // Gives a lease's connection back; null: it never got one.
  void Return(std::unique_ptr<RecentDb> db) const;
  // Opens the file if an exchange could not.
  absl::Status NeedWriter() ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  // Forgets the ids of nodes, sources and schemas that the file does not have.
  absl::Status ForgetMissing(RecentDb* db);
  absl::Status ReadBlocks(RecentDb* db, const SourceSchema& pair, int64_t start_ms, int64_t end_ms,
                          std::span<const uint32_t> wanted, BlobCursor* blobs,
                          VisitBlock visit) const;
  absl::Status WriteRun(const SealedRun& sealed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  absl::StatusOr<int64_t> LocalNode(const SourceEntry& source)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  absl::StatusOr<int64_t> LocalSource(const SourceEntry& source, int64_t local_node)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  absl::StatusOr<int64_t> LocalSchema(const SchemaEntry& schema)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  std::optional<int64_t> LocalOf(const Ids History::*ids, int64_t catalogue_id) const;
  absl::StatusOr<std::vector<Uncompacted>> BlocksToCompact(RecentDb* db, int64_t source,
                                                           int64_t end_ms) const;
  absl::Status ReadBlock(RecentDb* db, const BlockRow& row, std::span<const uint32_t> wanted,
                         BlobCursor* blobs, VisitBlock visit) const;
  // `id` tells damaged blocks apart: of the row; negative for runs of records; 0 for the rest.
  void CountCorrupt(int64_t id, const absl::Status& status) const;

  const std::string path_;
  const int64_t wal_pages_;
  bool absent_ = false;                      // read-only, and there is no file
  std::unique_ptr<ReadOnlyFile> read_only_;  // null: the connections may write

  Mutex write_mu_;  // taken before mu_
  // Null for a moment in Exchange(), or if the file could not be opened after it.
  std::unique_ptr<RecentDb> writer_ ABSL_GUARDED_BY(write_mu_);

  mutable Mutex mu_;
  Ids nodes_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<NodeId, std::string> node_names_ ABSL_GUARDED_BY(mu_);
  Ids sources_ ABSL_GUARDED_BY(mu_);
  Ids schemas_ ABSL_GUARDED_BY(mu_);
  // By the catalogue's ids of source and schema; what was removed since may have been later.
  absl::flat_hash_map<std::pair<int64_t, int64_t>, int64_t> newest_ms_ ABSL_GUARDED_BY(mu_);
  mutable std::vector<std::unique_ptr<RecentDb>> idle_ ABSL_GUARDED_BY(mu_);
  mutable int leases_ ABSL_GUARDED_BY(mu_) = 0;  // that are out
  bool exchanging_ ABSL_GUARDED_BY(mu_) = false;
  mutable CondVar exchange_;  // one of the two above has changed
  mutable absl::flat_hash_set<int64_t> corrupt_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda::store
