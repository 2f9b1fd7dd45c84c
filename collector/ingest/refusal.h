// Why something that an agent sent was not taken.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ronda::ingest {

enum class Refusal {
  kDamaged,      // checksum or grammar
  kVersion,      // a format, or a protocol, of another version
  kMessageSize,  // a message or frame above its limit
  kLabels,       // a label or name: reserved, too long, too many
  kSeries,       // more series or groups than one agent may have
  kNewSeries,    // more new series a minute
  kRate,         // more samples a second; nothing is lost, it is read slower
  kClock,        // from the future
  kOutOfOrder,   // a delta without its predecessor, a run whose beginning was refused
  kProtocol,     // what no agent sends
  kIdentity,     // a name that is not its own, or of no node
  kClone,        // a second agent of one name
  kRetired,      // a node that was retired
  kAgents,       // more agents than the collector takes
};

inline constexpr size_t kRefusals = 14;

// "damaged", "message_size", ...: for metrics and people.
std::string_view ToString(Refusal refusal);

// How many frames (or streams, where no frame was read) were refused. Thread-safe.
class RefusalTotals {
 public:
  void Add(Refusal refusal, int64_t count) {
    counts_[static_cast<size_t>(refusal)].fetch_add(count, std::memory_order_relaxed);
  }
  int64_t of(Refusal refusal) const {
    return counts_[static_cast<size_t>(refusal)].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<int64_t>, kRefusals> counts_{};
};

}  // namespace ronda::ingest
