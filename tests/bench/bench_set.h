// The set that a workload runs on, and the folder that holds it: made anew, or kept by --data.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/scale_set.h"
#include "tests/bench/system.h"
#include "tests/bench/workloads.h"

namespace ronda::bench {

// The set `name` as the options say. It ends a second before the last full two hours of UTC that
// are over for 15 minutes.
absl::StatusOr<ScaleSet> NewBenchSet(const std::string& name, const SetOptions& options);

// Which systems hold a set that is kept below `dir`/NAME: remembered in `dir`/NAME/bench.json.
class KeptSet {
 public:
  // Takes up what is kept there if it is the same set (time, length, seed): then *set gets its
  // times. Else, and with `anew`, what is there is removed. kFailedPrecondition: a folder is there
  // that is not of ronda-bench.
  static absl::StatusOr<KeptSet> Open(const std::string& dir, bool anew, ScaleSet* set);

  const std::string& dir() const { return dir_; }
  bool Holds(const std::string& system) const;
  absl::Status Add(const std::string& system);

 private:
  absl::Status Write() const;

  std::string dir_;
  std::string description_;
  int64_t start_ms_ = 0;
  std::vector<std::string> systems_;
};

// Ronda first, then the peers that are asked for and installed; says which are not.
// kInvalidArgument: no such peer.
absl::StatusOr<std::vector<std::unique_ptr<System>>> NewSystems(const std::string& dir,
                                                                const SetOptions& options);

}  // namespace ronda::bench
