#include "collector/store/repair_recent.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <set>
#include <string_view>

#include "collector/store/block.h"
#include "collector/store/block_chunk.h"
#include "collector/store/catalogue_rows.h"
#include "collector/store/sqlite_catalogue_tables.h"
#include "collector/store/sqlite_recent_db.h"
#include "collector/store/sqlite_salvage.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

bool IsWholeBlock(const BlockKey& key, std::string_view data) {
  const absl::StatusOr<BlockHeader> header = DecodeBlockHeader(data);
  if (!header.ok() || header->key != key || header->chunk_offsets.back() != data.size()) {
    return false;
  }
  for (size_t i = 0; i < header->columns(); ++i) {
    const size_t offset = header->chunk_offsets[i];
    const size_t end = header->chunk_offsets[i + 1];
    if (end < offset || end > data.size() ||
        !DecodeChunk(data.substr(offset, end - offset), header->t_ms.size()).ok()) {
      return false;
    }
  }
  return true;
}

class Rebuilder {
 public:
  Rebuilder(Database* from, RecentDb* to) : from_(*from), to_(*to) {}

  absl::Status Run() {
    RONDA_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(to_.db()));
    SaveCatalogue();
    RONDA_RETURN_IF_ERROR(status_);
    SaveBlocks();
    RONDA_RETURN_IF_ERROR(status_);
    SaveRecords();
    RONDA_RETURN_IF_ERROR(status_);
    return transaction.Commit();
  }

  std::string Report(const std::string& path) const {
    return fmt::format(
        "{}: saved {} blocks of samples and {} of records; lost {} that were damaged or whose "
        "source was{}\n",
        path, blocks_, records_, lost_,
        complete_ ? "" : ", and those on pages that are unreadable");
  }

 private:
  void Keep(const absl::Status& status) {
    if (status_.ok()) {
      status_ = status;
    }
  }

  void SaveCatalogue() {
    complete_ &= SalvageRows(&from_, "nodes", "id, data", [&](const Statement& row) {
      const absl::StatusOr<NodeInfo> node = DecodeNodeRow(row.Int(0), row.Bytes(1));
      if (node.ok()) {
        nodes_[row.Int(0)] = node->name;
        Keep(PutCatalogueRow(to_.db(), CatalogueTable::kNodes, row.Int(0), row.Bytes(1)));
      }
    });
    complete_ &= SalvageRows(&from_, "sources", "id, data", [&](const Statement& row) {
      const absl::StatusOr<SourceRow> source = DecodeSourceRow(row.Int(0), row.Bytes(1));
      if (!source.ok()) {
        return;
      }
      if (nodes_.emplace(source->node, source->node_name).second) {
        NodeInfo node;
        node.name = source->node_name;
        node.labels = source->node_labels;
        Keep(PutCatalogueRow(to_.db(), CatalogueTable::kNodes, source->node,
                             EncodeNodeRow(source->node, node)));
      }
      sources_[row.Int(0)] = source->node;
      Keep(PutCatalogueRow(to_.db(), CatalogueTable::kSources, row.Int(0), row.Bytes(1)));
    });
    complete_ &= SalvageRows(&from_, "schemas", "id, data", [&](const Statement& row) {
      if (DecodeSchemaRow(row.Int(0), row.Bytes(1)).ok()) {
        schemas_.insert(row.Int(0));
        Keep(PutCatalogueRow(to_.db(), CatalogueTable::kSchemas, row.Int(0), row.Bytes(1)));
      }
    });
  }

  void SaveBlocks() {
    absl::StatusOr<Statement> put =
        to_.db()->Prepare("INSERT OR IGNORE INTO blocks VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)");
    Keep(put.status());
    complete_ &= SalvageRows(
        &from_, "blocks",
        "id, node, epoch, first_seq, last_seq, source, schema, t_min, t_max, ticks, last_order, "
        "frames, data",
        [&](const Statement& row) {
          const BlockKey key{row.Int(5), row.Int(6), static_cast<uint64_t>(row.Int(2)),
                             static_cast<uint64_t>(row.Int(3)), static_cast<uint64_t>(row.Int(4))};
          const auto source = sources_.find(key.source);
          if (!status_.ok() || source == sources_.end() || source->second != row.Int(1) ||
              !schemas_.contains(key.schema) || !IsWholeBlock(key, row.Bytes(12))) {
            ++lost_;
            return;
          }
          for (int i = 0; i < 11; ++i) {
            put->Bind(i + 1, row.Int(i));
          }
          if (!row.IsNull(11)) {
            put->BindBlob(12, row.Bytes(11));
          }
          Keep(put->BindBlob(13, row.Bytes(12)).Run());
          ++blocks_;
        });
  }

  void SaveRecords() {
    absl::StatusOr<Statement> put =
        to_.db()->Prepare("INSERT OR IGNORE INTO record_blocks VALUES(?,?,?,?,?,?,?,?,?,?)");
    Keep(put.status());
    complete_ &=
        SalvageRows(&from_, "record_blocks",
                    "id, node, epoch, first_seq, last_seq, t_min, t_max, last_order, kind, data",
                    [&](const Statement& row) {
                      RunKey key;
                      key.epoch.id = static_cast<uint64_t>(row.Int(2));
                      key.first_seq = static_cast<uint64_t>(row.Int(3));
                      const auto node = nodes_.find(row.Int(1));
                      if (!status_.ok() || node == nodes_.end() ||
                          !DecodeFrames(node->second, key, row.Bytes(9)).ok()) {
                        ++lost_;
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
                      ++records_;
                    });
  }

  Database& from_;
  RecentDb& to_;
  absl::Status status_;
  bool complete_ = true;
  std::map<int64_t, std::string> nodes_;
  std::map<int64_t, int64_t> sources_;  // and the node of each
  std::set<int64_t> schemas_;
  int64_t blocks_ = 0;
  int64_t records_ = 0;
  int64_t lost_ = 0;
};

}  // namespace

bool IsSoundRecent(const std::string& path) {
  const absl::StatusOr<std::unique_ptr<RecentDb>> db = RecentDb::Open(path);
  if (!db.ok() || !(*db)->Check().ok()) {
    return false;
  }
  return ForEachCatalogueRow(
             (*db)->db(), CatalogueTable::kNodes,
             [](int64_t id, std::string_view data) { return DecodeNodeRow(id, data).status(); })
             .ok() &&
         ForEachCatalogueRow(
             (*db)->db(), CatalogueTable::kSources,
             [](int64_t id, std::string_view data) { return DecodeSourceRow(id, data).status(); })
             .ok() &&
         ForEachCatalogueRow(
             (*db)->db(), CatalogueTable::kSchemas,
             [](int64_t id, std::string_view data) { return DecodeSchemaRow(id, data).status(); })
             .ok();
}

absl::StatusOr<std::string> RebuildRecent(const std::string& path, const std::string& work) {
  RONDA_ASSIGN_OR_RETURN(const std::unique_ptr<RecentDb> to, RecentDb::Open(work + "/recent.db"));
  // The first page is in the file itself, not only in the WAL, once that has been moved.
  RONDA_RETURN_IF_ERROR(to->db()->Checkpoint(true));
  const absl::StatusOr<std::unique_ptr<Database>> from =
      OpenForSalvage(path, work + "/damaged-recent.db", work + "/recent.db");
  if (absl::IsDataLoss(from.status())) {
    return fmt::format("{}: nothing in it can be read; begun anew\n", path);
  }
  RONDA_RETURN_IF_ERROR(from.status());
  Rebuilder rebuilder(from->get(), to.get());
  RONDA_RETURN_IF_ERROR(rebuilder.Run());
  return rebuilder.Report(path);
}

}  // namespace ronda::store
