// The store against a std::map, over random appends, seals, compactions and restarts.
//
// RONDA_SEED=n runs one seed; RONDA_LONG=1 runs many more.

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

#include "collector/store/rollup.h"
#include "collector/store/store.h"
#include "common/base/status.h"
#include "common/model/sample.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/store/frame_maker.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

// Series by their labels as text, then values as bits by time.
using Model = std::map<std::string, std::map<int64_t, uint64_t>>;

// One group of one epoch, as an agent holds it.
struct Sender {
  size_t node = 0;
  GroupIdentity group;
  Epoch epoch;
  uint64_t* next_seq = nullptr;  // shared by the groups of an epoch
  std::unique_ptr<FrameMaker> maker;
  std::shared_ptr<const Schema> schema;
  std::vector<double> before;  // of the present run
  int64_t t_ms = 0;
};

class StoreProperty {
 public:
  explicit StoreProperty(uint64_t seed) : random_(seed) {
    options_.dir = dir_.File("data0");
    options_.manual_seal = true;
    options_.commit_interval_ms = 0;
    options_.seal_after_ms = 100'000;
    for (size_t n = 1; n <= 5; ++n) {
      auto schema = std::make_shared<Schema>(*GaugeSchema(n, n % 2 == 0 ? "even" : ""));
      for (MetricInfo& metric : schema->metrics) {
        metric.type = n % 2 == 0 ? MetricType::kCounter : MetricType::kGauge;
      }
      schemas_.push_back(std::move(schema));
    }
  }

  void Run() {
    Open();
    for (int step = 0; step < 120 && !::testing::Test::HasFailure(); ++step) {
      Step();
    }
    Flush();
    Compare("at the end");
    store_.reset();
    Open();
    Compare("after the last restart");
    Compact();
  }

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }

  void Open() {
    ASSERT_OK_AND_ASSIGN(store_, Store::Open(options_, clock_));
    for (size_t i = 0; i < 2; ++i) {
      NodeInfo node;
      node.name = "node" + std::to_string(i);
      node.labels.Set("role", "r" + std::to_string(i));
      ASSERT_OK_AND_ASSIGN(nodes_[i], store_->PutNode(node));
    }
    for (const auto& schema : schemas_) {
      ASSERT_OK(store_->AddSchema(schema));
    }
  }

  void Step() {
    const uint64_t dice = Below(100);
    if (dice < 80) {
      AppendSome();
    } else if (dice < 86) {
      clock_.Advance(static_cast<int64_t>(Below(150'000)));
      Flush();
      ASSERT_OK(store_->SealNow());
    } else if (dice < 89) {
      Flush();
      ASSERT_OK(store_->CompactNow());
    } else if (dice < 91) {
      Compare("in between");
    } else if (dice < 93) {
      store_.reset();
      Open();
      Compare("after a restart");
    } else if (dice < 96) {
      Kill();
    } else {
      NewEpoch();
    }
  }

  // An agent that starts: on one of the nodes, with one or two groups. Times may lie in the past.
  void NewEpoch() {
    seqs_.push_back(std::make_unique<uint64_t>(1));
    const size_t node = Below(2);
    const Epoch epoch{random_(), clock_.NowMs()};
    const int64_t t_ms = kT0 + static_cast<int64_t>(Below(3) * 3'600 + Below(40)) * 1000;
    for (uint32_t i = 0; i < 1 + Below(2); ++i) {
      Sender sender;
      sender.node = node;
      sender.group = {i == 0 ? "host" : "postgres/db", i == 0 ? "node" : "postgres",
                      i == 0 ? "" : "db:5432"};
      sender.epoch = epoch;
      sender.next_seq = seqs_.back().get();
      sender.maker = std::make_unique<FrameMaker>(i + 1, sender.group);
      sender.t_ms = t_ms;
      StartRun(&sender);
      senders_.push_back(std::move(sender));
    }
  }

  void StartRun(Sender* sender) {
    sender->schema = schemas_[Below(schemas_.size())];
    sender->maker->StartRun(sender->schema);
    sender->before.clear();
  }

  double RandomValue() {
    switch (Below(12)) {
      case 0:
      case 1:
        return StaleMarker();
      case 2:
        return std::bit_cast<double>(0x7ff8000000000000ULL | Below(1000));
      case 3:
        return Below(2) == 0 ? -0.0 : std::numeric_limits<double>::infinity();
      case 4:
        return std::bit_cast<double>(random_());
      case 5:
        return static_cast<double>(Below(1000)) / 100;
      default:
        return static_cast<double>(Below(3));
    }
  }

  void AppendSome() {
    if (senders_.empty()) {
      NewEpoch();
    }
    std::vector<Batch> batches(1 + Below(2));
    for (Batch& batch : batches) {
      Sender& sender = senders_[Below(senders_.size())];
      batch.node = nodes_[sender.node];
      batch.epoch = sender.epoch;
      const uint64_t ticks = Below(3) == 0 ? 1 + Below(60) : 1 + Below(4);
      if (Below(6) == 0) {
        StartRun(&sender);
      }
      for (uint64_t i = 0; i < ticks; ++i) {
        batch.frames.push_back(Tick(&sender));
      }
    }
    ASSERT_OK(store_->Append(std::move(batches)));
  }

  FrameEntry Tick(Sender* sender) {
    std::vector<double> values(sender->schema->series.size());
    for (double& value : values) {
      value = RandomValue();
    }
    const int64_t t_ms = sender->t_ms;
    sender->t_ms += 1000;
    FrameEntry frame = sender->maker->Make((*sender->next_seq)++, t_ms, values);
    if (codec::IsKey(frame.kind)) {
      sender->before.clear();
    }
    for (size_t i = 0; i < values.size(); ++i) {
      const bool ended_already =
          IsStale(values[i]) && !sender->before.empty() && IsStale(sender->before[i]);
      if (!ended_already) {
        model_[NameOf(*sender, i)].try_emplace(t_ms, std::bit_cast<uint64_t>(values[i]));
      }
    }
    sender->before = std::move(values);
    return frame;
  }

  static std::string NameOf(const Sender& sender, size_t i) {
    const std::string node = "node" + std::to_string(sender.node);
    Labels labels = sender.schema->series[i].labels;
    labels.Set("__name__", sender.schema->metric_of(i).name);
    labels.Set("node", node);
    labels.Set("job", sender.group.job);
    labels.Set("instance", sender.group.instance.empty() ? node : sender.group.instance);
    labels.Set("role", "r" + std::to_string(sender.node));
    return labels.ToString();
  }

  // Everything goes to level 1 in the end, but for runs that may still grow.
  void Compact() {
    clock_.Advance(200'000);
    ASSERT_OK(store_->SealNow());
    ASSERT_OK(store_->CompactNow());
    Compare("compacted");
    ASSERT_OK(store_->CompactNow());
    Compare("compacted twice");
    store_.reset();
    Open();
    Compare("compacted, and after a restart");
  }

  void Flush() { ASSERT_OK(store_->Flush(20'000)); }

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

  void Compare(const std::string& when) {
    const int64_t start = Below(3) == 0 ? kT0 + static_cast<int64_t>(Below(100)) * 1000 : 0;
    const int64_t end = Below(3) == 0 ? kT0 + static_cast<int64_t>(Below(20'000)) * 1000 : kForever;
    Model want;
    for (const auto& [name, samples] : model_) {
      for (const auto& [t, bits] : samples) {
        if (t >= start && t <= end) {
          want[name][t] = bits;
        }
      }
    }
    Model got;
    ASSERT_OK(store_->Select({*Matcher::New(Matcher::Type::kRegex, "__name__", ".+")}, start, end,
                             [&](const SeriesView& view) {
                               auto [it, is_new] = got.try_emplace(view.labels.ToString());
                               EXPECT_TRUE(is_new)
                                   << view.labels.ToString() << " was visited twice";
                               int64_t last = std::numeric_limits<int64_t>::min();
                               for (size_t i = 0; i < view.t_ms.size(); ++i) {
                                 EXPECT_GT(view.t_ms[i], last);
                                 last = view.t_ms[i];
                                 it->second[last] = std::bit_cast<uint64_t>(view.values[i]);
                               }
                               return true;
                             }));
    ASSERT_EQ(got.size(), want.size()) << when;
    for (const auto& [name, samples] : want) {
      ASSERT_EQ(got[name], samples) << when << ": " << name;
    }
    CompareNewest(when, start, end, want);
    CompareBuckets(when, start, std::min(end, kT0 + int64_t{100'000'000}));
    for (const Sender& sender : senders_) {
      const codec::RangeSet held = store_->Held(nodes_[sender.node], sender.epoch);
      ASSERT_EQ(held.count(), *sender.next_seq - 1) << when;
    }
  }

  // Of each series the newest sample in the window.
  void CompareNewest(const std::string& when, int64_t start, int64_t end, const Model& want) {
    size_t series = 0;
    ASSERT_OK(store_->SelectNewest(
        {*Matcher::New(Matcher::Type::kRegex, "__name__", ".+")}, start, end,
        [&](const SeriesView& view) {
          ++series;
          const std::string name = view.labels.ToString();
          const auto samples = want.find(name);
          EXPECT_NE(samples, want.end()) << when << ": " << name;
          EXPECT_FALSE(view.t_ms.empty()) << when << ": " << name;
          if (samples != want.end() && !view.t_ms.empty()) {
            EXPECT_EQ(view.t_ms.back(), samples->second.rbegin()->first) << when << ": " << name;
            EXPECT_EQ(std::bit_cast<uint64_t>(view.values.back()), samples->second.rbegin()->second)
                << when << ": " << name;
          }
          return !::testing::Test::HasFailure();
        }));
    ASSERT_EQ(series, want.size()) << when;
  }

  // Inside of what they cover, buckets are those of the samples that the store gives.
  void CompareBuckets(const std::string& when, int64_t start, int64_t end) {
    const std::vector<Matcher> all = {*Matcher::New(Matcher::Type::kRegex, "__name__", ".+")};
    for (const Resolution resolution : {Resolution::kMinute, Resolution::kHour}) {
      const int64_t unit = ResolutionMs(resolution);
      ASSERT_OK_AND_ASSIGN(const TimeRange cover,
                           store_->BucketsCover(all, resolution, start, end));
      ASSERT_GE(cover.to_ms, cover.from_ms);
      ASSERT_EQ(cover.from_ms % unit, 0);
      ASSERT_EQ(cover.to_ms % unit, 0);
      std::map<std::string, std::vector<Bucket>> got;
      ASSERT_OK(store_->SelectBuckets(all, resolution, cover.from_ms + 1, cover.to_ms,
                                      [&](const BucketsView& view) {
                                        auto& buckets = got[view.labels.ToString()];
                                        EXPECT_TRUE(buckets.empty());
                                        buckets.assign(view.buckets.begin(), view.buckets.end());
                                        return true;
                                      }));
      for (const auto& [name, samples] : model_) {
        std::vector<int64_t> t_ms;
        std::vector<double> values;
        for (const auto& [t, bits] : samples) {
          if (t > cover.from_ms && t <= cover.to_ms) {
            t_ms.push_back(t);
            values.push_back(std::bit_cast<double>(bits));
          }
        }
        const bool is_counter = name.find("salt=\"even\"") != std::string::npos;
        const std::vector<Bucket> want = MakeBuckets(t_ms, values, unit, is_counter);
        buckets_compared_ += static_cast<int64_t>(want.size());
        ASSERT_EQ(got[name].size(), want.size()) << when << ": " << name;
        for (size_t i = 0; i < want.size(); ++i) {
          ExpectBucket(got[name][i], want[i], when + ": " + name);
        }
        got.erase(name);
      }
      ASSERT_TRUE(got.empty()) << when << ": " << got.begin()->first;
    }
  }

  static void ExpectBucket(const Bucket& got, const Bucket& want, const std::string& where) {
    const auto same = [&](double a, double b) {
      return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
    };
    ASSERT_EQ(got.end_ms, want.end_ms) << where;
    ASSERT_EQ(got.count, want.count) << where;
    if (!got.mixed) {
      ASSERT_EQ(got.stale_at_end, want.stale_at_end) << where;
    }
    if (want.count == 0) {
      return;
    }
    ASSERT_EQ(got.first_ms, want.first_ms) << where;
    ASSERT_EQ(got.last_ms, want.last_ms) << where;
    ASSERT_TRUE(same(got.first, want.first) && same(got.last, want.last)) << where;
    if (!got.mixed) {
      ASSERT_TRUE(same(got.resets, want.resets) && same(got.sum, want.sum)) << where;
      ASSERT_TRUE(same(got.min, want.min) && same(got.max, want.max)) << where;
    }
  }

  static constexpr int64_t kT0 = 1'795'132'800'000;

  std::mt19937_64 random_;
  TempDir dir_;
  FakeClock clock_;
  Store::Options options_;
  std::vector<std::shared_ptr<const Schema>> schemas_;
  std::unique_ptr<Store> store_;
  NodeId nodes_[2] = {};
  std::vector<std::unique_ptr<uint64_t>> seqs_;
  std::vector<Sender> senders_;
  Model model_;
  int copies_ = 0;

 public:
  int64_t buckets_compared_ = 0;
};

TEST(StorePropertyTest, AgreesWithAMap) {
  // Nothing here depends on what a disk does, and there are tens of thousands of syncs.
  if (fs::exists("/dev/shm") && std::getenv("TMPDIR") == nullptr) {
    setenv("TMPDIR", "/dev/shm", 1);
  }
  uint64_t first = 1;
  uint64_t last = std::getenv("RONDA_LONG") != nullptr ? 5000 : 100;
  if (const char* seed = std::getenv("RONDA_SEED")) {
    first = last = std::strtoull(seed, nullptr, 10);
  }
  int64_t buckets_compared = 0;
  for (uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("RONDA_SEED=" + std::to_string(seed));
    StoreProperty property(seed);
    property.Run();
    buckets_compared += property.buckets_compared_;
    if (HasFailure()) {
      return;
    }
  }
  EXPECT_GT(buckets_compared, 0);
}

}  // namespace
}  // namespace ronda::store
