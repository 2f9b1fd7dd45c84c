// Runs of the head, decoded: frames are coded one from the other, so that one series of a run costs
// as much as all of them, and queries ask for the newest runs again and again.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "collector/store/head.h"
#include "common/base/mutex.h"
#include "common/codec/sample_run.h"

namespace ronda::store {

// The ticks and columns of a run that grows. Of one thread at a time.
class RunColumns {
 public:
  // `only`: keeps these columns alone, ascending; empty: all.
  explicit RunColumns(std::span<const uint32_t> only = {}) : only_(only.begin(), only.end()) {}

  // Decodes the frames beyond those that it has: `frames` begins with the same ones as before.
  // Stops for good at one that cannot be decoded.
  void Extend(std::span<const HeadFrame> frames);

  size_t frames() const { return t_ms_.size(); }
  std::span<const int64_t> t_ms() const { return t_ms_; }  // ascending
  // False if the run does not have the column, or it was not wanted.
  bool Has(uint32_t column) const { return column < columns_.size() && columns_[column].kept; }
  double At(uint32_t column, size_t frame) const {
    const Column& c = columns_[column];
    return c.values.empty() ? c.first : c.values[frame];
  }
  // Appends the values of frames [first, last).
  void Copy(uint32_t column, size_t first, size_t last, std::vector<double>* out) const;
  // About what it takes in memory.
  int64_t bytes() const;

 private:
  // Most columns of a run never change: those have no `values`.
  struct Column {
    bool kept = false;
    double first = 0;
    std::vector<double> values;
  };
  void AddTick();

  std::vector<uint32_t> only_;
  codec::SampleRunDecoder decoder_;
  bool ended_ = false;
  std::vector<int64_t> t_ms_;
  std::vector<Column> columns_;
  std::vector<uint32_t> changing_;  // those with `values`
};

// Thread-safe. Bounded: what has no room is decoded anew each time, since to put out what is in use
// for it would only have that one decoded anew.
class RunCache {
 public:
  explicit RunCache(int64_t max_bytes = int64_t{64} << 20) : max_bytes_(max_bytes) {}

  // Calls `read` once with the columns of the run, at least the wanted ones, as far as it can be
  // decoded: at most run.frames.size() frames of them are the caller's. Nobody else changes or
  // reads them meanwhile: it should be short.
  void Read(const RunSnapshot& run, std::span<const uint32_t> wanted,
            absl::FunctionRef<void(const RunColumns&)> read);

  int64_t bytes() const;

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Entry {
    std::weak_ptr<const FrameBytes> run;  // gone: the run is
    Time used;                            // guarded by the cache's mu_, as is `bytes`
    int64_t bytes = 0;
    Mutex mu;
    RunColumns columns ABSL_GUARDED_BY(mu);
  };
  // Null: there is no room for it.
  std::shared_ptr<Entry> Find(const RunSnapshot& run);
  void DropOld(Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const int64_t max_bytes_;
  mutable Mutex mu_;
  absl::flat_hash_map<const FrameBytes*, std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mu_);
  int64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  Time next_drop_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda::store
