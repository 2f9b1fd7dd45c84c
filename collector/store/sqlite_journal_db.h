// ronda.db: the journal, the catalogue and the small state. Tables: FORMAT.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/catalogue.h"
#include "collector/store/catalogue_rows.h"
#include "collector/store/sqlite_db.h"
#include "collector/store/state_write.h"

namespace ronda::store {

// What one commit writes.
struct CommitContent {
  int64_t commit = 0;
  std::string row;  // empty: no frames
  std::vector<CatalogueWrite> catalogue;
  std::vector<StateWrite> state;
};

// Everything up to a commit is in blocks.
struct TrimContent {
  int64_t through_commit = 0;
  uint64_t next_order = 0;
  std::vector<CatalogueWrite> nodes;
  std::vector<std::pair<NodeId, EpochRow>> epochs;
};

// One connection. Of one thread at a time.
class JournalDb {
 public:
  // Opens for writing; makes or migrates the file. kDataLoss: damaged (quick_check).
  static absl::StatusOr<std::unique_ptr<JournalDb>> Open(const std::string& path,
                                                         int64_t max_pages);
  // For reading, on a connection that was opened so.
  static absl::StatusOr<std::unique_ptr<JournalDb>> Wrap(std::unique_ptr<Database> db);
  // See sqlite_schema.h.
  static absl::Status CheckNotLater(const std::string& path);

  // Rows in order of id. Visits go on while they return OK. A row that is damaged is for `visit`
  // to find out, kDataLoss here means that the file cannot be read on.
  using VisitRow = absl::FunctionRef<absl::Status(int64_t id, std::string_view data)>;
  absl::Status ForEachNode(VisitRow visit);
  absl::Status ForEachSource(VisitRow visit);
  absl::Status ForEachSchema(VisitRow visit);
  absl::Status ForEachJournalRow(VisitRow visit);
  absl::Status ForEachEpoch(
      absl::FunctionRef<absl::Status(NodeId node, uint64_t epoch, std::string_view data)> visit);
  // Values without their checksums. kDataLoss: one is damaged.
  absl::Status ForEachState(
      std::string_view space,
      absl::FunctionRef<void(std::string_view key, std::string_view value)> visit);
  // A number kept at the last trim; `otherwise` if there is none. kDataLoss.
  absl::StatusOr<int64_t> Meta(std::string_view key, int64_t otherwise) {
    return ReadMeta(db_.get(), key, otherwise);
  }
  static absl::StatusOr<int64_t> ReadMeta(Database* db, std::string_view key, int64_t otherwise);
  // A value of state as it is in the table, without its checksum; nullopt if that is wrong.
  static std::optional<std::string_view> StateValue(std::string_view space, std::string_view key,
                                                    std::string_view stored);

  // Both in one transaction each; after an error nothing of it is in the file.
  absl::Status Commit(const CommitContent& content);
  absl::Status Trim(const TrimContent& content);

  // Reads every page once, and the checksums of the state. kDataLoss if anything is out of order.
  absl::Status Check();

  Database* db() { return db_.get(); }

 private:
  explicit JournalDb(std::unique_ptr<Database> db) : db_(std::move(db)) {}
  absl::Status Prepare();
  absl::Status ForEach(std::string_view sql, VisitRow visit);
  absl::Status Write(const std::vector<CatalogueWrite>& rows);
  absl::Status Write(const StateWrite& write);
  absl::Status PutMeta(std::string_view key, int64_t value);

  std::unique_ptr<Database> db_;
  Statement insert_row_;
  Statement put_node_;
  Statement put_source_;
  Statement put_schema_;
  Statement put_state_;
  Statement delete_state_;
};

inline constexpr std::string_view kMetaLastCommit = "last_commit";
inline constexpr std::string_view kMetaNextOrder = "next_order";

}  // namespace ronda::store
