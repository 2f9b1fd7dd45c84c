// The newest values of frames that the store did not take, because the disk is full: readers see
// them, and nothing of them becomes durable. The agent keeps the frames and sends them again.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace ronda::store {

// One tick: a value for each series of the schema.
struct HeldTick {
  int64_t t_ms = 0;
  std::vector<double> values;
};

// Not thread-safe: the store guards it. Bounded: one tick for each pair of source and schema.
class HeldValues {
 public:
  void Put(int64_t source, int64_t schema, int64_t t_ms, std::span<const double> values) {
    std::shared_ptr<const HeldTick>& held = ticks_[{source, schema}];
    if (held == nullptr || t_ms >= held->t_ms) {
      held = std::make_shared<const HeldTick>(
          HeldTick{t_ms, std::vector<double>(values.begin(), values.end())});
    }
  }
  // Null: none. Shared, so that a reader needs no lock for it.
  std::shared_ptr<const HeldTick> Find(int64_t source, int64_t schema) const {
    const auto it = ticks_.find({source, schema});
    return it == ticks_.end() ? nullptr : it->second;
  }
  // Samples of this time have been taken: what is held is no newer any more.
  void Drop(int64_t source, int64_t schema, int64_t t_ms) {
    if (ticks_.empty()) {
      return;
    }
    const auto it = ticks_.find({source, schema});
    if (it != ticks_.end() && it->second->t_ms <= t_ms) {
      ticks_.erase(it);
    }
  }

 private:
  absl::flat_hash_map<std::pair<int64_t, int64_t>, std::shared_ptr<const HeldTick>> ticks_;
};

}  // namespace ronda::store
