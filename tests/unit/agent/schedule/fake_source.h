// Samplers and a sink for the tests of this folder.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/samplers/frame_sink.h"
#include "agent/samplers/sampler.h"
#include "common/base/mutex.h"

namespace ronda::agent {

inline constexpr MetricDescriptor kThing = {"thing", MetricType::kGauge, "", "name", "A thing."};

// Calls a function of the test.
class FunctionSampler : public Sampler {
 public:
  using Body = std::function<absl::Status(int64_t, SeriesTable&)>;
  FunctionSampler(std::string name, int interval_s, Body body)
      : name_(std::move(name)), interval_s_(interval_s), body_(std::move(body)) {}

  std::string_view name() const override { return name_; }
  std::span<const MetricDescriptor> metrics() const override { return {&kThing, 1}; }
  int interval_s() const override { return interval_s_; }
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override { return body_(t_ms, table); }
  void SetDown(SeriesTable& table) override {
    if (down_) {
      down_(table);
    }
  }
  void set_down(std::function<void(SeriesTable&)> down) { down_ = std::move(down); }

 private:
  const std::string name_;
  const int interval_s_;
  const Body body_;
  std::function<void(SeriesTable&)> down_;
};

// Keeps the frames. Thread-safe.
class KeepingSink : public FrameSink {
 public:
  void Submit(const FrameInfo& /*info*/,
              absl::FunctionRef<void(uint64_t, bool, std::string*)> encode) override {
    const MutexLock lock(&mu_);
    std::string frame;
    encode(++seq_, std::exchange(start_run_, false), &frame);
    frames_.push_back(std::move(frame));
    changed_.SignalAll();
  }
  void StartNextRun() {
    const MutexLock lock(&mu_);
    start_run_ = true;
  }
  std::vector<std::string> frames() {
    const MutexLock lock(&mu_);
    return frames_;
  }
  void WaitForFrames(size_t n) {
    const MutexLock lock(&mu_);
    while (frames_.size() < n) {
      changed_.Wait(&mu_);
    }
  }

 private:
  Mutex mu_;
  CondVar changed_;
  uint64_t seq_ ABSL_GUARDED_BY(mu_) = 0;
  bool start_run_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::string> frames_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda::agent
