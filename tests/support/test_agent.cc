#include "tests/support/test_agent.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ronda {

namespace {

std::shared_ptr<const Schema> MakeSchema(int series, const std::string& metrics) {
  auto schema = std::make_shared<Schema>();
  schema->metrics = {{"up", MetricType::kGauge, "", ""},
                     {metrics + "_gauge", MetricType::kGauge, "", ""},
                     {metrics + "_total", MetricType::kCounter, "", ""}};
  schema->series.push_back({0, Labels()});
  for (int i = 0; i < series; ++i) {
    schema->series.push_back(
        {static_cast<uint32_t>(1 + i % 2), Labels({{"i", std::to_string(i)}})});
  }
  return schema;
}

}  // namespace

TestAgent::TestAgent(std::string node, uint64_t epoch, int series, int64_t first_t_ms,
                     const std::string& metrics)
    : node_(std::move(node)),
      epoch_(epoch),
      schema_(MakeSchema(series, metrics)),
      encoder_(1, {"test", "node", ""}),
      next_t_ms_(first_t_ms),
      values_(schema_->series.size(), 1),
      stream_(node_, epoch_, schema_) {}

std::string TestAgent::Connect(const std::string& address) {
  if (std::string refused = stream_.Connect(address); !refused.empty()) {
    return refused;
  }
  start_run_ = true;
  for (const Run& run : runs_) {
    const codec::RangeSet held = acknowledged();
    const bool wanted = std::any_of(run.seqs.begin(), run.seqs.end(),
                                    [&](uint64_t seq) { return !held.Contains(seq); });
    if (wanted && !stream_.Send(false, run.frames)) {
      break;
    }
  }
  return "";
}

bool TestAgent::Tick() {
  SentTick tick;
  tick.seq = next_seq_++;
  tick.t_ms = next_t_ms_;
  next_t_ms_ += 1000;
  for (size_t i = 1; i < values_.size(); ++i) {
    // Some constant, some slow, some busy; different in each agent and tick.
    if ((tick.seq + i) % 3 != 0) {
      values_[i] =
          std::round(
              (static_cast<double>(tick.seq * (i % 7)) + static_cast<double>(epoch_ % 1000)) * 10) /
          10;
    }
  }
  tick.values = values_;
  if (start_run_ || runs_.empty() || runs_.back().seqs.size() >= codec::kMaxRunFrames) {
    encoder_.StartRun(schema_);
    runs_.emplace_back();
    start_run_ = false;
  }
  std::string frame;
  encoder_.Encode(tick.seq, tick.t_ms, tick.values, &frame);
  last_frame_ = frame;
  runs_.back().seqs.push_back(tick.seq);
  runs_.back().frames.push_back(frame);
  sent_.push_back(std::move(tick));
  return SendRaw(frame);
}

bool TestAgent::SendRaw(const std::string& frame) { return stream_.Send(true, {&frame, 1}); }

bool TestAgent::WaitAcknowledged(int64_t timeout_ms) {
  return stream_.WaitAcknowledged(sent_.size(), timeout_ms);
}

}  // namespace ronda
