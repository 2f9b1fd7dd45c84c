#include "collector/store/history.h"

#include <algorithm>
#include <utility>

#include "collector/store/history_lease.h"
#include "collector/store/sqlite_catalogue_tables.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::store {

void History::Ids::Map(int64_t local_id, int64_t catalogue_id) {
  local[catalogue_id] = local_id;
  catalogue[local_id] = catalogue_id;
  next = std::max(next, local_id + 1);
}

absl::StatusOr<std::unique_ptr<History>> History::Open(const std::string& dir, bool read_only,
                                                       Catalogue* catalogue,
                                                       std::vector<CatalogueWrite>* writes,
                                                       int64_t wal_pages) {
  std::unique_ptr<History> history(new History(dir + "/history/recent.db", wal_pages));
  if (read_only) {
    absl::StatusOr<std::unique_ptr<ReadOnlyFile>> file = ReadOnlyFile::Open(history->path_);
    if (absl::IsNotFound(file.status())) {
      history->absent_ = true;
      return history;
    }
    RONDA_RETURN_IF_ERROR(file.status());
    history->read_only_ = std::move(*file);
    RONDA_ASSIGN_OR_RETURN(Lease db, history->Borrow());
    RONDA_RETURN_IF_ERROR(history->Load(db.get(), catalogue, writes));
    return history;
  }
  RONDA_RETURN_IF_ERROR(MakeDirectories(dir + "/history"));
  RONDA_ASSIGN_OR_RETURN(std::unique_ptr<RecentDb> db, RecentDb::Open(history->path_, wal_pages));
  RONDA_RETURN_IF_ERROR(history->Load(db.get(), catalogue, writes));
  RONDA_RETURN_IF_ERROR(db->ReadRows());
  MutexLock lock(&history->write_mu_);
  history->writer_ = std::move(db);
  return history;
}

History::~History() = default;

absl::Status History::Load(RecentDb* db, Catalogue* catalogue,
                           std::vector<CatalogueWrite>* writes) {
  MutexLock lock(&mu_);
  RONDA_RETURN_IF_ERROR(ForEachCatalogueRow(
      db->db(), CatalogueTable::kNodes, [&](int64_t id, std::string_view data) -> absl::Status {
        mu_.AssertHeld();
        RONDA_ASSIGN_OR_RETURN(const NodeInfo node, DecodeNodeRow(id, data));
        const Catalogue::Node* known = catalogue->FindNode(node.name);
        const NodeId node_id = known != nullptr ? known->id : catalogue->PutNode(node, writes);
        nodes_.Map(id, node_id);
        node_names_[node_id] = node.name;
        return absl::OkStatus();
      }));
  RONDA_RETURN_IF_ERROR(ForEachCatalogueRow(
      db->db(), CatalogueTable::kSources, [&](int64_t id, std::string_view data) -> absl::Status {
        mu_.AssertHeld();
        RONDA_ASSIGN_OR_RETURN(SourceRow row, DecodeSourceRow(id, data));
        const auto node = nodes_.catalogue.find(row.node);
        if (node == nodes_.catalogue.end()) {
          return Fail(absl::StatusCode::kDataLoss, "{}: source {} has no node", path_, id);
        }
        row.node = node->second;
        sources_.Map(id, catalogue->PutSourceRow(row, writes)->id);
        return absl::OkStatus();
      }));
  RONDA_RETURN_IF_ERROR(ForEachCatalogueRow(
      db->db(), CatalogueTable::kSchemas, [&](int64_t id, std::string_view data) -> absl::Status {
        mu_.AssertHeld();
        RONDA_ASSIGN_OR_RETURN(Schema schema, DecodeSchemaRow(id, data));
        auto shared = std::make_shared<const Schema>(std::move(schema));
        schemas_.Map(id, catalogue->PutSchema(std::move(shared), writes)->id);
        return absl::OkStatus();
      }));
  return db->ForEachPair([&](int64_t local_source, int64_t local_schema, int64_t t_max_ms) {
    mu_.AssertHeld();
    const auto a = sources_.catalogue.find(local_source);
    const auto b = schemas_.catalogue.find(local_schema);
    if (a == sources_.catalogue.end() || b == schemas_.catalogue.end()) {
      return;
    }
    const std::shared_ptr<const SourceEntry> source = catalogue->FindSource(a->second);
    const std::shared_ptr<const SchemaEntry> schema = catalogue->FindSchema(b->second);
    catalogue->AddPair(source, schema);
    catalogue->SawBlock(*source, *schema, t_max_ms);
    newest_ms_[{a->second, b->second}] = t_max_ms;
  });
}

absl::StatusOr<History::Lease> History::Borrow() const {
  {
    MutexLock lock(&mu_);
    while (exchanging_) {
      exchange_.Wait(&mu_);
    }
    ++leases_;
    if (!idle_.empty()) {
      std::unique_ptr<RecentDb> db = std::move(idle_.back());
      idle_.pop_back();
      return Lease(this, std::move(db));
    }
  }
  absl::StatusOr<std::unique_ptr<Database>> connection =
      read_only_ != nullptr ? read_only_->Connect() : Database::Open(path_, {});
  absl::StatusOr<std::unique_ptr<RecentDb>> db =
      connection.ok() ? RecentDb::Wrap(*std::move(connection)) : connection.status();
  if (!db.ok()) {
    Return(nullptr);
    return db.status();
  }
  return Lease(this, *std::move(db));
}

void History::Return(std::unique_ptr<RecentDb> db) const {
  MutexLock lock(&mu_);
  if (db != nullptr) {
    idle_.push_back(std::move(db));
  }
  --leases_;
  exchange_.SignalAll();
}

std::optional<int64_t> History::LocalOf(const Ids History::*ids, int64_t catalogue_id) const {
  MutexLock lock(&mu_);
  const Ids& map = this->*ids;
  const auto it = map.local.find(catalogue_id);
  return it == map.local.end() ? std::nullopt : std::optional<int64_t>(it->second);
}

absl::StatusOr<int64_t> History::LocalNode(const SourceEntry& source) {
  MutexLock lock(&mu_);
  const auto it = nodes_.local.find(source.row.node);
  if (it != nodes_.local.end()) {
    return it->second;
  }
  const int64_t id = nodes_.next;
  NodeInfo node;
  node.name = source.row.node_name;
  node.labels = source.row.node_labels;
  RONDA_RETURN_IF_ERROR(
      PutCatalogueRow(writer_->db(), CatalogueTable::kNodes, id, EncodeNodeRow(id, node)));
  nodes_.Map(id, source.row.node);
  node_names_[source.row.node] = source.row.node_name;
  return id;
}

absl::StatusOr<int64_t> History::LocalSource(const SourceEntry& source, int64_t local_node) {
  MutexLock lock(&mu_);
  const auto it = sources_.local.find(source.id);
  if (it != sources_.local.end()) {
    return it->second;
  }
  const int64_t id = sources_.next;
  SourceRow row = source.row;
  row.node = local_node;
  RONDA_RETURN_IF_ERROR(
      PutCatalogueRow(writer_->db(), CatalogueTable::kSources, id, EncodeSourceRow(id, row)));
  sources_.Map(id, source.id);
  return id;
}

absl::StatusOr<int64_t> History::LocalSchema(const SchemaEntry& schema) {
  MutexLock lock(&mu_);
  const auto it = schemas_.local.find(schema.id);
  if (it != schemas_.local.end()) {
    return it->second;
  }
  const int64_t id = schemas_.next;
  RONDA_RETURN_IF_ERROR(PutCatalogueRow(writer_->db(), CatalogueTable::kSchemas, id,
                                        EncodeSchemaRow(id, *schema.schema)));
  schemas_.Map(id, schema.id);
  return id;
}

absl::Status History::WriteRun(const SealedRun& sealed) {
  RONDA_ASSIGN_OR_RETURN(const int64_t node, LocalNode(*sealed.run.source));
  if (sealed.run.schema == nullptr) {
    return writer_->PutRecords(sealed, node);
  }
  RONDA_ASSIGN_OR_RETURN(const int64_t source, LocalSource(*sealed.run.source, node));
  RONDA_ASSIGN_OR_RETURN(const int64_t schema, LocalSchema(*sealed.run.schema));
  return writer_->PutBlock(sealed, node, source, schema);
}

absl::Status History::Write(std::span<const SealedRun> runs) {
  MutexLock write_lock(&write_mu_);
  RONDA_RETURN_IF_ERROR(NeedWriter());
  // Ids that a failed transaction handed out are not in the file: take them back.
  Ids nodes;
  Ids sources;
  Ids schemas;
  {
    MutexLock lock(&mu_);
    nodes = nodes_;
    sources = sources_;
    schemas = schemas_;
  }
  const absl::Status status = [&]() -> absl::Status {
    write_mu_.AssertHeld();
    RONDA_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(writer_->db()));
    for (const SealedRun& run : runs) {
      RONDA_RETURN_IF_ERROR(WriteRun(run));
    }
    return transaction.Commit();
  }();
  MutexLock lock(&mu_);
  if (!status.ok()) {
    nodes_ = std::move(nodes);
    sources_ = std::move(sources);
    schemas_ = std::move(schemas);
    return status;
  }
  for (const SealedRun& sealed : runs) {
    if (sealed.run.schema != nullptr) {
      const auto [it, is_new] =
          newest_ms_.try_emplace({sealed.run.source->id, sealed.run.schema->id}, sealed.t_max_ms);
      it->second = std::max(it->second, sealed.t_max_ms);
    }
  }
  return status;
}

std::optional<int64_t> History::NewestBlockMs(const SourceSchema& pair) const {
  MutexLock lock(&mu_);
  const auto it = newest_ms_.find({pair.source->id, pair.schema->id});
  return it == newest_ms_.end() ? std::nullopt : std::optional<int64_t>(it->second);
}

absl::StatusOr<std::optional<CoveredRun>> History::FindRun(const RunKey& key) const {
  const std::optional<int64_t> node = LocalOf(&History::nodes_, key.node);
  if (!node) {
    return std::optional<CoveredRun>();
  }
  RONDA_ASSIGN_OR_RETURN(const Lease db, Borrow());
  RONDA_ASSIGN_OR_RETURN(std::optional<CoveredRun> run,
                         db->FindRun(*node, key.epoch.id, key.first_seq));
  if (run && run->source != 0) {
    MutexLock lock(&mu_);
    const auto source = sources_.catalogue.find(run->source);
    const auto schema = schemas_.catalogue.find(run->schema);
    if (source == sources_.catalogue.end() || schema == schemas_.catalogue.end()) {
      return Fail(absl::StatusCode::kDataLoss, "{}: a block without its source or schema", path_);
    }
    run->source = source->second;
    run->schema = schema->second;
  }
  return run;
}

// Holds a read transaction on a connection of its own.
class History::Snapshot final : public History::Moment {
 public:
  Snapshot(const History* history, Lease db, Transaction transaction)
      : history_(history),
        db_(std::move(db)),
        transaction_(std::move(transaction)),
        blobs_(db_->Blobs()) {}

  absl::Status ReadBlocks(const SourceSchema& pair, int64_t start_ms, int64_t end_ms,
                          std::span<const uint32_t> wanted, VisitBlock visit) override {
    return history_->ReadBlocks(db_.get(), pair, start_ms, end_ms, wanted, &blobs_, visit);
  }
  absl::StatusOr<std::vector<Uncompacted>> BlocksToCompact(int64_t source,
                                                           int64_t end_ms) override {
    return history_->BlocksToCompact(db_.get(), source, end_ms);
  }
  absl::Status ReadBlock(const Uncompacted& block, std::span<const uint32_t> wanted,
                         VisitBlock visit) override {
    return history_->ReadBlock(db_.get(), block.block.row, wanted, &blobs_, visit);
  }

 private:
  const History* history_;
  Lease db_;
  Transaction transaction_;  // ends before its connection is given back
  BlobCursor blobs_;         // closed before the transaction ends
};

absl::StatusOr<std::unique_ptr<History::Moment>> History::Now() const {
  if (absent_) {
    return std::unique_ptr<Moment>();
  }
  RONDA_ASSIGN_OR_RETURN(Lease db, Borrow());
  RONDA_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db->db(), false));
  // The moment is that of the first read.
  RONDA_RETURN_IF_ERROR(db->db()->QueryInt("SELECT count(*) FROM sqlite_schema").status());
  return std::unique_ptr<Moment>(new Snapshot(this, std::move(db), std::move(transaction)));
}

absl::Status History::ReadBlocks(const SourceSchema& pair, int64_t start_ms, int64_t end_ms,
                                 std::span<const uint32_t> wanted, VisitBlock visit) const {
  RONDA_ASSIGN_OR_RETURN(const std::unique_ptr<Moment> now, Now());
  return now == nullptr ? absl::OkStatus() : now->ReadBlocks(pair, start_ms, end_ms, wanted, visit);
}

absl::Status History::ReadBlocks(RecentDb* db, const SourceSchema& pair, int64_t start_ms,
                                 int64_t end_ms, std::span<const uint32_t> wanted,
                                 BlobCursor* blobs, VisitBlock visit) const {
  const std::optional<int64_t> source = LocalOf(&History::sources_, pair.source->id);
  const std::optional<int64_t> schema = LocalOf(&History::schemas_, pair.schema->id);
  if (!source || !schema) {
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<BlockRow>> rows = db->FindBlocks(*source, *schema, start_ms, end_ms);
  if (absl::IsDataLoss(rows.status())) {
    CountCorrupt(0, rows.status());
    return absl::OkStatus();
  }
  RONDA_RETURN_IF_ERROR(rows.status());
  for (const BlockRow& row : *rows) {
    RONDA_RETURN_IF_ERROR(ReadBlock(db, row, wanted, blobs, visit));
  }
  return absl::OkStatus();
}

absl::Status History::ReadBlock(RecentDb* db, const BlockRow& row, std::span<const uint32_t> wanted,
                                BlobCursor* blobs, VisitBlock visit) const {
  std::vector<std::vector<double>> columns;
  absl::Status damage;
  absl::StatusOr<BlockHeader> header = db->ReadBlock(row, wanted, blobs, &columns, &damage);
  if (!damage.ok()) {
    CountCorrupt(row.id, damage);
  }
  if (header.ok()) {
    visit(std::move(*header), std::move(columns));
  } else if (absl::IsDataLoss(header.status()) || absl::IsNotFound(header.status()) ||
             absl::IsUnimplemented(header.status())) {
    CountCorrupt(row.id, header.status());
  } else {
    return header.status();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int64_t>> History::SourcesToCompact(int64_t end_ms) const {
  RONDA_ASSIGN_OR_RETURN(const Lease db, Borrow());
  RONDA_ASSIGN_OR_RETURN(const std::vector<int64_t> local, db->SourcesToCompact(end_ms));
  std::vector<int64_t> sources;
  MutexLock lock(&mu_);
  for (const int64_t id : local) {
    const auto it = sources_.catalogue.find(id);
    if (it != sources_.catalogue.end()) {
      sources.push_back(it->second);
    }
  }
  return sources;
}

absl::StatusOr<std::vector<History::Uncompacted>> History::BlocksToCompact(RecentDb* db,
                                                                           int64_t source,
                                                                           int64_t end_ms) const {
  std::vector<Uncompacted> out;
  const std::optional<int64_t> local = LocalOf(&History::sources_, source);
  if (!local) {
    return out;
  }
  RONDA_ASSIGN_OR_RETURN(const std::vector<BlockToCompact> blocks,
                         db->BlocksToCompact(*local, end_ms));
  MutexLock lock(&mu_);
  for (const BlockToCompact& block : blocks) {
    const auto schema = schemas_.catalogue.find(block.row.key.schema);
    if (schema != schemas_.catalogue.end()) {
      out.push_back({source, schema->second, block});
    }
  }
  return out;
}

absl::Status History::Compacted(std::span<const Uncompacted* const> blocks, int64_t through_ms) {
  MutexLock lock(&write_mu_);
  RONDA_RETURN_IF_ERROR(NeedWriter());
  RONDA_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(writer_->db()));
  for (const Uncompacted* const one : blocks) {
    const BlockToCompact& block = one->block;
    const bool whole = block.row.t_max_ms <= through_ms;
    RONDA_RETURN_IF_ERROR(
        whole && !block.may_grow
            ? writer_->RemoveCompacted(block)
            : writer_->MarkCompacted(block, std::min(block.row.t_max_ms, through_ms)));
  }
  return transaction.Commit();
}

absl::Status History::Quarantine(std::span<const Uncompacted* const> blocks) {
  MutexLock lock(&write_mu_);
  RONDA_RETURN_IF_ERROR(NeedWriter());
  for (const Uncompacted* const one : blocks) {
    RONDA_RETURN_IF_ERROR(writer_->MarkCompacted(one->block, one->block.row.t_max_ms));
  }
  return absl::OkStatus();
}

absl::Status History::RemovePairs(int64_t before_ms) {
  MutexLock write_lock(&write_mu_);
  RONDA_RETURN_IF_ERROR(NeedWriter());
  RONDA_RETURN_IF_ERROR(writer_->RemovePairs(before_ms));
  MutexLock lock(&mu_);
  absl::erase_if(newest_ms_, [&](const auto& pair) { return pair.second < before_ms; });
  return absl::OkStatus();
}

absl::StatusOr<bool> History::HasBlocks(const SourceSchema& pair, int64_t start_ms,
                                        int64_t end_ms) const {
  const std::optional<int64_t> source = LocalOf(&History::sources_, pair.source->id);
  const std::optional<int64_t> schema = LocalOf(&History::schemas_, pair.schema->id);
  if (!source || !schema) {
    return false;
  }
  RONDA_ASSIGN_OR_RETURN(const Lease db, Borrow());
  return db->HasBlocks(*source, *schema, start_ms, end_ms);
}

absl::StatusOr<int64_t> History::Remove(const SourceSchema& pair, int64_t before_ms,
                                        int64_t limit) {
  const std::optional<int64_t> source = LocalOf(&History::sources_, pair.source->id);
  const std::optional<int64_t> schema = LocalOf(&History::schemas_, pair.schema->id);
  if (!source || !schema) {
    return 0;
  }
  MutexLock lock(&write_mu_);
  RONDA_RETURN_IF_ERROR(NeedWriter());
  return writer_->RemoveBlocks(*source, *schema, before_ms, limit);
}

absl::StatusOr<std::vector<RecentDb::RemovedBlock>> History::RemoveOldest(int64_t bytes) {
  MutexLock write_lock(&write_mu_);
  RONDA_RETURN_IF_ERROR(NeedWriter());
  RONDA_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(writer_->db()));
  RONDA_ASSIGN_OR_RETURN(std::vector<RecentDb::RemovedBlock> removed,
                         writer_->RemoveOldestBlocks(bytes));
  RONDA_RETURN_IF_ERROR(transaction.Commit());
  MutexLock lock(&mu_);
  for (RecentDb::RemovedBlock& block : removed) {
    const auto source = sources_.catalogue.find(block.source);
    const auto schema = schemas_.catalogue.find(block.schema);
    block.source = source != sources_.catalogue.end() ? source->second : 0;
    block.schema = schema != schemas_.catalogue.end() ? schema->second : 0;
  }
  return removed;
}

absl::Status History::ReturnPages() {
  MutexLock lock(&write_mu_);
  RONDA_RETURN_IF_ERROR(NeedWriter());
  return writer_->db()->ReturnPages();
}

absl::StatusOr<int64_t> History::UsedBytes() const {
  if (absent_) {
    return 0;
  }
  RONDA_ASSIGN_OR_RETURN(const Lease db, Borrow());
  return db->db()->UsedBytes();
}

absl::StatusOr<RecentDb::Totals> History::Totals() const {
  if (absent_) {
    return RecentDb::Totals{};
  }
  RONDA_ASSIGN_OR_RETURN(const Lease db, Borrow());
  return db->CountBlocks();
}

absl::StatusOr<uint64_t> History::LastOrder() const {
  if (absent_) {
    return 0;
  }
  RONDA_ASSIGN_OR_RETURN(const Lease db, Borrow());
  return db->LastOrder();
}

int64_t History::corrupt_blocks() const {
  MutexLock lock(&mu_);
  return static_cast<int64_t>(corrupt_.size());
}

void History::CountCorrupt(int64_t id, const absl::Status& status) const {
  MutexLock lock(&mu_);
  // Readers come back to the same block again and again: it counts once.
  if (corrupt_.insert(id).second) {
    obs::Error("store", "left out a damaged block of {}: {}", path_, Message(status));
  }
}

}  // namespace ronda::store
