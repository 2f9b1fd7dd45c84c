#include "tests/support/watched_node.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace ronda {
namespace {

constexpr int64_t kSlackMs = 1500;
constexpr int64_t kPatienceMs = 180'000;

nlohmann::json Ask(const std::string& data_dir, std::vector<std::string> command) {
  std::vector<std::string> argv = {ProgramPath("ronda"), "--data", data_dir};
  argv.insert(argv.end(), command.begin(), command.end());
  argv.insert(argv.end(), {"--since", "1h", "-o", "json"});
  // On a busy machine an hour takes its time; no answer must not look like an empty one.
  const Output output = RunProgram(argv, kPatienceMs);
  EXPECT_NE(output.exit_code, -1) << command.front() << " has not ended after " << kPatienceMs
                                  << " ms";
  return nlohmann::json::parse(output.out, nullptr, /*allow_exceptions=*/false);
}

int64_t TimeOf(const nlohmann::json& text) {
  absl::Time time;
  std::string error;
  if (!text.is_string() ||
      !absl::ParseTime(absl::RFC3339_full, text.get<std::string>(), &time, &error)) {
    return 0;
  }
  return absl::ToUnixMillis(time);
}

void CollectTicks(const nlohmann::json& value, std::vector<int64_t>* ticks) {
  if (value.is_array() && value.size() == 2 && value[0].is_number() && value[1].is_string()) {
    if (value[1] == "1") {
      ticks->push_back(static_cast<int64_t>(value[0].get<double>() * 1000 + 0.5));
    }
    return;
  }
  if (value.is_structured()) {
    for (const auto& part : value) {
      CollectTicks(part, ticks);
    }
  }
}

}  // namespace

std::vector<int64_t> TicksOf(const std::string& data_dir, const std::string& node) {
  std::vector<int64_t> ticks;
  CollectTicks(Ask(data_dir, {"query", "up{node=\"" + node + "\",job=\"node\"}"}), &ticks);
  std::sort(ticks.begin(), ticks.end());
  return ticks;
}

std::vector<ToldGap> GapsOf(const std::string& data_dir, const std::string& node, bool late) {
  std::vector<std::string> command = {"gaps", node};
  if (late) {
    command.push_back("--late");
  }
  std::vector<ToldGap> gaps;
  for (const auto& row : Ask(data_dir, std::move(command))) {
    if (row.is_object()) {
      gaps.push_back({TimeOf(row.value("from", nlohmann::json())),
                      TimeOf(row.value("to", nlohmann::json())), row.value("cause", "")});
    }
  }
  return gaps;
}

std::vector<int64_t> Unexplained(const std::vector<int64_t>& ticks,
                                 const std::vector<ToldGap>& gaps) {
  std::vector<int64_t> missing;
  for (size_t i = 1; i < ticks.size(); ++i) {
    for (int64_t t_ms = ticks[i - 1] + 1000; t_ms < ticks[i]; t_ms += 1000) {
      const bool told = std::any_of(gaps.begin(), gaps.end(), [t_ms](const ToldGap& gap) {
        return t_ms >= gap.from_ms - kSlackMs && (gap.to_ms == 0 || t_ms <= gap.to_ms + kSlackMs);
      });
      if (!told) {
        missing.push_back(t_ms);
      }
    }
  }
  return missing;
}

std::vector<ToldGap> StallsOf(const std::vector<ToldGap>& gaps) {
  std::vector<ToldGap> stalls;
  std::copy_if(gaps.begin(), gaps.end(), std::back_inserter(stalls), [](const ToldGap& gap) {
    return gap.cause == "agent stalled" || gap.cause == "paused";
  });
  return stalls;
}

bool HasDoubles(const std::vector<int64_t>& ticks) {
  return std::adjacent_find(ticks.begin(), ticks.end()) != ticks.end();
}

}  // namespace ronda
