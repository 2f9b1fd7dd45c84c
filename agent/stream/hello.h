// The first words of a stream: what the agent says of itself and of what it keeps, and what the
// collector answers that it holds (proto/ronda/v1/ingest.proto).
#pragma once

#include <cstdint>
#include <vector>

#include "agent/spool/run_queue.h"
#include "agent/stream/stream_options.h"
#include "common/codec/range_set.h"

namespace google::protobuf {
template <typename Element>
class RepeatedPtrField;
}

namespace ronda::v1 {
class Hello;
class SeqRange;
class Welcome;
}  // namespace ronda::v1

namespace ronda::agent {

// Returns the epoch that the hello speaks of.
uint64_t FillHello(const StreamOptions& options, const RunQueue& queue, int64_t now_ms,
                   v1::Hello* hello);

// What the collector has, of the present epoch (the first element) and of kept ones.
std::vector<RunQueue::Held> HeldBy(const v1::Welcome& welcome);
// Whether it takes frames of earlier epochs.
bool TakesKeptEpochs(const v1::Welcome& welcome);

std::vector<codec::SeqRange> ToRanges(
    const google::protobuf::RepeatedPtrField<v1::SeqRange>& ranges);

}  // namespace ronda::agent
