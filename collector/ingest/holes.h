// The holes of one node that backfill may still close.
//
//   live frames that pass over numbers --Open--> open --all numbers came--> closed: a late mark
//                                                  `--nothing more comes--> given up: a gap
#pragma once

#include <cstdint>
#include <vector>

#include "collector/store/hole.h"
#include "collector/store/state_write.h"
#include "common/codec/range_set.h"

namespace ronda::ingest {

// Not thread-safe.
class Holes {
 public:
  // As it was before a restart.
  void Restore(store::Hole hole) { open_.push_back(std::move(hole)); }
  // Adds to *state what makes it durable.
  void Open(store::Hole hole, std::vector<store::StateWrite>* state);
  // Takes out all.
  std::vector<store::Hole> GiveUp(std::vector<store::StateWrite>* state);

  bool empty() const { return open_.empty(); }

 private:
  std::vector<store::Hole> open_;
};

// True if every number from first to last is in the set.
bool ContainsAll(const codec::RangeSet& set, const codec::SeqRange& range);

}  // namespace ronda::ingest
