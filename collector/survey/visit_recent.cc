// history/recent.db: a catalogue of its own, blocks of samples and of records.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "collector/store/block.h"
#include "collector/store/block_chunk.h"
#include "collector/store/catalogue_rows.h"
#include "collector/store/run_decode.h"
#include "collector/store/sqlite_recent_db.h"
#include "collector/survey/file_kinds.h"
#include "common/base/status.h"

namespace ronda::survey {
namespace {

using store::Statement;

int64_t Size(std::string_view bytes) { return static_cast<int64_t>(bytes.size()); }

class RecentVisit {
 public:
  RecentVisit(store::RecentDb* recent, FileReport* report) : recent_(*recent), report_(*report) {}

  absl::Status Run(Depth depth) {
    RONDA_RETURN_IF_ERROR(Catalogue());
    RONDA_RETURN_IF_ERROR(Count());
    if (depth == Depth::kCheck) {
      RONDA_RETURN_IF_ERROR(CheckBlocks());
      RONDA_RETURN_IF_ERROR(CheckRecords());
    }
    return absl::OkStatus();
  }

 private:
  struct Source {
    int64_t node = 0;
    std::string node_name;
  };

  absl::Status Rows(std::string_view sql, absl::FunctionRef<void(const Statement& row)> visit) {
    return ForEachRow(recent_.db(), sql, &report_, visit);
  }

  // Messages of the decoders name the row.
  void Note(const absl::Status& status) {
    if (!status.ok()) {
      report_.AddProblem(std::string(Message(status)));
    }
  }

  absl::Status Catalogue() {
    RONDA_RETURN_IF_ERROR(Rows("SELECT id, data FROM nodes", [&](const Statement& row) {
      const auto node = store::DecodeNodeRow(row.Int(0), row.Bytes(1));
      Note(node.status());
      report_.AddPart("catalogue rows", Size(row.Bytes(1)));
      nodes_[row.Int(0)] = node.ok() ? node->name : "";
    }));
    RONDA_RETURN_IF_ERROR(Rows("SELECT id, data FROM sources", [&](const Statement& row) {
      const auto source = store::DecodeSourceRow(row.Int(0), row.Bytes(1));
      Note(source.status());
      report_.AddPart("catalogue rows", Size(row.Bytes(1)));
      sources_[row.Int(0)] = source.ok() ? source->node : 0;
    }));
    return Rows("SELECT id, data FROM schemas", [&](const Statement& row) {
      const auto schema = store::DecodeSchemaRow(row.Int(0), row.Bytes(1));
      Note(schema.status());
      report_.AddPart("catalogue rows", Size(row.Bytes(1)));
      series_[row.Int(0)] = schema.ok() ? schema->series.size() : 0;
    });
  }

  // From what rows say; lengths do not read the content.
  absl::Status Count() {
    RONDA_RETURN_IF_ERROR(
        Rows("SELECT schema, ticks, length(data), coalesce(length(frames), 0), t_min, t_max "
             "FROM blocks",
             [&](const Statement& row) {
               report_.AddPart("blocks", row.Int(2));
               if (row.Int(3) > 0) {
                 report_.AddPart("frames beside blocks", row.Int(3));
               }
               report_.samples += row.Int(1) * static_cast<int64_t>(series_[row.Int(0)]);
               report_.sample_bytes += row.Int(2) + row.Int(3);
               report_.AddTime(row.Int(4));
               report_.AddTime(row.Int(5));
             }));
    RONDA_RETURN_IF_ERROR(
        Rows("SELECT length(data), t_min, t_max FROM record_blocks", [&](const Statement& row) {
          report_.AddPart("record blocks", row.Int(0));
          report_.AddTime(row.Int(1));
          report_.AddTime(row.Int(2));
        }));
    return Rows("SELECT kind, records, bytes FROM removed_records", [&](const Statement& row) {
      report_.removed_records[std::string(row.Bytes(0))] = {row.Int(1), row.Int(2)};
    });
  }

  absl::Status CheckBlocks() {
    return Rows(
        "SELECT id, node, epoch, first_seq, last_seq, source, schema, t_min, t_max, ticks, "
        "last_order, frames, data FROM blocks",
        [&](const Statement& row) {
          const std::string problem = BlockProblem(row);
          if (!problem.empty()) {
            report_.AddProblem(fmt::format("block {} (node {}, times {} to {}): {}", row.Int(0),
                                           NodeName(row.Int(1)), row.Int(7), row.Int(8), problem));
          }
        });
  }

  std::string BlockProblem(const Statement& row) {
    const store::BlockKey key{row.Int(5), row.Int(6), static_cast<uint64_t>(row.Int(2)),
                              static_cast<uint64_t>(row.Int(3)), static_cast<uint64_t>(row.Int(4))};
    const auto source = sources_.find(key.source);
    const auto series = series_.find(key.schema);
    if (source == sources_.end() || source->second != row.Int(1) || series == series_.end()) {
      return "its source or schema is not there";
    }
    const std::string_view data = row.Bytes(12);
    const absl::StatusOr<store::BlockHeader> header = store::DecodeBlockHeader(data);
    if (!header.ok()) {
      return std::string(Message(header.status()));
    }
    if (header->key != key || static_cast<int64_t>(header->t_ms.size()) != row.Int(9) ||
        header->columns() != series->second || header->chunk_offsets.back() != data.size()) {
      return "it is not the one that its row says";
    }
    const auto [least, greatest] = std::minmax_element(header->t_ms.begin(), header->t_ms.end());
    if (least == header->t_ms.end() || *least != row.Int(7) || *greatest != row.Int(8)) {
      return "its times are not those of its row";
    }
    for (size_t i = 0; i < header->columns(); ++i) {
      const size_t offset = header->chunk_offsets[i];
      const size_t end = header->chunk_offsets[i + 1];
      if (end < offset || end > data.size()) {
        return fmt::format("series {}: not within the block", i);
      }
      const auto values =
          store::DecodeChunk(data.substr(offset, end - offset), header->t_ms.size());
      if (!values.ok()) {
        return fmt::format("series {}: {}", i, Message(values.status()));
      }
    }
    if (row.IsNull(11)) {
      return "";
    }
    return FramesProblem(row.Int(1), key.epoch, key.first_seq, row.Bytes(11), false);
  }

  absl::Status CheckRecords() {
    return Rows("SELECT id, node, epoch, first_seq, kind, t_min, t_max, data FROM record_blocks",
                [&](const Statement& row) {
                  const std::string problem =
                      FramesProblem(row.Int(1), static_cast<uint64_t>(row.Int(2)),
                                    static_cast<uint64_t>(row.Int(3)), row.Bytes(7), true);
                  if (!problem.empty()) {
                    report_.AddProblem(fmt::format(
                        "record block {} (node {}, kind {}, times {} to {}): {}", row.Int(0),
                        NodeName(row.Int(1)), row.Bytes(4), row.Int(5), row.Int(6), problem));
                  }
                });
  }

  // A run of frames, decoded to its end.
  std::string FramesProblem(int64_t node, uint64_t epoch, uint64_t first_seq,
                            std::string_view bytes, bool records) {
    const auto name = nodes_.find(node);
    if (name == nodes_.end()) {
      return "its node is not there";
    }
    store::RunKey key;
    key.epoch.id = epoch;
    key.first_seq = first_seq;
    const auto frames = store::DecodeFrames(name->second, key, bytes);
    if (!frames.ok()) {
      return std::string(Message(frames.status()));
    }
    RecordKind kind;
    const size_t decoded = records
                               ? store::DecodeRecords(*frames, &kind, [](size_t, const Record&) {})
                               : store::DecodeSamples(*frames, {}).frames;
    return decoded == frames->size()
               ? ""
               : fmt::format("frame {} of {} cannot be decoded", decoded + 1, frames->size());
  }

  std::string NodeName(int64_t node) const {
    const auto name = nodes_.find(node);
    return name == nodes_.end() ? std::to_string(node) : name->second;
  }

  store::RecentDb& recent_;
  FileReport& report_;
  std::map<int64_t, std::string> nodes_;
  std::map<int64_t, int64_t> sources_;  // and the node of each
  std::map<int64_t, size_t> series_;    // of each schema
};

}  // namespace

absl::Status VisitRecent(std::unique_ptr<store::Database> db, Depth depth, FileReport* report) {
  RONDA_ASSIGN_OR_RETURN(const auto recent, store::RecentDb::Wrap(std::move(db)));
  return RecentVisit(recent.get(), report).Run(depth);
}

}  // namespace ronda::survey
