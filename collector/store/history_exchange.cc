// Another recent.db in the place of a damaged one, while the collector runs. The file is renamed
// and its -wal with it, which no connection may have open: one that closes last removes the -wal of
// whatever file has the name then. Tested by history_exchange_test.cc
// and recent_damage_test.cc.
#include <chrono>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/container/flat_hash_set.h"
#include "collector/store/history.h"
#include "collector/store/history_lease.h"
#include "collector/store/sqlite_catalogue_tables.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

absl::StatusOr<absl::flat_hash_set<int64_t>> IdsIn(Database* db, CatalogueTable table) {
  absl::flat_hash_set<int64_t> ids;
  RONDA_RETURN_IF_ERROR(ForEachCatalogueRow(db, table, [&](int64_t id, std::string_view) {
    ids.insert(id);
    return absl::OkStatus();
  }));
  return ids;
}

}  // namespace

absl::Status History::Exchange(absl::FunctionRef<absl::Status()> exchange,
                               std::chrono::nanoseconds most_wait) {
  MutexLock write_lock(&write_mu_);
  const auto open_again = absl::MakeCleanup([this] {
    MutexLock lock(&mu_);
    exchanging_ = false;
    exchange_.SignalAll();
  });
  {
    MutexLock lock(&mu_);
    exchanging_ = true;
    const auto deadline = std::chrono::steady_clock::now() + most_wait;
    while (leases_ > 0) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left <= left.zero()) {
        return Fail(absl::StatusCode::kUnavailable, "{}: {} readers have it open, and do not end",
                    path_, leases_);
      }
      exchange_.WaitFor(&mu_, left);
    }
    idle_.clear();
  }
  writer_ = nullptr;
  absl::Status status = exchange();
  status.Update(NeedWriter());
  return status;
}

absl::Status History::NeedWriter() {
  if (writer_ != nullptr) {
    return absl::OkStatus();
  }
  RONDA_ASSIGN_OR_RETURN(std::unique_ptr<RecentDb> db, RecentDb::Open(path_, wal_pages_));
  RONDA_RETURN_IF_ERROR(ForgetMissing(db.get()));
  writer_ = std::move(db);
  return absl::OkStatus();
}

absl::Status History::ForgetMissing(RecentDb* db) {
  const std::pair<CatalogueTable, Ids History::*> tables[] = {
      {CatalogueTable::kNodes, &History::nodes_},
      {CatalogueTable::kSources, &History::sources_},
      {CatalogueTable::kSchemas, &History::schemas_}};
  for (const auto& [table, member] : tables) {
    RONDA_ASSIGN_OR_RETURN(const absl::flat_hash_set<int64_t> there, IdsIn(db->db(), table));
    MutexLock lock(&mu_);
    Ids& ids = this->*member;
    absl::erase_if(ids.catalogue, [&](const auto& id) { return !there.contains(id.first); });
    absl::erase_if(ids.local, [&](const auto& id) { return !there.contains(id.second); });
  }
  return absl::OkStatus();
}

}  // namespace ronda::store
