#include "collector/store/recent_losses.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <tuple>

namespace ronda::store {
namespace {

// Two hours, and the minutes until they are packed, with as much again to spare.
constexpr int64_t kLevelZeroMs = int64_t{3} * 3'600'000;

// Visits all rows; false if some cannot be read.
bool Visit(Database* db, std::string_view sql, const std::function<void(const Statement&)>& visit) {
  absl::StatusOr<Statement> rows = db->Prepare(sql);
  while (rows.ok()) {
    const absl::StatusOr<bool> row = rows->Step();
    if (!row.ok() || !*row) {
      return row.ok();
    }
    visit(*rows);
  }
  return false;
}

int64_t WrittenMs(const std::string& path) {
  int64_t newest_ms = 0;
  for (const char* suffix : {"", "-wal"}) {
    struct stat file {};
    if (stat((path + suffix).c_str(), &file) == 0) {
      newest_ms = std::max(newest_ms, int64_t{file.st_mtim.tv_sec} * 1000);
    }
  }
  return newest_ms;
}

class Losses {
 public:
  Losses(const SavedRecent& saved, std::string path) : saved_(saved), path_(std::move(path)) {}

  // False if the index cannot be read to its end.
  bool OfSamples(Database* db) {
    struct Stretch {
      int64_t from_ms;
      int64_t to_ms;
      bool lost;
    };
    std::map<int64_t, std::vector<Stretch>> of_source;
    const bool whole = Visit(db,
                             "SELECT source, schema, t_max, t_min, id FROM blocks INDEXED BY "
                             "blocks_by_time ORDER BY source, schema, t_max, t_min",
                             [&](const Statement& row) {
                               if (row.Int(3) <= row.Int(2)) {
                                 of_source[row.Int(0)].push_back(
                                     {row.Int(3), row.Int(2), !saved_.blocks.contains(row.Int(4))});
                               }
                             });
    for (auto& [source, blocks] : of_source) {
      std::stable_sort(blocks.begin(), blocks.end(),
                       [](const Stretch& a, const Stretch& b) { return a.from_ms < b.from_ms; });
      for (size_t i = 0; i < blocks.size(); ++i) {
        if (!blocks[i].lost) {
          continue;
        }
        Stretch all = blocks[i];
        for (; i + 1 < blocks.size() && blocks[i + 1].lost; ++i) {
          all.to_ms = std::max(all.to_ms, blocks[i + 1].to_ms);
        }
        const auto of = saved_.sources.find(source);
        const auto& [node, group] =
            of != saved_.sources.end() ? of->second : std::pair<std::string, std::string>();
        Add(fmt::format("blocks of source {} from {}", source, all.from_ms), node, group,
            all.from_ms, all.to_ms, "a damaged recent.db");
      }
    }
    return whole;
  }

  bool OfRecords(Database* db) {
    std::map<int64_t, int64_t> node_of;
    bool whole = Visit(db, "SELECT node, id FROM record_blocks INDEXED BY record_blocks_by_run",
                       [&](const Statement& row) { node_of[row.Int(1)] = row.Int(0); });
    struct Of {
      std::string node;
      std::string kind;
      bool operator<(const Of& o) const { return std::tie(node, kind) < std::tie(o.node, o.kind); }
    };
    std::map<Of, std::pair<int64_t, int64_t>> lost;
    whole &=
        Visit(db,
              "SELECT kind, t_max, t_min, id FROM record_blocks INDEXED BY "
              "record_blocks_by_time",
              [&](const Statement& row) {
                if (saved_.record_blocks.contains(row.Int(3)) || row.Int(2) > row.Int(1)) {
                  return;
                }
                const auto id = node_of.find(row.Int(3));
                const auto node =
                    id == node_of.end() ? saved_.nodes.end() : saved_.nodes.find(id->second);
                const auto [it, is_new] = lost.try_emplace(
                    {node == saved_.nodes.end() ? "" : node->second, std::string(row.Bytes(0))},
                    std::pair(row.Int(2), row.Int(1)));
                it->second.first = std::min(it->second.first, row.Int(2));
                it->second.second = std::max(it->second.second, row.Int(1));
              });
    for (const auto& [of, times] : lost) {
      Add(fmt::format("records {} of {}", of.kind, of.node), of.node, of.kind, times.first,
          times.second, "a damaged recent.db: records");
    }
    return whole;
  }

  void OfUnknown() {
    const int64_t to_ms = std::max(WrittenMs(path_), saved_.newest_ms.value_or(0));
    const int64_t from_ms =
        std::min(to_ms - kLevelZeroMs, saved_.oldest_ms.value_or(to_ms - kLevelZeroMs));
    Add("pages", "", "", from_ms, to_ms, "a damaged recent.db: what of these times was not packed");
  }

  std::vector<CorruptPart> Take() { return std::move(parts_); }

 private:
  void Add(const std::string& what, std::string node, std::string group, int64_t from_ms,
           int64_t to_ms, std::string detail) {
    parts_.push_back({fmt::format("{} {}", path_, what), std::move(node), std::move(group), from_ms,
                      to_ms, std::move(detail)});
  }

  const SavedRecent& saved_;
  const std::string path_;
  std::vector<CorruptPart> parts_;
};

}  // namespace

std::vector<CorruptPart> FindRecentLosses(Database* db, const SavedRecent& saved,
                                          const std::string& path) {
  Losses losses(saved, path);
  const bool samples = db != nullptr && losses.OfSamples(db);
  const bool records = db != nullptr && losses.OfRecords(db);
  if ((!samples && !saved.all_blocks) || (!records && !saved.all_record_blocks)) {
    losses.OfUnknown();
  }
  return losses.Take();
}

}  // namespace ronda::store
