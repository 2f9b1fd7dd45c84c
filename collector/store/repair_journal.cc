#include "collector/store/repair_journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "collector/store/catalogue_rows.h"
#include "collector/store/journal_row.h"
#include "collector/store/replay.h"
#include "collector/store/sqlite_catalogue_tables.h"
#include "collector/store/sqlite_journal_db.h"
#include "collector/store/sqlite_recent_db.h"
#include "collector/store/sqlite_salvage.h"
#include "common/base/status.h"
#include "common/codec/sample_run.h"
#include "common/codec/schema_codec.h"

namespace ronda::store {
namespace {

class Rebuilder {
 public:
  Rebuilder(Database* from, JournalDb* to) : from_(*from), to_(*to) {}

  absl::Status Run(const std::string& recent) {
    ReadCatalogue();
    ReadJournal();
    ReadEpochsAndState();
    ReadHistory(recent);
    MendCatalogue();
    return Write();
  }

  std::string Report(const std::string& path) const {
    std::string out = fmt::format(
        "{}: saved {} rows of the journal with {} frames, {} nodes, {} sources, {} schemas, {} "
        "epochs and {} values of state\n",
        path, rows_.size(), frames_, nodes_.size(), sources_.size(), schemas_.size(),
        epochs_.size(), state_.size());
    if (damaged_ > 0) {
      out += fmt::format("{} rows had a wrong checksum and are lost\n", damaged_);
    }
    if (!complete_) {
      out += "rows on pages that cannot be read are lost\n";
    }
    if (mended_ > 0) {
      out += fmt::format("{} rows of the catalogue were made again\n", mended_);
    }
    return out;
  }

 private:
  template <typename Row>
  void Take(absl::StatusOr<Row> row, int64_t id, std::map<int64_t, Row>* rows) {
    if (row.ok()) {
      (*rows)[id] = std::move(*row);
    } else {
      ++damaged_;
    }
  }

  void ReadCatalogue() {
    complete_ &= SalvageRows(&from_, "nodes", "id, data", [&](const Statement& row) {
      Take(DecodeNodeRow(row.Int(0), row.Bytes(1)), row.Int(0), &nodes_);
    });
    complete_ &= SalvageRows(&from_, "sources", "id, data", [&](const Statement& row) {
      Take(DecodeSourceRow(row.Int(0), row.Bytes(1)), row.Int(0), &sources_);
    });
    complete_ &= SalvageRows(&from_, "schemas", "id, data", [&](const Statement& row) {
      Take(DecodeSchemaRow(row.Int(0), row.Bytes(1)), row.Int(0), &schemas_);
    });
  }

  void ReadJournal() {
    complete_ &= SalvageRows(&from_, "journal", "id, batch", [&](const Statement& statement) {
      const int64_t id = statement.Int(0);
      const absl::StatusOr<JournalRow> row = DecodeJournalRow(id, statement.Bytes(1));
      if (!row.ok()) {
        ++damaged_;
        return;
      }
      frames_ += row->frames.size();
      next_order_ = std::max(next_order_, row->first_order + row->frames.size());
      for (const JournalFrame& frame : row->frames) {
        const JournalRun& run = row->runs[frame.run];
        if (run.schema != 0 && frame.seq == run.key.first_seq) {
          key_frames_.push_back({run, std::string(frame.bytes)});
        }
      }
      rows_[id] = std::string(statement.Bytes(1));
    });
  }

  void ReadEpochsAndState() {
    complete_ &= SalvageKeyed(
        &from_, "epochs", "node, epoch, data", "node, epoch", [&](const Statement& row) {
          const absl::StatusOr<EpochRow> epoch =
              DecodeEpochRow(row.Int(0), static_cast<uint64_t>(row.Int(1)), row.Bytes(2));
          if (epoch.ok()) {
            epochs_.emplace_back(row.Int(0), *epoch);
          } else {
            ++damaged_;
          }
        });
    complete_ &=
        SalvageKeyed(&from_, "state", "space, key, value", "space, key", [&](const Statement& row) {
          const std::optional<std::string_view> value =
              JournalDb::StateValue(row.Bytes(0), row.Bytes(1), row.Bytes(2));
          if (value) {
            state_.push_back(
                {std::string(row.Bytes(0)), std::string(row.Bytes(1)), std::string(*value)});
          } else {
            ++damaged_;
          }
        });
    for (const auto& [key, value] :
         {std::pair(kMetaLastCommit, &last_commit_), std::pair(kMetaNextOrder, &meta_order_)}) {
      const absl::StatusOr<int64_t> read = JournalDb::ReadMeta(&from_, key, 0);
      if (read.ok()) {
        *value = *read;
      } else {
        ++damaged_;
      }
    }
  }

  void ReadHistory(const std::string& path) {
    const absl::StatusOr<std::unique_ptr<RecentDb>> recent = RecentDb::Open(path);
    if (!recent.ok()) {
      return;
    }
    // What cannot be read is not there: the report says what is missing in the end.
    (void)ForEachCatalogueRow((*recent)->db(), CatalogueTable::kSchemas,
                              [&](int64_t id, std::string_view data) -> absl::Status {
                                const absl::StatusOr<Schema> schema = DecodeSchemaRow(id, data);
                                if (schema.ok()) {
                                  in_history_[codec::HashSchema(*schema)] = *schema;
                                }
                                return absl::OkStatus();
                              });
    const absl::StatusOr<uint64_t> last = (*recent)->LastOrder();
    if (last.ok()) {
      next_order_ = std::max(next_order_, *last + 1);
    }
  }

  void MendCatalogue() {
    for (const auto& [id, source] : sources_) {
      if (!nodes_.contains(source.node)) {
        NodeInfo node;
        node.name = source.node_name;
        node.labels = source.node_labels;
        nodes_[source.node] = std::move(node);
        ++mended_;
      }
    }
    for (const auto& [run, bytes] : key_frames_) {
      codec::SampleRunDecoder decoder;
      if (!decoder.Decode(bytes).ok()) {
        continue;
      }
      const auto node = nodes_.find(run.key.node);
      if (!sources_.contains(run.source) && node != nodes_.end()) {
        sources_[run.source] = {run.key.node, node->second.name, decoder.identity(),
                                node->second.labels};
        ++mended_;
      }
      const auto schema = in_history_.find(decoder.schema_hash());
      if (!schemas_.contains(run.schema) && schema != in_history_.end()) {
        schemas_[run.schema] = schema->second;
        ++mended_;
      }
    }
    std::erase_if(sources_,
                  [&](const auto& source) { return !nodes_.contains(source.second.node); });
  }

  absl::Status Write() {
    CommitContent catalogue;
    using Table = CatalogueWrite::Table;
    for (const auto& [id, node] : nodes_) {
      catalogue.catalogue.push_back({Table::kNode, id, EncodeNodeRow(id, node)});
    }
    for (const auto& [id, source] : sources_) {
      catalogue.catalogue.push_back({Table::kSource, id, EncodeSourceRow(id, source)});
    }
    for (const auto& [id, schema] : schemas_) {
      catalogue.catalogue.push_back({Table::kSchema, id, EncodeSchemaRow(id, schema)});
    }
    catalogue.state = state_;
    RONDA_RETURN_IF_ERROR(to_.Commit(catalogue));
    TrimContent trim;
    // Numbers of rows that were there once are not used again.
    trim.through_commit = std::max(last_commit_, rows_.empty() ? 0 : rows_.begin()->first - 1);
    trim.next_order = std::max(next_order_, static_cast<uint64_t>(meta_order_));
    trim.epochs = epochs_;
    RONDA_RETURN_IF_ERROR(to_.Trim(trim));
    for (const auto& [id, row] : rows_) {
      CommitContent content;
      content.commit = id;
      content.row = row;
      RONDA_RETURN_IF_ERROR(to_.Commit(content));
    }
    return absl::OkStatus();
  }

  Database& from_;
  JournalDb& to_;
  bool complete_ = true;
  std::map<int64_t, NodeInfo> nodes_;
  std::map<int64_t, SourceRow> sources_;
  std::map<int64_t, Schema> schemas_;
  std::map<int64_t, std::string> rows_;
  std::vector<std::pair<JournalRun, std::string>> key_frames_;
  std::vector<std::pair<NodeId, EpochRow>> epochs_;
  std::vector<StateWrite> state_;
  std::map<SchemaHash, Schema> in_history_;
  int64_t last_commit_ = 0;
  int64_t meta_order_ = 0;
  uint64_t next_order_ = 1;
  uint64_t frames_ = 0;
  int64_t damaged_ = 0;
  int64_t mended_ = 0;
};

}  // namespace

bool IsSoundJournal(const std::string& path, bool rows) {
  std::error_code error;
  if (std::filesystem::file_size(path, error) == 0) {
    return false;  // cut to nothing
  }
  const absl::StatusOr<std::unique_ptr<JournalDb>> db = JournalDb::Open(path, 0);
  if (!db.ok() || !(*db)->Check().ok()) {
    return false;
  }
  Catalogue catalogue;
  bool sound = true;
  if (rows) {
    const absl::Status read =
        (*db)->ForEachJournalRow([&](int64_t id, std::string_view bytes) -> absl::Status {
          sound = sound && DecodeJournalRow(id, bytes).ok();
          return absl::OkStatus();
        });
    sound = sound && read.ok();
  }
  return sound && LoadCatalogue(db->get(), &catalogue).ok() &&
         (*db)->Meta(kMetaLastCommit, 0).ok() && (*db)->Meta(kMetaNextOrder, 0).ok() &&
         (*db)
             ->ForEachEpoch([](NodeId node, uint64_t epoch, std::string_view data) {
               return DecodeEpochRow(node, epoch, data).status();
             })
             .ok();
}

absl::StatusOr<std::string> RebuildJournal(const std::string& path, const std::string& recent,
                                           const std::string& work) {
  RONDA_ASSIGN_OR_RETURN(const std::unique_ptr<JournalDb> to,
                         JournalDb::Open(work + "/ronda.db", 0));
  RONDA_RETURN_IF_ERROR(to->db()->Checkpoint(true));
  const absl::StatusOr<std::unique_ptr<Database>> from =
      OpenForSalvage(path, work + "/damaged-ronda.db", work + "/ronda.db");
  if (absl::IsDataLoss(from.status())) {
    return fmt::format(
        "{}: nothing in it can be read; the collector makes the catalogue from the "
        "history\n",
        path);
  }
  RONDA_RETURN_IF_ERROR(from.status());
  Rebuilder rebuilder(from->get(), to.get());
  RONDA_RETURN_IF_ERROR(rebuilder.Run(recent));
  return rebuilder.Report(path);
}

}  // namespace ronda::store
