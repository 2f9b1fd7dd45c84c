#include "tests/bench/history_fill.h"

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "common/base/status.h"
#include "tests/unit/collector/store/frame_maker.h"

namespace ronda::bench {
namespace {

constexpr int64_t kSealMs = 240'000;
constexpr int64_t kCompactMs = 600'000;
constexpr int64_t kTicksAtOnce = 60;
constexpr size_t kTicksKept = 600;
constexpr int64_t kPatienceMs = 120'000;

}  // namespace

struct HistoryFill::Node {
  Node(const ScaleSet& set, int number) : values(set, number), maker(1, {"host", set.job, ""}) {
    maker.StartRun(set.schema);
  }
  NodeStream values;
  store::FrameMaker maker;
  store::NodeId id = 0;
  uint64_t next_seq = 1;
};

HistoryFill::HistoryFill(const ScaleSet& set, store::Store* store, FakeClock* clock)
    : set_(set),
      store_(*store),
      clock_(*clock),
      last_ms_(set.start_ms - 1000),
      sealed_ms_(clock->NowMs()),
      compacted_ms_(clock->NowMs()) {}

HistoryFill::~HistoryFill() = default;

absl::Status HistoryFill::AppendMinute(int64_t ticks, int64_t step_ms) {
  std::vector<store::Batch> batches;
  for (size_t n = 0; n < nodes_.size(); ++n) {
    Node& node = *nodes_[n];
    store::Batch& batch = batches.emplace_back();
    batch.node = node.id;
    batch.epoch = {n + 1, set_.start_ms};
    for (int64_t i = 0; i < ticks; ++i) {
      const int64_t t_ms = last_ms_ + (i + 1) * step_ms;
      const std::span<const double> values = node.values.Next();
      batch.frames.push_back(node.maker.Make(node.next_seq++, t_ms, values));
      if (n == watched_) {
        watched_t_ms_.push_back(t_ms);
        watched_values_.emplace_back(values.begin(), values.end());
      }
    }
  }
  ticks_ += ticks;
  last_ms_ += ticks * step_ms;
  clock_.Advance(ticks * step_ms);
  RONDA_RETURN_IF_ERROR(store_.Append(std::move(batches)));
  return store_.Flush(kPatienceMs);
}

absl::Status HistoryFill::Append(int64_t ticks, int64_t step_ms) {
  if (nodes_.empty()) {
    RONDA_RETURN_IF_ERROR(store_.AddSchema(set_.schema));
    for (int n = 0; n < set_.nodes; ++n) {
      nodes_.push_back(std::make_unique<Node>(set_, n));
      store::NodeInfo info;
      info.name = ScaleSet::NodeName(n);
      RONDA_ASSIGN_OR_RETURN(nodes_.back()->id, store_.PutNode(info));
    }
  }
  for (int64_t left = ticks; left > 0;) {
    const int64_t now = std::min(left, std::max<int64_t>(1, kTicksAtOnce * 1000 / step_ms));
    RONDA_RETURN_IF_ERROR(AppendMinute(now, step_ms));
    left -= now;
    if (clock_.NowMs() - sealed_ms_ >= kSealMs) {
      sealed_ms_ = clock_.NowMs();
      RONDA_RETURN_IF_ERROR(store_.SealNow());
    }
    if (clock_.NowMs() - compacted_ms_ >= kCompactMs) {
      compacted_ms_ = clock_.NowMs();
      RONDA_RETURN_IF_ERROR(store_.CompactDue());
    }
    if (watched_t_ms_.size() > 2 * kTicksKept) {
      const auto gone = static_cast<std::ptrdiff_t>(watched_t_ms_.size() - kTicksKept);
      watched_t_ms_.erase(watched_t_ms_.begin(), watched_t_ms_.begin() + gone);
      watched_values_.erase(watched_values_.begin(), watched_values_.begin() + gone);
    }
  }
  return absl::OkStatus();
}

absl::Status HistoryFill::CheckNewest() {
  const auto node = static_cast<int>(watched_);
  std::map<Labels, size_t> wanted;
  for (size_t i = 0; i < set_.series(); ++i) {
    wanted[set_.LabelsOf(node, i)] = i;
  }
  absl::Status verdict;
  RONDA_RETURN_IF_ERROR(store_.Select(
      {Matcher::Equal("node", ScaleSet::NodeName(node))}, watched_t_ms_.front(),
      watched_t_ms_.back(), [&](const store::SeriesView& view) {
        const auto found = wanted.find(view.labels);
        const bool same =
            found != wanted.end() && std::equal(view.t_ms.begin(), view.t_ms.end(),
                                                watched_t_ms_.begin(), watched_t_ms_.end());
        for (size_t i = 0; same && i < view.t_ms.size() && verdict.ok(); ++i) {
          if (std::bit_cast<uint64_t>(view.values[i]) !=
              std::bit_cast<uint64_t>(watched_values_[i][found->second])) {
            verdict = Fail(absl::StatusCode::kDataLoss, "{} is {} at {}, {} was sent",
                           view.labels.ToString(), view.values[i], view.t_ms[i],
                           watched_values_[i][found->second]);
          }
        }
        if (!same) {
          verdict =
              Fail(absl::StatusCode::kDataLoss, "{}: {} samples from {} to {}, not the {} sent",
                   view.labels.ToString(), view.t_ms.size(), watched_t_ms_.front(),
                   watched_t_ms_.back(), watched_t_ms_.size());
        } else {
          wanted.erase(found);
        }
        return verdict.ok();
      }));
  RONDA_RETURN_IF_ERROR(verdict);
  if (!wanted.empty()) {
    return Fail(absl::StatusCode::kDataLoss, "{} is missing", wanted.begin()->first.ToString());
  }
  watched_ = (watched_ + 37) % nodes_.size();
  watched_t_ms_.clear();
  watched_values_.clear();
  return absl::OkStatus();
}

}  // namespace ronda::bench
