#include "collector/store/head.h"

#include <algorithm>
#include <cstring>

#include "common/codec/frame.h"

namespace ronda::store {
namespace {

constexpr size_t kChunkBytes = 4096;

// Whether `set` holds every number from first to last; true for none.
bool HoldsAll(const codec::RangeSet& set, uint64_t first, uint64_t last) {
  if (first > last) {
    return true;
  }
  const std::vector<codec::SeqRange>& ranges = set.ranges();
  const auto it = std::partition_point(ranges.begin(), ranges.end(),
                                       [&](const codec::SeqRange& r) { return r.last < first; });
  return it != ranges.end() && it->first <= first && it->last >= last;
}

}  // namespace

std::string_view FrameBytes::Append(std::string_view bytes) {
  if (chunks_.empty() || chunks_.back().size - chunks_.back().used < bytes.size()) {
    Chunk chunk;
    // The first frame is the key, much larger than those after it.
    chunk.size = std::max(kChunkBytes, bytes.size());
    chunk.data = std::make_unique<char[]>(chunk.size);
    chunks_.push_back(std::move(chunk));
  }
  Chunk& chunk = chunks_.back();
  char* const at = chunk.data.get() + chunk.used;
  std::memcpy(at, bytes.data(), bytes.size());
  chunk.used += bytes.size();
  return {at, bytes.size()};
}

RunSnapshot Snapshot(const HeadRun& run) {
  return {run.key, run.source, run.schema, run.frames, run.bytes};
}

EpochState* Head::PutEpoch(NodeId node, const Epoch& epoch) {
  std::unique_ptr<EpochState>& state = epochs_[{node, epoch.id}];
  if (state == nullptr) {
    state = std::make_unique<EpochState>();
    state->node = node;
    state->epoch = epoch;
  }
  return state.get();
}

const EpochState* Head::FindEpoch(NodeId node, uint64_t epoch) const {
  const auto it = epochs_.find({node, epoch});
  return it == epochs_.end() ? nullptr : it->second.get();
}

HeadRun* Head::AddRun(EpochState* epoch, HeadRun run) {
  run.bytes = std::make_shared<FrameBytes>();
  auto owned = std::make_unique<HeadRun>(std::move(run));
  HeadRun* const raw = owned.get();
  uint64_t& last = epoch->last_run[raw->source->row.group.name];
  last = std::max(last, raw->key.first_seq);
  epoch->runs[raw->key.first_seq] = std::move(owned);
  by_source_[raw->source->id].push_back(raw);
  return raw;
}

void Head::AddFrame(HeadRun* run, const HeadFrame& frame) {
  run->t_min_ms = run->frames.empty() ? frame.t_ms : std::min(run->t_min_ms, frame.t_ms);
  run->t_max_ms = run->frames.empty() ? frame.t_ms : std::max(run->t_max_ms, frame.t_ms);
  run->frames.push_back(frame);
  run->frames.back().bytes = run->bytes->Append(frame.bytes);
}

HeadRun* Head::FindRun(const RunKey& key) {
  const auto epoch = epochs_.find({key.node, key.epoch.id});
  if (epoch == epochs_.end()) {
    return nullptr;
  }
  const auto run = epoch->second->runs.find(key.first_seq);
  return run == epoch->second->runs.end() ? nullptr : run->second.get();
}

void Head::RemoveRun(const RunKey& key) {
  HeadRun* const run = FindRun(key);
  if (run == nullptr) {
    return;
  }
  const auto it = by_source_.find(run->source->id);
  std::erase(it->second, run);
  if (it->second.empty()) {
    by_source_.erase(it);
  }
  epochs_[{key.node, key.epoch.id}]->runs.erase(key.first_seq);
}

bool Head::HasEnded(const EpochState& epoch, const HeadRun& run) {
  if (run.frames.size() >= static_cast<size_t>(codec::kMaxRunFrames)) {
    return true;
  }
  const auto last = epoch.last_run.find(run.source->row.group.name);
  return last != epoch.last_run.end() && last->second > run.key.first_seq &&
         HoldsAll(epoch.held, run.frames.back().seq, last->second);
}

void Head::ForEachEpoch(absl::FunctionRef<void(EpochState&)> visit) {
  for (auto& [key, epoch] : epochs_) {
    visit(*epoch);
  }
}

void Head::ForEachRun(absl::FunctionRef<void(const EpochState&, const HeadRun&)> visit) const {
  for (const auto& [key, epoch] : epochs_) {
    for (const auto& [first_seq, run] : epoch->runs) {
      visit(*epoch, *run);
    }
  }
}

void Head::ForEachRunOf(int64_t source, absl::FunctionRef<void(const HeadRun&)> visit) const {
  const auto it = by_source_.find(source);
  if (it != by_source_.end()) {
    for (const HeadRun* run : it->second) {
      visit(*run);
    }
  }
}

std::optional<int64_t> Head::OldestUnsealedCommit() const {
  std::optional<int64_t> oldest;
  ForEachRun([&](const EpochState&, const HeadRun& run) {
    if (run.sealed_frames < run.frames.size()) {
      const int64_t commit = run.frames[run.sealed_frames].commit;
      oldest = oldest ? std::min(*oldest, commit) : commit;
    }
  });
  return oldest;
}

codec::RangeSet Head::SealedRanges(const EpochState& epoch) {
  std::vector<uint64_t> only_here;
  for (const auto& [first_seq, run] : epoch.runs) {
    for (size_t i = run->sealed_frames; i < run->frames.size(); ++i) {
      only_here.push_back(run->frames[i].seq);
    }
  }
  std::sort(only_here.begin(), only_here.end());
  codec::RangeSet out;
  auto it = only_here.begin();
  for (const codec::SeqRange& range : epoch.held.ranges()) {
    uint64_t first = range.first;
    for (; it != only_here.end() && *it <= range.last; ++it) {
      if (*it > first) {
        out.AddRange({first, *it - 1});
      }
      first = *it + 1;
    }
    if (first <= range.last) {
      out.AddRange({first, range.last});
    }
  }
  return out;
}

}  // namespace ronda::store
