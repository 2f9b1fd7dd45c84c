#include "tests/bench/agent_feed.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/codec/frame.h"
#include "common/codec/sample_run.h"
#include "tests/bench/node_stream.h"
#include "tests/support/wire_stream.h"

namespace ronda::bench {
namespace {

constexpr size_t kMessageBytes = 64 << 10;  // of an agent's backfill
// Unacknowledged bytes of one agent: well below what the collector lets one agent have pending.
constexpr size_t kWindowBytes = 2 << 20;
constexpr int64_t kPatienceMs = 60'000;

class FedAgent {
 public:
  FedAgent(const ScaleSet& set, int node, bool live)
      : set_(set),
        live_(live),
        stream_(ScaleSet::NodeName(node), RandomBits(), set.schema),
        values_(set, node),
        encoder_(1, {set.job == "postgres" ? "postgres/127.0.0.1:5432" : "host", set.job, ""}) {
    encoder_.StartRun(set.schema);
  }

  absl::Status Connect(const std::string& address) {
    const std::string refused = stream_.Connect(address);
    return refused.empty() ? absl::OkStatus() : Fail(absl::StatusCode::kUnavailable, "{}", refused);
  }

  // Samples and sends `ticks` ticks.
  absl::Status Send(int64_t ticks) {
    for (int64_t i = 0; i < ticks; ++i) {
      std::string& frame = frames_.emplace_back();
      encoder_.Encode(static_cast<uint64_t>(next_ + 1), set_.start_ms + next_ * 1000,
                      values_.Next(), &frame);
      ++next_;
      bytes_ += frame.size();
      if (live_ || bytes_ >= kMessageBytes || i + 1 == ticks) {
        RONDA_RETURN_IF_ERROR(SendMessage());
      }
    }
    return absl::OkStatus();
  }

  absl::Status WaitAll() { return Wait(static_cast<uint64_t>(next_)); }

 private:
  struct Sent {
    uint64_t last = 0;
    size_t bytes = 0;
  };

  absl::Status SendMessage() {
    while (in_flight_ + bytes_ > kWindowBytes && !sent_.empty()) {
      RONDA_RETURN_IF_ERROR(Wait(sent_.front().last));
      in_flight_ -= sent_.front().bytes;
      sent_.pop_front();
    }
    if (!live_ && !stream_.TakeCredit(frames_.size() * set_.series(), kPatienceMs)) {
      return Ended("no credit for backfill came");
    }
    if (!stream_.Send(live_, frames_)) {
      return Ended("cannot send");
    }
    sent_.push_back({static_cast<uint64_t>(next_), bytes_});
    in_flight_ += bytes_;
    bytes_ = 0;
    frames_.clear();
    return absl::OkStatus();
  }

  absl::Status Wait(uint64_t count) {
    return stream_.WaitAcknowledged(count, kPatienceMs) ? absl::OkStatus()
                                                        : Ended("not acknowledged");
  }

  absl::Status Ended(const std::string& what) const {
    const std::vector<std::string> refusals = stream_.refusals();
    return Fail(absl::StatusCode::kInternal, "feeding the collector: {}; the stream: {}; {}", what,
                stream_.end_reason(), refusals.empty() ? "nothing refused" : refusals.front());
  }

  const ScaleSet& set_;
  const bool live_;
  WireStream stream_;
  NodeStream values_;
  codec::SampleRunEncoder encoder_;
  int64_t next_ = 0;
  std::vector<std::string> frames_;  // of the next message
  size_t bytes_ = 0;
  std::deque<Sent> sent_;
  size_t in_flight_ = 0;
};

}  // namespace

absl::Status FeedCollector(const ScaleSet& set, const FeedOptions& options) {
  std::vector<std::unique_ptr<FedAgent>> agents;
  for (int node = 0; node < set.nodes; ++node) {
    agents.push_back(std::make_unique<FedAgent>(set, node, options.live));
    RONDA_RETURN_IF_ERROR(agents.back()->Connect(options.address));
  }
  const int64_t step = options.live ? 1 : codec::kMaxRunFrames;
  for (int64_t tick = 0; tick < set.ticks; tick += step) {
    for (const auto& agent : agents) {
      RONDA_RETURN_IF_ERROR(agent->Send(std::min(step, set.ticks - tick)));
    }
  }
  for (const auto& agent : agents) {
    RONDA_RETURN_IF_ERROR(agent->WaitAll());
  }
  return absl::OkStatus();
}

}  // namespace ronda::bench
