// Tested by tests/unit/agent/stream/hello_test.cc.
#include "agent/stream/hello.h"

#include <algorithm>
#include <string_view>

#include "ronda/v1/ingest.pb.h"

namespace ronda::agent {
namespace {

constexpr uint32_t kProtocolVersion = 1;
// The collector takes frames of earlier epochs (proto/ronda/v1/ingest.proto).
constexpr std::string_view kEpochs = "epochs";

}  // namespace

uint64_t FillHello(const StreamOptions& options, const RunQueue& queue, int64_t now_ms,
                   v1::Hello* hello) {
  hello->mutable_versions()->set_min(kProtocolVersion);
  hello->mutable_versions()->set_max(kProtocolVersion);
  hello->set_node(options.node);
  for (const Label& label : options.labels.all()) {
    v1::Label* added = hello->add_labels();
    added->set_name(label.name);
    added->set_value(label.value);
  }
  hello->set_boot_id(options.boot_id);
  hello->set_machine_id(options.machine_id);
  hello->set_agent_version(options.version);
  hello->set_now_ms(now_ms);
  const EpochId epoch = queue.epoch();
  hello->set_epoch(epoch.id);
  hello->set_epoch_started_ms(epoch.started_ms);
  for (const KeptEpoch& kept : queue.KeptEpochs()) {
    v1::KeptEpoch* added = hello->add_kept();
    added->set_epoch(kept.epoch.id);
    added->set_started_ms(kept.epoch.started_ms);
    added->set_last_seq(kept.last_seq);
    added->set_newest_ms(kept.newest_ms);
    added->set_stopped(kept.stopped);
  }
  return epoch.id;
}

std::vector<RunQueue::Held> HeldBy(const v1::Welcome& welcome) {
  std::vector<RunQueue::Held> held(1);
  for (const codec::SeqRange& range : ToRanges(welcome.held())) {
    held.front().seqs.AddRange(range);
  }
  for (const v1::HeldEpoch& kept : welcome.held_kept()) {
    RunQueue::Held& added = held.emplace_back();
    added.epoch = kept.epoch();
    for (const codec::SeqRange& range : ToRanges(kept.held())) {
      added.seqs.AddRange(range);
    }
  }
  return held;
}

bool TakesKeptEpochs(const v1::Welcome& welcome) {
  return std::find(welcome.capabilities().begin(), welcome.capabilities().end(), kEpochs) !=
         welcome.capabilities().end();
}

std::vector<codec::SeqRange> ToRanges(
    const google::protobuf::RepeatedPtrField<v1::SeqRange>& ranges) {
  std::vector<codec::SeqRange> out;
  out.reserve(static_cast<size_t>(ranges.size()));
  for (const v1::SeqRange& range : ranges) {
    out.push_back({range.first(), range.last()});
  }
  return out;
}

}  // namespace ronda::agent
