#include "collector/store/repair_recent.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "collector/store/block.h"
#include "collector/store/block_chunk.h"
#include "collector/store/catalogue_rows.h"
#include "collector/store/recent_losses.h"
#include "collector/store/sqlite_catalogue_tables.h"
#include "collector/store/sqlite_recent_db.h"
#include "collector/store/sqlite_salvage.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

// Of a block whose header is right the columns that are damaged; they are left out by readers and
// when the block is packed, the others are good.
absl::StatusOr<size_t> DamagedColumns(const BlockHeader& header, std::string_view data) {
  if (header.t_ms.empty() || header.chunk_offsets.back() != data.size() ||
      !std::is_sorted(header.chunk_offsets.begin(), header.chunk_offsets.end())) {
    return Fail(absl::StatusCode::kDataLoss, "a block of another length");
  }
  size_t damaged = 0;
  for (size_t i = 0; i < header.columns(); ++i) {
    const size_t offset = header.chunk_offsets[i];
    const std::string_view chunk = data.substr(offset, header.chunk_offsets[i + 1] - offset);
    damaged += DecodeChunk(chunk, header.t_ms.size()).ok() ? 0 : 1;
  }
  return damaged;
}

// Reads all that can be reached of a file, and writes it into another one if there is one.
class Rebuilder {
 public:
  Rebuilder(Database* from, RecentDb* to) : from_(*from), to_(to) {}

  absl::Status Run() {
    std::optional<Transaction> transaction;
    if (to_ != nullptr) {
      RONDA_ASSIGN_OR_RETURN(Transaction begun, Transaction::Begin(to_->db()));
      transaction.emplace(std::move(begun));
    }
    SaveCatalogue();
    SaveBlocks();
    SaveRecords();
    SavePairs();
    RONDA_RETURN_IF_ERROR(status_);
    return transaction ? transaction->Commit() : absl::OkStatus();
  }

  // Nothing is lost.
  bool complete() const { return complete_ && lost_ == 0; }

  // What the indexes know of and was not saved.
  std::vector<CorruptPart> FindLost(const std::string& path) {
    return FindRecentLosses(&from_, saved_, path);
  }

  std::string Report(const std::string& path) const {
    return fmt::format(
        "{}: saved {} blocks of samples and {} of records; lost {} that were damaged or whose "
        "source was{}\n{}",
        path, blocks_, records_, lost_, complete_ ? "" : ", and those on pages that are unreadable",
        damaged_columns_ > 0
            ? fmt::format("{} series of blocks that were saved are damaged, and left out\n",
                          damaged_columns_)
            : "");
  }

 private:
  void Keep(const absl::Status& status) {
    if (status_.ok()) {
      status_ = status;
    }
  }

  void Put(CatalogueTable table, int64_t id, std::string_view data) {
    if (to_ != nullptr) {
      Keep(PutCatalogueRow(to_->db(), table, id, data));
    }
  }

  std::optional<Statement> Prepare(std::string_view sql) {
    if (to_ == nullptr) {
      return std::nullopt;
    }
    absl::StatusOr<Statement> statement = to_->db()->Prepare(sql);
    Keep(statement.status());
    return statement.ok() ? std::optional<Statement>(std::move(*statement)) : std::nullopt;
  }

  void SaveCatalogue() {
    complete_ &= SalvageRows(&from_, "nodes", "id, data", [&](const Statement& row) {
      const absl::StatusOr<NodeInfo> node = DecodeNodeRow(row.Int(0), row.Bytes(1));
      complete_ &= node.ok();
      if (node.ok()) {
        nodes_[row.Int(0)] = node->name;
        saved_.nodes[row.Int(0)] = node->name;
        Put(CatalogueTable::kNodes, row.Int(0), row.Bytes(1));
      }
    });
    complete_ &= SalvageRows(&from_, "sources", "id, data", [&](const Statement& row) {
      const absl::StatusOr<SourceRow> source = DecodeSourceRow(row.Int(0), row.Bytes(1));
      complete_ &= source.ok();
      if (!source.ok()) {
        return;
      }
      if (nodes_.emplace(source->node, source->node_name).second) {
        complete_ = false;
        NodeInfo node;
        node.name = source->node_name;
        node.labels = source->node_labels;
        Put(CatalogueTable::kNodes, source->node, EncodeNodeRow(source->node, node));
      }
      sources_[row.Int(0)] = source->node;
      saved_.nodes[source->node] = source->node_name;
      saved_.sources[row.Int(0)] = {source->node_name, source->group.name};
      Put(CatalogueTable::kSources, row.Int(0), row.Bytes(1));
    });
    complete_ &= SalvageRows(&from_, "schemas", "id, data", [&](const Statement& row) {
      const bool whole = DecodeSchemaRow(row.Int(0), row.Bytes(1)).ok();
      complete_ &= whole;
      if (whole) {
        schemas_.insert(row.Int(0));
        Put(CatalogueTable::kSchemas, row.Int(0), row.Bytes(1));
      }
    });
  }

  void SaveBlocks() {
    std::optional<Statement> put =
        Prepare("INSERT OR IGNORE INTO blocks VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)");
    saved_.all_blocks = SalvageRows(
        &from_, "blocks",
        "id, node, epoch, first_seq, last_seq, source, schema, t_min, t_max, ticks, last_order, "
        "frames, data",
        [&](const Statement& row) {
          const BlockKey key{row.Int(5), row.Int(6), static_cast<uint64_t>(row.Int(2)),
                             static_cast<uint64_t>(row.Int(3)), static_cast<uint64_t>(row.Int(4))};
          const auto source = sources_.find(key.source);
          const absl::StatusOr<BlockHeader> header = DecodeBlockHeader(row.Bytes(12));
          const absl::StatusOr<size_t> damaged =
              header.ok() ? DamagedColumns(*header, row.Bytes(12)) : header.status();
          if (!damaged.ok() || header->key != key || source == sources_.end() ||
              source->second != row.Int(1) || !schemas_.contains(key.schema)) {
            ++lost_;
            return;
          }
          damaged_columns_ += *damaged;
          SaveBlock(row, *header, put);
        });
    complete_ &= saved_.all_blocks;
  }

  // The header is under a checksum, the row is not.
  void SaveBlock(const Statement& row, const BlockHeader& header, std::optional<Statement>& put) {
    const auto [t_min, t_max] = std::minmax_element(header.t_ms.begin(), header.t_ms.end());
    const std::pair<int, int64_t> of_header[] = {
        {7, *t_min},
        {8, *t_max},
        {9, static_cast<int64_t>(header.t_ms.size())},
        {10, static_cast<int64_t>(*std::max_element(header.order.begin(), header.order.end()))}};
    for (const auto& [column, value] : of_header) {
      complete_ &= row.Int(column) == value;
    }
    ++blocks_;
    saved_.AddBlock(row.Int(0), *t_min, *t_max);
    if (!put) {
      return;
    }
    for (int i = 0; i < 7; ++i) {
      put->Bind(i + 1, row.Int(i));
    }
    for (const auto& [column, value] : of_header) {
      put->Bind(column + 1, value);
    }
    if (!row.IsNull(11)) {
      put->BindBlob(12, row.Bytes(11));
    }
    Keep(put->BindBlob(13, row.Bytes(12)).Run());
  }

  void SaveRecords() {
    std::optional<Statement> put =
        Prepare("INSERT OR IGNORE INTO record_blocks VALUES(?,?,?,?,?,?,?,?,?,?)");
    saved_.all_record_blocks = SalvageRows(
        &from_, "record_blocks",
        "id, node, epoch, first_seq, last_seq, t_min, t_max, last_order, kind, data",
        [&](const Statement& row) {
          RunKey key;
          key.epoch.id = static_cast<uint64_t>(row.Int(2));
          key.first_seq = static_cast<uint64_t>(row.Int(3));
          const auto node = nodes_.find(row.Int(1));
          if (node == nodes_.end() || !DecodeFrames(node->second, key, row.Bytes(9)).ok()) {
            ++lost_;
            return;
          }
          ++records_;
          saved_.record_blocks.insert(row.Int(0));
          if (!put) {
            return;
          }
          for (int i = 0; i < 5; ++i) {
            put->Bind(i + 1, row.Int(i));
          }
          put->BindText(6, row.Bytes(8));
          for (int i = 5; i < 8; ++i) {
            put->Bind(i + 2, row.Int(i));
          }
          Keep(put->BindBlob(10, row.Bytes(9)).Run());
        });
    complete_ &= saved_.all_record_blocks;
  }

  // What is lost of these comes back by itself: blocks that are packed already are packed again.
  void SavePairs() {
    std::optional<Statement> put = Prepare("INSERT OR IGNORE INTO pairs VALUES(?,?,?)");
    complete_ &= SalvageKeyed(
        &from_, "pairs", "source, schema, t_max", "source, schema", [&](const Statement& row) {
          const bool known = sources_.contains(row.Int(0)) && schemas_.contains(row.Int(1));
          complete_ &= known;
          if (put && known) {
            put->Bind(1, row.Int(0)).Bind(2, row.Int(1));
            Keep(put->Bind(3, row.Int(2)).Run());
          }
        });
  }

  Database& from_;
  RecentDb* const to_;
  absl::Status status_;
  bool complete_ = true;
  std::map<int64_t, std::string> nodes_;
  std::map<int64_t, int64_t> sources_;  // and the node of each
  std::set<int64_t> schemas_;
  SavedRecent saved_;
  int64_t blocks_ = 0;
  int64_t records_ = 0;
  int64_t lost_ = 0;
  size_t damaged_columns_ = 0;
};

}  // namespace

bool IsSoundRecent(const std::string& path) {
  const absl::StatusOr<std::unique_ptr<RecentDb>> db = RecentDb::Open(path);
  if (!db.ok() || !(*db)->Check().ok()) {
    return false;
  }
  Rebuilder visit((*db)->db(), nullptr);
  return visit.Run().ok() && visit.complete();
}

absl::StatusOr<RecentRepair> RebuildRecent(const std::string& path, const std::string& work) {
  RONDA_ASSIGN_OR_RETURN(const std::unique_ptr<RecentDb> to, RecentDb::Open(work + "/recent.db"));
  // The first page is in the file itself, not only in the WAL, once that has been moved.
  RONDA_RETURN_IF_ERROR(to->db()->Checkpoint(true));
  const absl::StatusOr<std::unique_ptr<Database>> from =
      OpenForSalvage(path, work + "/damaged-recent.db", work + "/recent.db");
  if (absl::IsDataLoss(from.status())) {
    return RecentRepair{fmt::format("{}: nothing in it can be read; begun anew\n", path),
                        FindRecentLosses(nullptr, {}, path)};
  }
  RONDA_RETURN_IF_ERROR(from.status());
  Rebuilder rebuilder(from->get(), to.get());
  RONDA_RETURN_IF_ERROR(rebuilder.Run());
  return RecentRepair{rebuilder.Report(path), rebuilder.FindLost(path)};
}

}  // namespace ronda::store
