// A data folder for the tests of backups: a store that is open, and closed history files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "collector/store/catalogue_rows.h"
#include "collector/store/sqlite_catalogue_tables.h"
#include "collector/store/sqlite_segment_db.h"
#include "collector/store/store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/collector/store/frame_maker.h"

namespace ronda::backup {

class DataFolder {
 public:
  explicit DataFolder(std::string dir) : dir_(std::move(dir)) { Open(); }

  void Open() {
    store::Store::Options options;
    options.dir = dir_;
    options.manual_seal = true;
    options.commit_interval_ms = 0;
    auto opened = store::Store::Open(options, clock_);
    ASSERT_OK(opened);
    store_ = *std::move(opened);
    ASSERT_OK(store_->AddSchema(schema_));
    store::NodeInfo info;
    info.name = "web1";
    ASSERT_OK_AND_ASSIGN(node_, store_->PutNode(info));
    static uint64_t epochs = 0;
    epoch_ = ++epochs;
    seq_ = 0;
    maker_ = std::make_unique<store::FrameMaker>(1, GroupIdentity{"host", "node", ""});
    maker_->StartRun(schema_);
  }
  void Close() { store_.reset(); }

  // Ticks that are acknowledged when this returns.
  void Append(int ticks) {
    for (int i = 0; i < ticks; ++i) {
      const std::vector<double> values = {static_cast<double>(ticks_), 0.25, 1e9};
      store::Batch batch;
      batch.node = node_;
      batch.epoch = {epoch_, 1};
      batch.frames.push_back(maker_->Make(++seq_, TimeOf(ticks_), values));
      batch.state.push_back({"alert", "key", "value"});
      ASSERT_OK(store_->Append(std::move(batch)));
      ++ticks_;
    }
    ASSERT_OK(store_->Flush(20'000));
  }
  // A gap record of each of the times, durable when this returns.
  void AppendGaps(const std::vector<int64_t>& t_ms) {
    store::RecordMaker maker(2, GapRecord());
    for (const int64_t t : t_ms) {
      const Record gap{t, {t - 1, t, std::string(), std::string("test"), std::string()}};
      store::Batch batch;
      batch.node = node_;
      batch.epoch = {epoch_, 1};
      batch.frames.push_back(maker.Make(++seq_, {&gap, 1}));
      ASSERT_OK(store_->Append(std::move(batch)));
    }
    ASSERT_OK(store_->Flush(20'000));
  }
  // Everything that is sealed to packed rows.
  void Compact() { ASSERT_OK(store_->CompactNow()); }
  // Everything to blocks, and the journal trimmed.
  void Seal() {
    clock_.Advance(200'000);
    ASSERT_OK(store_->SealNow());
  }

  // A closed file of level 1; `content` makes another file of it.
  void WriteHistory(const std::string& name, const std::string& content) {
    const std::string path = dir_ + "/history/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    ASSERT_OK_AND_ASSIGN(const auto segment, store::SegmentDb::Open(path));
    store::SourceRow row;
    row.node_name = content;
    ASSERT_OK_AND_ASSIGN(const int64_t sources,
                         segment->db()->QueryInt("SELECT count(*) FROM sources"));
    ASSERT_OK(store::PutCatalogueRow(segment->db(), store::CatalogueTable::kSources, sources + 1,
                                     store::EncodeSourceRow(sources + 1, row)));
  }

  const std::string& dir() const { return dir_; }
  store::Store& store() { return *store_; }
  const Clock& clock() const { return clock_; }
  int ticks() const { return ticks_; }

  static int64_t TimeOf(int tick) { return 1'795'132'800'000 + int64_t{tick} * 1000; }

  // How many of the first `ticks` ticks a folder holds, with their values.
  int CountIn(const std::string& dir, int ticks) const {
    auto store = store::Store::OpenReadOnly(dir, clock_);
    EXPECT_OK(store);
    if (!store.ok()) {
      return -1;
    }
    std::map<int64_t, double> found;
    EXPECT_OK((*store)->Select({Matcher::Equal("__name__", "m0")}, 0,
                               std::numeric_limits<int64_t>::max(),
                               [&](const store::SeriesView& view) {
                                 for (size_t i = 0; i < view.t_ms.size(); ++i) {
                                   found[view.t_ms[i]] = view.values[i];
                                 }
                                 return true;
                               }));
    int n = 0;
    for (int tick = 0; tick < ticks; ++tick) {
      const auto it = found.find(TimeOf(tick));
      n += it != found.end() && it->second == static_cast<double>(tick) ? 1 : 0;
    }
    return n;
  }

 private:
  const std::string dir_;
  FakeClock clock_;
  std::shared_ptr<const Schema> schema_ = store::GaugeSchema(3);
  std::unique_ptr<store::Store> store_;
  store::NodeId node_ = 0;
  uint64_t epoch_ = 0;
  uint64_t seq_ = 0;
  int ticks_ = 0;
  std::unique_ptr<store::FrameMaker> maker_;
};

}  // namespace ronda::backup
