#include "tests/bench/bench_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
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

using nlohmann::json;

}  // namespace

absl::StatusOr<ScaleSet> NewBenchSet(const std::string& name, const SetOptions& options) {
  RONDA_ASSIGN_OR_RETURN(const HostCapture capture, LoadHostCapture(TestData("host_capture")));
  RONDA_ASSIGN_OR_RETURN(ScaleSet set, MakeScaleSet(capture, name, options.scale, options.seed));
  if (options.seconds > 0) {
    set.ticks = options.seconds;
  }
  set.start_ms = SystemClock().NowMs() / 1000 * 1000 - (set.ticks - 1) * 1000;
  return set;
}

KeptSet::KeptSet(const std::string& dir, ScaleSet* set)
    : dir_(dir + "/" + set->name),
      description_(fmt::format("{} {} ticks seed {}", set->name, set->ticks, set->seed)) {
  const json kept = json::parse(ReadFile(dir_ + "/bench.json").value_or(""), nullptr, false);
  if (!kept.is_discarded() && kept.value("set", "") == description_) {
    set->start_ms = kept.value("start_ms", set->start_ms);
    systems_ = kept.value("systems", systems_);
  } else {
    std::filesystem::remove_all(dir_);
  }
  description_ = json{{"set", description_}, {"start_ms", set->start_ms}}.dump();
}

bool KeptSet::Holds(const std::string& system) const {
  return std::find(systems_.begin(), systems_.end(), system) != systems_.end();
}

void KeptSet::Add(const std::string& system) {
  systems_.push_back(system);
  json kept = json::parse(description_);
  kept["systems"] = systems_;
  if (absl::Status written = WriteFileAtomically(dir_ + "/bench.json", kept.dump());
      !written.ok()) {
    fmt::print(stderr, "ronda-bench: {}\n", Message(written));
  }
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
