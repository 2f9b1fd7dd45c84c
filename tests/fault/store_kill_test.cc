// kill -9 in the middle of everything: what was acknowledged is there, once.
//
// A child appends ticks of several nodes, seals, trims and packs all the while, and writes each
// sample that became durable to an oracle, one line a sample, from on_commit. The parent kills it
// at a random moment and holds the folder to the oracle. RONDA_LONG=1: 500 times.

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "collector/store/store.h"
#include "common/base/clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/store/frame_maker.h"

namespace ronda::store {
namespace {

constexpr int kNodes = 4;
constexpr int64_t kT0 = 1'795'132'800'000;

// The value of a tick: what the oracle need not say.
double ValueOf(uint64_t epoch, int64_t tick, int node) {
  return static_cast<double>((epoch % 1000) * 1'000'000 + static_cast<uint64_t>(tick * 10 + node));
}

Store::Options OptionsOf(const std::string& dir) {
  Store::Options options;
  options.dir = dir;
  options.commit_interval_ms = 2;
  options.manual_seal = true;
  return options;
}

// Never returns.
[[noreturn]] void RunChild(const std::string& dir, const std::string& oracle, uint64_t round) {
  const SystemClock clock;
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(OptionsOf(dir), clock);
  const int fd = open(oracle.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (!store.ok() || fd < 0) {
    std::fprintf(stderr, "child: %s\n", store.status().ToString().c_str());
    _exit(1);
  }
  const std::shared_ptr<const Schema> schema = GaugeSchema(2);
  if (!(*store)->AddSchema(schema).ok()) {
    _exit(1);
  }
  const Epoch epoch{round, kT0};
  std::vector<NodeId> nodes;
  std::vector<std::unique_ptr<FrameMaker>> makers;
  for (int i = 0; i < kNodes; ++i) {
    NodeInfo node;
    node.name = "node" + std::to_string(i);
    nodes.push_back(*(*store)->PutNode(node));
    makers.push_back(std::make_unique<FrameMaker>(1, GroupIdentity{"host", "node", ""}));
    makers.back()->StartRun(schema);
  }
  for (int64_t tick = 0;; ++tick) {
    for (int i = 0; i < kNodes; ++i) {
      const double value = ValueOf(round, tick, i);
      const std::vector<double> values = {value, -value};
      // Each round has a day of its own.
      const int64_t t_ms = kT0 + static_cast<int64_t>(round) * 86'400'000 + tick * 1000;
      Batch batch;
      batch.node = nodes[static_cast<size_t>(i)];
      batch.epoch = epoch;
      batch.frames.push_back(
          makers[static_cast<size_t>(i)]->Make(static_cast<uint64_t>(tick) + 1, t_ms, values));
      batch.on_commit = [fd, i, t_ms, round, tick] {
        char line[96];
        const int n = std::snprintf(
            line, sizeof(line), "%d %lld %llu %lld\n", i, static_cast<long long>(t_ms),
            static_cast<unsigned long long>(round), static_cast<long long>(tick));
        if (write(fd, line, static_cast<size_t>(n)) != n) {
          _exit(2);
        }
      };
      if (!(*store)->Append(std::move(batch)).ok()) {
        _exit(3);
      }
    }
    if (tick % 100 == 99 && !(*store)->CompactNow().ok()) {
      _exit(5);
    }
    if (tick % 50 == 49 && !(*store)->SealNow().ok()) {
      _exit(4);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(300));
  }
}

struct Acknowledged {
  int64_t tick = 0;
  uint64_t round = 0;
};

TEST(StoreKillTest, AcknowledgedSamplesSurviveOnce) {
  const uint64_t rounds = std::getenv("RONDA_LONG") != nullptr ? 500 : 20;
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const TempDir dir;
  const std::string oracle = dir.File("oracle");
  const SystemClock clock;
  for (uint64_t round = 1; round <= rounds; ++round) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      RunChild(dir.File("data"), oracle, round);
    }
    usleep(static_cast<useconds_t>(20'000 + random() % 400'000));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
  }

  std::map<std::pair<std::string, int64_t>, Acknowledged> acknowledged;
  std::ifstream lines(oracle);
  int node = 0;
  int64_t t_ms = 0;
  Acknowledged entry;
  while (lines >> node >> t_ms >> entry.round >> entry.tick) {
    acknowledged[{"node" + std::to_string(node), t_ms}] = entry;
  }
  EXPECT_GT(acknowledged.size(), rounds);

  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Store> store,
                       Store::Open(OptionsOf(dir.File("data")), clock));
  EXPECT_EQ(store->Stats().counters.corrupt_journal_rows, 0);
  size_t found = 0;
  size_t samples = 0;
  ASSERT_OK(store->Select(
      {Matcher::Equal("__name__", "m0")}, 0, std::numeric_limits<int64_t>::max(),
      [&](const SeriesView& view) {
        samples += view.t_ms.size();
        for (size_t i = 0; i < view.t_ms.size(); ++i) {
          EXPECT_TRUE(i == 0 || view.t_ms[i] > view.t_ms[i - 1]);
          const auto it = acknowledged.find({std::string(view.labels.Get("node")), view.t_ms[i]});
          if (it != acknowledged.end()) {
            ++found;
            const int number = view.labels.Get("node").back() - '0';
            EXPECT_EQ(view.values[i], ValueOf(it->second.round, it->second.tick, number));
          }
        }
        return true;
      }));
  EXPECT_EQ(found, acknowledged.size());
  EXPECT_EQ(store->Stats().counters.duplicate_samples, 0);
  std::printf("seed %llu: %zu samples, %zu of them acknowledged\n",
              static_cast<unsigned long long>(seed), samples, acknowledged.size());
}

}  // namespace
}  // namespace ronda::store
