#include "tests/bench/bench_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "tests/support/temp_dir.h"

namespace ronda::bench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// The set ends where the stores' windows of two hours do, long enough ago that each counts as over.
constexpr int64_t kWindowMs = int64_t{2} * 3'600 * 1'000;
constexpr int64_t kOverMs = int64_t{15} * 60 * 1'000;

}  // namespace

absl::StatusOr<ScaleSet> NewBenchSet(const std::string& name, const SetOptions& options) {
  RONDA_ASSIGN_OR_RETURN(const HostCapture capture, LoadHostCapture(TestData("host_capture")));
  RONDA_ASSIGN_OR_RETURN(ScaleSet set, MakeScaleSet(capture, name, options.scale, options.seed));
  if (options.seconds > 0) {
    set.ticks = options.seconds;
  }
  const int64_t end_ms = (SystemClock().NowMs() - kOverMs) / kWindowMs * kWindowMs;
  set.start_ms = end_ms - set.ticks * 1000;
  return set;
}

absl::StatusOr<KeptSet> KeptSet::Open(const std::string& dir, bool anew, ScaleSet* set) {
  KeptSet kept;
  kept.dir_ = dir + "/" + set->name;
  kept.description_ = fmt::format("{} {} ticks seed {}", set->name, set->ticks, set->seed);
  kept.start_ms_ = set->start_ms;
  const auto text = ReadFile(kept.dir_ + "/bench.json");
  if (!text.ok() && fs::exists(kept.dir_)) {
    return Fail(absl::StatusCode::kFailedPrecondition,
                "{} is there and not a folder of ronda-bench: give another with --data", kept.dir_);
  }
  const json before = json::parse(text.value_or(""), nullptr, false);
  if (!anew && before.is_object() && before.value("set", "") == kept.description_) {
    set->start_ms = kept.start_ms_ = before.value("start_ms", set->start_ms);
    kept.systems_ = before.value("systems", kept.systems_);
    return kept;
  }
  fs::remove_all(kept.dir_);
  RONDA_RETURN_IF_ERROR(MakeDirectories(kept.dir_));
  RONDA_RETURN_IF_ERROR(kept.Write());
  return kept;
}

bool KeptSet::Holds(const std::string& system) const {
  return std::find(systems_.begin(), systems_.end(), system) != systems_.end();
}

absl::Status KeptSet::Add(const std::string& system) {
  systems_.push_back(system);
  return Write();
}

absl::Status KeptSet::Write() const {
  const json content = {{"set", description_}, {"start_ms", start_ms_}, {"systems", systems_}};
  return WriteFileAtomically(dir_ + "/bench.json", content.dump());
}

absl::StatusOr<std::vector<std::unique_ptr<System>>> NewSystems(const std::string& dir,
                                                                const SetOptions& options) {
  std::vector<std::unique_ptr<System>> systems;
  systems.push_back(NewRonda(dir, options.live));
  std::istringstream names(options.peers == "none"  ? ""
                           : options.peers == "all" ? "victoriametrics,prometheus"
                                                    : options.peers);
  for (std::string name; std::getline(names, name, ',');) {
    std::unique_ptr<System> peer = name == "victoriametrics" ? NewVictoriaMetrics(dir)
                                   : name == "prometheus"    ? NewPrometheus(dir)
                                                             : nullptr;
    if (peer == nullptr) {
      return Fail(absl::StatusCode::kInvalidArgument,
                  "no peer {}: there are victoriametrics and prometheus", name);
    }
    if (const std::string missing = peer->Missing(); !missing.empty()) {
      fmt::print("{}: {}\n", name, missing);
    } else {
      systems.push_back(std::move(peer));
    }
  }
  return systems;
}

}  // namespace ronda::bench
