// A store in a temporary folder with one node, and what is in it.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "collector/store/store.h"
#include "common/base/status.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/store/frame_maker.h"

namespace ronda::store {

inline constexpr int64_t kT0 = 1'795'132'800'000;
inline constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

using Samples = std::vector<std::pair<int64_t, double>>;

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() { options_.dir = dir_.File("data"); }

  void Open() {
    options_.manual_seal = true;
    options_.commit_interval_ms = 1;
    ASSERT_OK_AND_ASSIGN(store_, Store::Open(options_, clock_));
    NodeInfo node;
    node.name = "web1";
    node.labels.Set("env", "test");
    ASSERT_OK_AND_ASSIGN(node_, store_->PutNode(node));
    ASSERT_OK(store_->AddSchema(schema_));
  }
  void Reopen() {
    store_.reset();
    Open();
  }

  // Appends ticks [first, first+n) of the group; value of series i at tick t is t*10+i.
  void AppendTicks(FrameMaker* maker, int64_t first, int64_t n, uint64_t step = 1) {
    for (int64_t tick = first; tick < first + n; ++tick) {
      std::vector<double> values(schema_->series.size());
      for (size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<double>(tick * 10 + static_cast<int64_t>(i));
      }
      AppendValues(maker, tick, values);
      next_seq_ += step - 1;
    }
  }
  void AppendValues(FrameMaker* maker, int64_t tick, const std::vector<double>& values) {
    Batch batch;
    batch.node = node_;
    batch.epoch = epoch_;
    batch.frames.push_back(maker->Make(next_seq_++, kT0 + tick * 1000, values));
    ASSERT_OK(store_->Append(std::move(batch)));
  }

  std::map<Labels, Samples> Select(const Store& store, std::vector<Matcher> matchers,
                                   int64_t start = 0, int64_t end = kForever) {
    std::map<Labels, Samples> out;
    EXPECT_OK(store.Select(matchers, start, end, [&](const SeriesView& view) {
      Samples& samples = out[view.labels];
      EXPECT_TRUE(samples.empty());
      for (size_t i = 0; i < view.t_ms.size(); ++i) {
        samples.emplace_back(view.t_ms[i], view.values[i]);
      }
      return true;
    }));
    return out;
  }
  Samples SelectOne(const std::string& metric) {
    const std::map<Labels, Samples> all = Select(*store_, {Matcher::Equal("__name__", metric)});
    EXPECT_LE(all.size(), 1u);
    return all.empty() ? Samples() : all.begin()->second;
  }
  static Samples Ticks(int64_t first, int64_t n, int64_t series) {
    Samples out;
    for (int64_t tick = first; tick < first + n; ++tick) {
      out.emplace_back(kT0 + tick * 1000, static_cast<double>(tick * 10 + series));
    }
    return out;
  }

  TempDir dir_;
  FakeClock clock_;
  Store::Options options_;
  std::shared_ptr<const Schema> schema_ = GaugeSchema(3);
  std::unique_ptr<Store> store_;
  NodeId node_ = 0;
  Epoch epoch_{7, kT0};
  uint64_t next_seq_ = 1;
};

}  // namespace ronda::store
