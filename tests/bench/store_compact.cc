// Brings a data folder into its final form, in a process whose cost can be told.
#include <fmt/format.h>
#include <unistd.h>

#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "tests/bench/process_cost.h"
#include "tests/bench/workloads.h"

namespace ronda::bench {

int RunStoreCompact(const std::string& data_dir) {
  SystemClock clock;
  store::Store::Options options;
  options.dir = data_dir;
  options.manual_seal = true;
  auto store = store::Store::Open(options, clock);
  if (!store.ok()) {
    fmt::print(stderr, "{}\n", Message(store.status()));
    return 1;
  }
  // Replaying the journal is the price of the restart, not of the data.
  const double before = OwnCpuSeconds();
  if (absl::Status sealed = (*store)->SealNow(); !sealed.ok()) {
    fmt::print(stderr, "{}\n", Message(sealed));
    return 1;
  }
  if (absl::Status compacted = (*store)->CompactNow(); !compacted.ok()) {
    fmt::print(stderr, "{}\n", Message(compacted));
    return 1;
  }
  (*store)->Close();
  fmt::print("{:.6f} {:.3f}\n", OwnCpuSeconds() - before, PeakRssMibOf(getpid()));
  return 0;
}

}  // namespace ronda::bench
