#include "collector/store/repair_segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "collector/store/catalogue_rows.h"
#include "collector/store/rollup.h"
#include "collector/store/segment_catalogue.h"
#include "collector/store/segment_row.h"
#include "collector/store/sqlite_salvage.h"
#include "collector/store/sqlite_segment_db.h"
#include "common/base/status.h"
#include "common/codec/schema_codec.h"

namespace ronda::store {
namespace {

bool IsWholeChunk(std::string_view chunk, const SegmentHeader& header, bool rollups) {
  if (chunk.empty()) {
    return true;
  }
  if (!rollups) {
    return DecodeSegmentChunk(chunk, header.t_ms.size(), 0, header.t_ms.size()).ok();
  }
  const absl::StatusOr<std::string_view> body = RollupBody(chunk);
  return body.ok() && DecodeRollup(*body, header.t_ms).ok();
}

// Samples of a series, by time; the first that comes stays.
using Column = std::map<int64_t, double>;

absl::Status AddColumns(SegmentDb* db, const SourceSchema& pair, int64_t window,
                        std::vector<Column>* columns) {
  std::vector<uint32_t> all(columns->size());
  for (size_t i = 0; i < all.size(); ++i) {
    all[i] = static_cast<uint32_t>(i);
  }
  RONDA_ASSIGN_OR_RETURN(const std::vector<SegmentRowInfo> rows,
                         db->FindRows(pair.source->id, pair.schema->id, WindowStartMs(window) + 1,
                                      WindowEndMs(window)));
  BlobCursor blobs = db->Blobs();
  for (const SegmentRowInfo& row : rows) {
    // What is damaged has been told of.
    (void)db->ReadRow(row, WindowStartMs(window) + 1, WindowEndMs(window), all, &blobs,
                      [&](const std::shared_ptr<const std::vector<int64_t>>& t_ms, size_t index,
                          absl::StatusOr<SegmentColumn> column) {
                        size_t value = 0;
                        for (size_t tick = 0; column.ok() && tick < t_ms->size(); ++tick) {
                          if (column->present.empty() || column->present[tick]) {
                            (*columns)[index].emplace((*t_ms)[tick], column->values[value++]);
                          }
                        }
                      });
  }
  return absl::OkStatus();
}

// Reads all that can be reached of a file, and writes it into another one if there is one.
class Salvage {
 public:
  Salvage(const SegmentName& name, Database* from, SegmentDb* to, SegmentCatalogue* of_target)
      : name_(name), from_(*from), to_(to), of_target_(of_target) {}

  absl::Status Run() {
    ReadCatalogue();
    complete_ &= SalvageRows(&from_, "rows",
                             "id, source, schema, window, first_series, series, t_min, t_max, data",
                             [&](const Statement& row) {
                               seen_.insert(row.Int(0));
                               SaveRow(row);
                             });
    if (!complete_) {
      FindUnreachable();
    }
    return status_;
  }

  bool complete() const { return complete_ && lost_.empty(); }
  int64_t rows() const { return rows_; }
  std::vector<CorruptPart> TakeLost() { return std::move(lost_); }
  // Pairs and windows that the target had rows of before.
  struct Overlap {
    SourceSchema pair;    // of this file
    SourceSchema target;  // of the other
    int64_t window = 0;
  };
  const std::vector<Overlap>& overlaps() const { return overlaps_; }

 private:
  void ReadCatalogue() {
    complete_ &= SalvageRows(&from_, "sources", "id, data", [&](const Statement& row) {
      absl::StatusOr<SourceRow> source = DecodeSourceRow(row.Int(0), row.Bytes(1));
      complete_ &= source.ok();
      if (source.ok()) {
        sources_[row.Int(0)] = NewSourceEntry(row.Int(0), std::move(*source));
      }
    });
    complete_ &= SalvageRows(&from_, "schemas", "id, data", [&](const Statement& row) {
      absl::StatusOr<Schema> schema = DecodeSchemaRow(row.Int(0), row.Bytes(1));
      complete_ &= schema.ok();
      if (schema.ok()) {
        const SchemaHash hash = codec::HashSchema(*schema);
        schemas_[row.Int(0)] =
            NewSchemaEntry(row.Int(0), hash, std::make_shared<const Schema>(std::move(*schema)));
      }
    });
  }

  std::shared_ptr<const SourceEntry> SourceOf(int64_t id) const {
    const auto it = sources_.find(id);
    return it == sources_.end() ? nullptr : it->second;
  }

  void Lose(int64_t source_id, int64_t window, const std::string& what) {
    const std::shared_ptr<const SourceEntry> source = SourceOf(source_id);
    const bool known = name_.span.Holds(window);
    lost_.push_back({fmt::format("{}: {} of window {}", name_.file, what, window),
                     source != nullptr ? source->row.node_name : "",
                     source != nullptr ? source->row.group.name : "",
                     known ? WindowStartMs(window) + 1 : name_.span.start_ms() + 1,
                     known ? WindowEndMs(window) : name_.span.end_ms(),
                     fmt::format("{}: {}", name_.file, what), !name_.rollups});
  }

  void SaveRow(const Statement& row) {
    const SegmentRowKey key{row.Int(1), row.Int(2), row.Int(3), static_cast<uint32_t>(row.Int(4)),
                            static_cast<uint32_t>(row.Int(5))};
    const std::string_view data = row.Bytes(8);
    const absl::StatusOr<SegmentHeader> header = DecodeSegmentHeader(data);
    // The header is under a checksum, the row is not.
    const SegmentRowKey& right = header.ok() ? header->key : key;
    const std::shared_ptr<const SourceEntry> source = SourceOf(right.source);
    const auto schema = schemas_.find(right.schema);
    const bool sound =
        header.ok() && source != nullptr && schema != schemas_.end() && !header->t_ms.empty() &&
        header->chunk_offsets.back() == data.size() && name_.span.Holds(right.window) &&
        WindowOf(header->t_ms.front()) == right.window &&
        WindowOf(header->t_ms.back()) == right.window &&
        uint64_t{right.first_series} + right.series <= schema->second->schema->series.size();
    if (!sound) {
      Lose(right.source, right.window,
           fmt::format("a row of {} series from {} on", right.series, right.first_series));
      return;
    }
    complete_ &=
        right == key && header->t_ms.front() == row.Int(6) && header->t_ms.back() == row.Int(7);
    const SourceSchema pair{source, schema->second};
    PackedRow packed{right.first_series, {}, {}};
    for (size_t i = 0; i < right.series; ++i) {
      const size_t offset = header->chunk_offsets[i];
      const std::string_view chunk = data.substr(offset, header->chunk_offsets[i + 1] - offset);
      const bool whole = IsWholeChunk(chunk, *header, name_.rollups);
      if (!whole) {
        Lose(right.source, right.window,
             SeriesLabels(*source, *schema->second, right.first_series + i).ToString());
      }
      packed.sizes.push_back(whole ? chunk.size() : 0);
      packed.chunks += whole ? chunk : std::string_view();
    }
    ++rows_;
    if (to_ != nullptr && status_.ok()) {
      status_ = Put(pair, *header, packed);
    }
  }

  absl::Status Put(const SourceSchema& pair, const SegmentHeader& header, const PackedRow& row) {
    RONDA_ASSIGN_OR_RETURN(const SourceSchema target, of_target_->Put(to_, pair));
    const auto place = std::tuple(target.source->id, target.schema->id, header.key.window);
    if (overlapping_.contains(place)) {
      return absl::OkStatus();
    }
    if (!written_.contains(place)) {
      RONDA_ASSIGN_OR_RETURN(
          const std::vector<SegmentRowInfo> there,
          to_->FindRows(target.source->id, target.schema->id, WindowStartMs(header.key.window) + 1,
                        WindowEndMs(header.key.window)));
      if (!there.empty()) {
        overlapping_.insert(place);
        overlaps_.push_back({pair, target, header.key.window});
        return absl::OkStatus();
      }
      written_.insert(place);
    }
    return to_->AddRows(target.source->id, target.schema->id, header.key.window, header.t_ms,
                        {&row, 1});
  }

  // The index knows rows whose pages are damaged.
  void FindUnreachable() {
    const size_t before = lost_.size();
    absl::StatusOr<Statement> rows = from_.Prepare(
        "SELECT id, source, window, first_series FROM rows INDEXED BY rows_by_pair "
        "ORDER BY source, schema, window, first_series");
    absl::Status status = rows.status();
    while (status.ok()) {
      const absl::StatusOr<bool> more = rows->Step();
      status = more.status();
      if (status.ok() && !*more) {
        return;
      }
      if (status.ok() && !seen_.contains(rows->Int(0))) {
        Lose(
            rows->Int(1), rows->Int(2),
            fmt::format("a row of series from {} on, on a page that cannot be read", rows->Int(3)));
      }
    }
    if (lost_.size() == before) {
      Lose(0, 0, "rows on pages that cannot be read");
    }
  }

  const SegmentName& name_;
  Database& from_;
  SegmentDb* const to_;
  SegmentCatalogue* const of_target_;
  absl::Status status_;
  bool complete_ = true;
  std::map<int64_t, std::shared_ptr<const SourceEntry>> sources_;
  std::map<int64_t, std::shared_ptr<const SchemaEntry>> schemas_;
  std::set<int64_t> seen_;
  std::set<std::tuple<int64_t, int64_t, int64_t>> written_;
  std::set<std::tuple<int64_t, int64_t, int64_t>> overlapping_;
  std::vector<Overlap> overlaps_;
  std::vector<CorruptPart> lost_;
  int64_t rows_ = 0;
};

// Writes the samples of a pair and window that both files have.
absl::Status Merge(const Salvage::Overlap& overlap, SegmentDb* from, SegmentDb* to) {
  const size_t series = overlap.target.schema->schema->series.size();
  std::vector<Column> columns(series);
  RONDA_RETURN_IF_ERROR(AddColumns(to, overlap.target, overlap.window, &columns));
  RONDA_RETURN_IF_ERROR(AddColumns(from, overlap.pair, overlap.window, &columns));
  std::set<int64_t> times;
  for (const Column& column : columns) {
    for (const auto& [t, value] : column) {
      times.insert(t);
    }
  }
  if (times.empty()) {
    return absl::OkStatus();
  }
  const std::vector<int64_t> t_ms(times.begin(), times.end());
  RowPacker packer;
  for (const Column& column : columns) {
    SegmentColumn out;
    for (const int64_t t : t_ms) {
      const auto it = column.find(t);
      out.present.push_back(it != column.end());
      if (it != column.end()) {
        out.values.push_back(it->second);
      }
    }
    if (out.values.size() == t_ms.size()) {
      out.present.clear();
    }
    packer.Add(out);
  }
  const std::vector<PackedRow> rows = packer.Take(t_ms);
  return to->ReplaceRows(overlap.target.source->id, overlap.target.schema->id, overlap.window, t_ms,
                         rows);
}

}  // namespace

bool IsSoundSegment(const std::string& path, const SegmentName& name) {
  if (!SegmentDb::CheckHead(path).ok()) {
    return false;
  }
  const absl::StatusOr<std::unique_ptr<SegmentDb>> db = SegmentDb::Open(path);
  if (!db.ok()) {
    return false;
  }
  absl::StatusOr<Statement> check = (*db)->db()->Prepare("PRAGMA integrity_check(1)");
  const absl::StatusOr<bool> row = check.ok() ? check->Step() : check.status();
  if (!row.ok() || !*row || check->Bytes(0) != "ok") {
    return false;
  }
  Salvage visit(name, (*db)->db(), nullptr, nullptr);
  return visit.Run().ok() && visit.complete();
}

absl::StatusOr<SegmentRepair> RebuildSegment(std::span<const std::string> paths,
                                             const SegmentName& name, const std::string& work) {
  SegmentRepair repair;
  const std::string fresh = work + "/segment.db";
  RONDA_ASSIGN_OR_RETURN(const std::unique_ptr<SegmentDb> to, SegmentDb::Open(fresh));
  RONDA_RETURN_IF_ERROR(to->db()->Checkpoint(true));
  SegmentCatalogue catalogue;
  for (const std::string& path : paths) {
    const std::string file = std::filesystem::path(path).filename().string();
    absl::StatusOr<std::unique_ptr<Database>> from =
        OpenForSalvage(path, work + "/damaged-segment.db", fresh);
    if (absl::IsDataLoss(from.status())) {
      repair.report += fmt::format("{}: nothing in it can be read\n", path);
      repair.lost.push_back({path, "", "", name.span.start_ms() + 1, name.span.end_ms(),
                             fmt::format("{}: nothing in it can be read", name.file),
                             !name.rollups});
      continue;
    }
    RONDA_RETURN_IF_ERROR(from.status());
    RONDA_ASSIGN_OR_RETURN(const auto read, SegmentDb::Wrap(std::move(*from), false));
    RONDA_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(to->db()));
    Salvage salvage(name, read->db(), to.get(), &catalogue);
    RONDA_RETURN_IF_ERROR(salvage.Run());
    for (const Salvage::Overlap& overlap : salvage.overlaps()) {
      if (!name.rollups) {  // those of the first file are of most samples
        RONDA_RETURN_IF_ERROR(Merge(overlap, read.get(), to.get()));
      }
    }
    RONDA_RETURN_IF_ERROR(transaction.Commit());
    const std::vector<CorruptPart> lost = salvage.TakeLost();
    repair.report += fmt::format("{}: saved {} rows; lost {}\n", path, salvage.rows(),
                                 lost.empty() ? "none" : fmt::format("{} parts", lost.size()));
    for (const CorruptPart& part : lost) {
      repair.report +=
          fmt::format("lost: {}, node {}, group {}, {} to {}\n", part.detail,
                      part.node.empty() ? "unknown" : part.node,
                      part.group.empty() ? "unknown" : part.group, part.from_ms, part.to_ms);
      if (part.lost_samples) {
        repair.lost.push_back(part);
      }
    }
  }
  // The new file is whole without its -wal.
  RONDA_RETURN_IF_ERROR(to->db()->Execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  return repair;
}

}  // namespace ronda::store
