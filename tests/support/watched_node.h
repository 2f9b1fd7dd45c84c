// A real agent and what `ronda` says of its ticks and gaps, for tests with real processes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ronda {

struct ToldGap {
  int64_t from_ms = 0;
  int64_t to_ms = 0;  // 0 while it lasts
  std::string cause;
};

// Times of the samples of up{node=NODE} of the last hour, in milliseconds.
std::vector<int64_t> TicksOf(const std::string& data_dir, const std::string& node);
// `ronda gaps NODE`, or with `late` what came later.
std::vector<ToldGap> GapsOf(const std::string& data_dir, const std::string& node,
                            bool late = false);
// The seconds that are missing between the first and the last tick and that no gap explains (give
// or take a tick).
std::vector<int64_t> Unexplained(const std::vector<int64_t>& ticks,
                                 const std::vector<ToldGap>& gaps);
// Those that say that the agent itself took no sample, because it had no CPU: on a busy machine
// that happens, and is told.
std::vector<ToldGap> StallsOf(const std::vector<ToldGap>& gaps);
// True if a time is there twice.
bool HasDoubles(const std::vector<int64_t>& ticks);

}  // namespace ronda
