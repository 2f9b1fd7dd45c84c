#include "collector/store/run_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "collector/store/run_decode.h"
#include "common/model/sample.h"
#include "tests/unit/collector/store/frame_maker.h"

namespace ronda::store {
namespace {

constexpr size_t kSeries = 5;
constexpr size_t kFrames = 60;

// A run as the head has it: series 0 never changes, 1 does from the middle on, the rest always do
// or have markers now and then.
class GrowingRun {
 public:
  explicit GrowingRun(uint64_t seed) : random_(seed) {
    maker_.StartRun(GaugeSchema(kSeries));
    snapshot_.bytes = bytes_;
  }

  const RunSnapshot& Grow(size_t frames) {
    for (size_t i = 0; i < frames; ++i) {
      const auto tick = static_cast<int64_t>(snapshot_.frames.size());
      const auto x = static_cast<double>(random_() % 1000);
      const double values[kSeries] = {7, tick < 20 ? 1.0 : x, x,
                                      random_() % 4 == 0 ? StaleMarker() : x / 8,
                                      random_() % 4 == 0 ? HoleMarker() : -x};
      const FrameEntry frame =
          maker_.Make(static_cast<uint64_t>(tick) + 1, 1000 * tick + 5, values);
      snapshot_.frames.push_back({frame.seq, 0, 0, frame.t_ms, frame.crc, {}});
      snapshot_.frames.back().bytes = bytes_->Append(frame.bytes);
    }
    return snapshot_;
  }
  void Break(size_t frame) { snapshot_.frames[frame].bytes.remove_suffix(1); }

 private:
  std::mt19937_64 random_;
  std::shared_ptr<FrameBytes> bytes_ = std::make_shared<FrameBytes>();
  FrameMaker maker_{1, {"group", "job", ""}};
  RunSnapshot snapshot_;
};

void ExpectSame(const RunColumns& got, const RunSnapshot& run,
                const std::vector<uint32_t>& wanted) {
  const DecodedSamples want = DecodeSamples(run.frames, wanted);
  ASSERT_GE(got.frames(), want.frames);
  for (size_t f = 0; f < want.frames; ++f) {
    ASSERT_EQ(got.t_ms()[f], want.t_ms[f]);
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    ASSERT_TRUE(got.Has(wanted[i]));
    std::vector<double> copy;
    got.Copy(wanted[i], 0, want.frames, &copy);
    for (size_t f = 0; f < want.frames; ++f) {
      const auto bits = std::bit_cast<uint64_t>(want.columns[i][f]);
      ASSERT_EQ(std::bit_cast<uint64_t>(copy[f]), bits) << "series " << wanted[i] << " at " << f;
      ASSERT_EQ(std::bit_cast<uint64_t>(got.At(wanted[i], f)), bits);
    }
  }
}

TEST(RunCacheTest, GivesWhatDecodingGives) {
  for (const int64_t max_bytes : {int64_t{0}, int64_t{1} << 20}) {
    RunCache cache(max_bytes);
    GrowingRun run(1);
    for (size_t grown = 0; grown < kFrames; grown += 6) {
      const RunSnapshot& snapshot = run.Grow(6);
      const std::vector<uint32_t> all = {0, 1, 2, 3, 4};
      cache.Read(snapshot, all,
                 [&](const RunColumns& columns) { ExpectSame(columns, snapshot, all); });
      cache.Read(snapshot, std::vector<uint32_t>{1, 4}, [&](const RunColumns& columns) {
        ExpectSame(columns, snapshot, {1, 4});
        EXPECT_FALSE(columns.Has(kSeries));
      });
    }
    EXPECT_EQ(cache.bytes() > 0, max_bytes > 0);
  }
}

TEST(RunCacheTest, StopsAtAFrameThatCannotBeDecoded) {
  RunCache cache;
  GrowingRun run(2);
  run.Grow(20);
  run.Break(12);
  const RunSnapshot snapshot = run.Grow(5);
  cache.Read(snapshot, std::vector<uint32_t>{2}, [&](const RunColumns& columns) {
    EXPECT_EQ(columns.frames(), 12u);
    ExpectSame(columns, snapshot, {2});
  });
}

TEST(RunCacheTest, TakesNoMoreThanItMay) {
  constexpr int64_t kMaxBytes = 20'000;
  RunCache cache(kMaxBytes);
  std::vector<std::unique_ptr<GrowingRun>> runs;
  for (uint64_t i = 0; i < 100; ++i) {
    runs.push_back(std::make_unique<GrowingRun>(i));
    const RunSnapshot& snapshot = runs.back()->Grow(kFrames);
    cache.Read(snapshot, std::vector<uint32_t>{0, 3}, [&](const RunColumns& columns) {
      ExpectSame(columns, snapshot, {0, 3});
    });
  }
  EXPECT_GT(cache.bytes(), kMaxBytes / 2);
  EXPECT_LT(cache.bytes(), kMaxBytes * 3 / 2);  // the last one in may be larger than what was left
}

TEST(RunCacheTest, ManyReadersOfARunThatGrows) {
  RunCache cache;
  GrowingRun run(3);
  std::vector<RunSnapshot> lengths;
  for (size_t i = 0; i < kFrames; ++i) {
    lengths.push_back(run.Grow(1));
  }
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = t; i < lengths.size(); ++i) {
        cache.Read(lengths[i], std::vector<uint32_t>{2}, [&](const RunColumns& columns) {
          failures += columns.frames() < lengths[i].frames.size() ? 1 : 0;
        });
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(failures.load(), 0);
}

}  // namespace
}  // namespace ronda::store
