// Records in the store against a list, over random appends, seals, packing, restarts and kills; and
// what the retention may and may not take.
//
// RONDA_SEED=n runs one seed; RONDA_LONG=1 runs many more.

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "collector/store/record_block.h"
#include "collector/store/store.h"
#include "common/base/status.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/store/frame_maker.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kForever = std::numeric_limits<int64_t>::max();
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kT0 = 1'795'132'800'000;

// A record and its node, in order of arrival.
struct Told {
  std::string node;
  Record record;
};

bool IsSame(const Told& a, const Told& b) {
  return a.node == b.node && store::IsSame({0, 0, a.record}, {0, 0, b.record});
}

// The frames of one kind of one epoch.
struct Sender {
  size_t node = 0;
  size_t kind = 0;
  Epoch epoch;
  std::unique_ptr<uint64_t> next_seq;
  std::unique_ptr<RecordMaker> maker;
};

class RecordsAgainstAList {
 public:
  explicit RecordsAgainstAList(uint64_t seed) : random_(seed), limited_(seed % 4 == 0) {
    options_.dir = dir_.File("data0");
    options_.manual_seal = true;
    options_.commit_interval_ms = 0;
    options_.seal_after_ms = 100'000;
    clock_.Advance(kT0 - clock_.NowMs());
    if (limited_) {
      options_.records.others.keep_ms = 10 * kDayMs;
      options_.records.kinds["all"].keep_ms = 3 * kDayMs;
    }
  }

  void Run() {
    Open();
    for (int step = 0; step < 60 && !::testing::Test::HasFailure(); ++step) {
      Step();
    }
    Flush();
    Compare("at the end");
    clock_.Advance(200'000);
    ASSERT_OK(store_->SealNow());
    ASSERT_OK(store_->CompactNow());
    Compare("packed");
    ASSERT_OK(store_->CompactNow());
    Compare("packed twice");
    Restart();
    Compare("packed, and after a restart");
    store_.reset();
    ASSERT_OK_AND_ASSIGN(store_, Store::OpenReadOnly(options_.dir, clock_));
    Compare("for reading only");
  }

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }

  static const std::vector<RecordKind>& Kinds() {
    static const std::vector<RecordKind> kKinds = {
        {"ints", {{"a", ColumnType::kInt}, {"b", ColumnType::kInt}}},
        {"texts", {{"a", ColumnType::kString}, {"b", ColumnType::kString}}},
        {"all", {{"i", ColumnType::kInt}, {"d", ColumnType::kDouble}, {"s", ColumnType::kString}}},
        {"none", {}}};
    return kKinds;
  }

  void Open() {
    ASSERT_OK_AND_ASSIGN(store_, Store::Open(options_, clock_));
    for (size_t i = 0; i < 2; ++i) {
      NodeInfo node;
      node.name = "node" + std::to_string(i);
      ASSERT_OK_AND_ASSIGN(nodes_[i], store_->PutNode(node));
    }
  }
  void Restart() {
    store_.reset();
    Open();
  }
  void Flush() { ASSERT_OK(store_->Flush(20'000)); }

  void Step() {
    const uint64_t dice = Below(100);
    if (dice < 65) {
      AppendSome();
    } else if (dice < 75) {
      clock_.Advance(static_cast<int64_t>(Below(150'000)));
      Flush();
      ASSERT_OK(store_->SealNow());
    } else if (dice < 83) {
      Flush();
      ASSERT_OK(store_->CompactNow());
    } else if (dice < 88) {
      Compare("in between");
    } else if (dice < 92) {
      Restart();
      Compare("after a restart");
    } else if (dice < 96) {
      Kill();
    } else {
      clock_.Advance(static_cast<int64_t>(Below(2 * kDayMs)));
    }
  }

  std::string RandomText() {
    switch (Below(8)) {
      case 0:
        return "";
      case 1:
        return std::string(Below(codec::kMaxRecordTextBytes + 1) / (1 + Below(50)), 'x');
      case 2:
      case 3: {
        std::string bytes(Below(30), '\0');
        for (char& c : bytes) {
          c = static_cast<char>(Below(256));
        }
        return bytes;
      }
      default:
        return "text" + std::to_string(Below(1 + Below(1000)));
    }
  }

  RecordValue RandomValue(ColumnType type) {
    switch (type) {
      case ColumnType::kInt:
        return static_cast<int64_t>(Below(2) == 0 ? random_() : Below(10));
      case ColumnType::kDouble:
        return Below(3) == 0 ? std::bit_cast<double>(random_())
                             : static_cast<double>(Below(1000)) / 10;
      case ColumnType::kString:
        return RandomText();
    }
    return int64_t{0};
  }

  int64_t RandomTime() {
    switch (Below(10)) {
      case 0:
        return limited_ ? clock_.NowMs() : static_cast<int64_t>(random_());
      case 1:
        return clock_.NowMs() / kHourMs * kHourMs - static_cast<int64_t>(Below(2));
      case 2:
        return clock_.NowMs() - static_cast<int64_t>(Below(9 * kDayMs));
      default:
        return clock_.NowMs() - static_cast<int64_t>(Below(3 * kHourMs));
    }
  }

  std::vector<Record> RandomRecords(const RecordKind& kind) {
    std::vector<Record> rows(1 + Below(Below(5) == 0 ? 100 : 4));
    for (size_t i = 0; i < rows.size(); ++i) {
      if (i > 0 && Below(6) == 0) {
        rows[i] = rows[i - 1];  // says the same, and is another
        continue;
      }
      rows[i].t_ms = RandomTime();
      for (const RecordColumn& column : kind.columns) {
        rows[i].values.push_back(RandomValue(column.type));
      }
    }
    for (Record& row : rows) {
      for (RecordValue& value : row.values) {
        if (auto* text = std::get_if<std::string>(&value); text != nullptr && rows.size() > 20) {
          text->resize(std::min<size_t>(text->size(), 2000));
        }
      }
    }
    return rows;
  }

  void AppendSome() {
    if (senders_.empty() || Below(8) == 0) {
      Sender sender;
      sender.node = Below(2);
      sender.kind = Below(Kinds().size());
      sender.epoch = {random_(), clock_.NowMs()};
      sender.next_seq = std::make_unique<uint64_t>(1);
      senders_.push_back(std::move(sender));
    }
    Sender& sender = senders_[Below(senders_.size())];
    const RecordKind& kind = Kinds()[sender.kind];
    if (sender.maker == nullptr || Below(4) == 0) {
      sender.maker = std::make_unique<RecordMaker>(1, kind);
    }
    Batch batch;
    batch.node = nodes_[sender.node];
    batch.epoch = sender.epoch;
    for (uint64_t i = 0; i < 1 + Below(3); ++i) {
      const std::vector<Record> rows = RandomRecords(kind);
      batch.frames.push_back(sender.maker->Make((*sender.next_seq)++, rows));
      for (const Record& row : rows) {
        model_[sender.kind].push_back({"node" + std::to_string(sender.node), row});
      }
    }
    ASSERT_OK(store_->Append(std::move(batch)));
  }

  // Goes on with a copy of the folder that was made while the store ran, as after a kill.
  void Kill() {
    Flush();
    const std::string copy = dir_.File("data" + std::to_string(++copies_));
    fs::create_directories(copy);
    for (const char* name : {"ronda.db", "ronda.db-wal", "history"}) {
      if (fs::exists(options_.dir + "/" + name)) {
        fs::copy(options_.dir + "/" + name, copy + "/" + name, fs::copy_options::recursive);
      }
    }
    store_.reset();
    fs::remove_all(options_.dir);
    options_.dir = copy;
    Open();
    Compare("after a kill");
  }

  int64_t KeepMs(size_t kind) const { return options_.records.Of(Kinds()[kind].name).keep_ms; }

  void Compare(const std::string& when) {
    for (size_t kind = 0; kind < Kinds().size(); ++kind) {
      const int64_t start = Below(3) == 0 ? clock_.NowMs() - static_cast<int64_t>(Below(kDayMs))
                                          : std::numeric_limits<int64_t>::min();
      const int64_t end =
          Below(3) == 0 ? clock_.NowMs() - static_cast<int64_t>(Below(kDayMs)) : kForever;
      const std::string node = Below(3) == 0 ? "node1" : "";
      std::vector<Told> want;
      for (const Told& told : model_[kind]) {
        if (told.record.t_ms >= start && told.record.t_ms <= end &&
            (node.empty() || told.node == node)) {
          want.push_back(told);
        }
      }
      std::stable_sort(want.begin(), want.end(),
                       [](const Told& a, const Told& b) { return a.record.t_ms < b.record.t_ms; });
      std::vector<Told> got;
      ASSERT_OK(store_->ScanRecords(Kinds()[kind].name, node, start, end,
                                    [&](std::string_view of, const Record& record) {
                                      got.push_back({std::string(of), record});
                                      return true;
                                    }));
      ExpectAgree(want, got, KeepMs(kind), when + ", kind " + Kinds()[kind].name);
    }
  }

  // All that is younger than is kept, and of the rest what is there, in order.
  void ExpectAgree(const std::vector<Told>& want, const std::vector<Told>& got, int64_t keep_ms,
                   const std::string& when) {
    size_t at = 0;
    for (const Told& told : want) {
      const bool there = at < got.size() && IsSame(told, got[at]);
      at += there ? 1 : 0;
      const bool may_be_gone = told.record.t_ms < clock_.NowMs() - keep_ms;
      ASSERT_TRUE(there || may_be_gone)
          << when << ": record " << at << " at " << told.record.t_ms << " of " << want.size();
    }
    ASSERT_EQ(at, got.size()) << when << ": what nobody sent";
  }

  std::mt19937_64 random_;
  const bool limited_;
  TempDir dir_;
  FakeClock clock_;
  Store::Options options_;
  std::unique_ptr<Store> store_;
  NodeId nodes_[2] = {};
  std::vector<Sender> senders_;
  std::map<size_t, std::vector<Told>> model_;
  int copies_ = 0;
};

TEST(RecordPropertyTest, AgreesWithAList) {
  // Nothing here depends on what a disk does, and there are tens of thousands of syncs.
  if (fs::exists("/dev/shm") && std::getenv("TMPDIR") == nullptr) {
    setenv("TMPDIR", "/dev/shm", 1);
  }
  uint64_t first = 1;
  uint64_t last = std::getenv("RONDA_LONG") != nullptr ? 3000 : 25;
  if (const char* seed = std::getenv("RONDA_SEED")) {
    first = last = std::strtoull(seed, nullptr, 10);
  }
  for (uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("RONDA_SEED=" + std::to_string(seed));
    RecordsAgainstAList(seed).Run();
    if (HasFailure()) {
      return;
    }
  }
}

}  // namespace
}  // namespace ronda::store
