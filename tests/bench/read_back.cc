#include "tests/bench/read_back.h"

#include <bit>
#include <map>
#include <optional>
#include <vector>

#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "tests/bench/node_stream.h"
#include "tests/bench/process_cost.h"

namespace ronda::bench {
namespace {

// Order matters, and every bit. A set does not fit in memory, so columns are compared by this.
uint64_t AddToFingerprint(uint64_t print, double value) {
  return std::rotl(print ^ std::bit_cast<uint64_t>(value), 23) * 0x9e3779b97f4a7c15ULL;
}

std::vector<uint64_t> FingerprintsOf(const ScaleSet& set, int node, int64_t first) {
  NodeStream stream(set, node);
  std::vector<uint64_t> prints(set.series());
  for (int64_t tick = 0; tick < set.ticks; ++tick) {
    const std::span<const double> values = stream.Next();
    for (size_t i = 0; i < prints.size() && tick >= first; ++i) {
      prints[i] = AddToFingerprint(prints[i], values[i]);
    }
  }
  return prints;
}

// The first tick in which the series is not as it was sent.
absl::Status Explain(const ScaleSet& set, int node, int64_t first, size_t i,
                     const store::SeriesView& view) {
  NodeStream stream(set, node);
  for (int64_t tick = 0; tick < set.ticks; ++tick) {
    const double sent = stream.Next()[i];
    if (tick < first) {
      continue;
    }
    const int64_t t_ms = set.start_ms + tick * 1000;
    const auto at = static_cast<size_t>(tick - first);
    if (at >= view.t_ms.size() || view.t_ms[at] != t_ms ||
        std::bit_cast<uint64_t>(view.values[at]) != std::bit_cast<uint64_t>(sent)) {
      return Fail(absl::StatusCode::kDataLoss, "{}: {} at {} was sent; {} samples read, here {}",
                  view.labels.ToString(), sent, t_ms, view.t_ms.size(),
                  at < view.t_ms.size() ? fmt::format("{} at {}", view.values[at], view.t_ms[at])
                                        : "nothing");
    }
  }
  return Fail(absl::StatusCode::kDataLoss, "{}: {} samples read, {} were sent",
              view.labels.ToString(), view.t_ms.size(), set.ticks - first);
}

bool IsAsSent(const ScaleSet& set, int64_t first, uint64_t fingerprint,
              const store::SeriesView& view) {
  if (view.t_ms.size() != static_cast<size_t>(set.ticks - first)) {
    return false;
  }
  uint64_t print = 0;
  for (size_t at = 0; at < view.t_ms.size(); ++at) {
    if (view.t_ms[at] != set.start_ms + (first + static_cast<int64_t>(at)) * 1000) {
      return false;
    }
    print = AddToFingerprint(print, view.values[at]);
  }
  return print == fingerprint;
}

}  // namespace

absl::Status ReadBackNode(const store::Queryable& data, const ScaleSet& set, int node,
                          int64_t first_tick, ReadBack* out) {
  const std::vector<uint64_t> prints = FingerprintsOf(set, node, first_tick);
  std::map<Labels, size_t> wanted;
  for (size_t i = 0; i < set.series(); ++i) {
    wanted[set.LabelsOf(node, i)] = i;
  }
  absl::Status verdict;
  double comparing = 0;
  const double before = OwnCpuSeconds();
  RONDA_RETURN_IF_ERROR(data.Select(
      {Matcher::Equal("node", ScaleSet::NodeName(node))}, set.start_ms - 1000, set.end_ms() + 1000,
      [&](const store::SeriesView& view) {
        const double start = OwnThreadCpuSeconds();
        const auto found = wanted.find(view.labels);
        if (found == wanted.end()) {
          verdict = Fail(absl::StatusCode::kDataLoss, "{} was never sent, or is there twice",
                         view.labels.ToString());
        } else if (!IsAsSent(set, first_tick, prints[found->second], view)) {
          verdict = Explain(set, node, first_tick, found->second, view);
        } else {
          wanted.erase(found);
          out->samples += static_cast<int64_t>(view.t_ms.size());
        }
        comparing += OwnThreadCpuSeconds() - start;
        return verdict.ok();
      }));
  out->cpu_seconds += OwnCpuSeconds() - before - comparing;
  RONDA_RETURN_IF_ERROR(verdict);
  return wanted.empty() ? absl::OkStatus()
                        : Fail(absl::StatusCode::kDataLoss, "{} series are missing, such as {}",
                               wanted.size(), wanted.begin()->first.ToString());
}

absl::StatusOr<ReadBack> ReadBackAll(const ScaleSet& set, const std::string& data_dir) {
  SystemClock clock;
  RONDA_ASSIGN_OR_RETURN(const auto store, store::Store::OpenReadOnly(data_dir, clock));
  ReadBack read;
  for (int node = 0; node < set.nodes; ++node) {
    RONDA_RETURN_IF_ERROR(ReadBackNode(*store, set, node, 0, &read));
  }
  return read;
}

}  // namespace ronda::bench
