// Tested by tests/unit/collector/ingest/missing_test.cc.
#include "collector/ingest/holes.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace ronda::ingest {
namespace {

// A node that comes and goes has no more holes open than this; the oldest two become one.
constexpr size_t kMaxOpen = 64;

store::StateWrite Removal(const store::Hole& hole) {
  return {std::string(store::kHoleSpace), hole.Key(), std::nullopt};
}

}  // namespace

bool ContainsAll(const codec::RangeSet& set, const codec::SeqRange& range) {
  const auto& ranges = set.ranges();
  return std::any_of(ranges.begin(), ranges.end(), [&](const codec::SeqRange& held) {
    return held.first <= range.first && range.last <= held.last;
  });
}

void Holes::Open(store::Hole hole, std::vector<store::StateWrite>* state) {
  if (open_.size() >= kMaxOpen && open_[0].epoch == open_[1].epoch) {
    state->push_back(Removal(open_[1]));
    open_[0].seqs.last = std::max(open_[0].seqs.last, open_[1].seqs.last);
    open_[0].to_ms = std::max(open_[0].to_ms, open_[1].to_ms);
    state->push_back({std::string(store::kHoleSpace), open_[0].Key(), open_[0].Encode()});
    open_.erase(open_.begin() + 1);
  }
  state->push_back({std::string(store::kHoleSpace), hole.Key(), hole.Encode()});
  open_.push_back(std::move(hole));
}

std::vector<store::Hole> Holes::GiveUp(std::vector<store::StateWrite>* state) {
  for (const store::Hole& hole : open_) {
    state->push_back(Removal(hole));
  }
  return std::exchange(open_, {});
}

}  // namespace ronda::ingest
