// Replays tests/fuzz/corpus/<target>/* through each fuzz target, and damaged copies of them. A
// target that finds something aborts.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "tests/support/status_matchers.h"

#define X(name) int Fuzz_##name(const uint8_t* data, size_t size);
#include "fuzz_targets.inc"
#undef X

namespace ronda {
namespace {

struct Target {
  const char* name;
  int (*function)(const uint8_t* data, size_t size);
};

const Target kTargets[] = {
#define X(name) {#name, Fuzz_##name},
#include "fuzz_targets.inc"
#undef X
};

constexpr int64_t kMaxGrowthKib = 200 << 10;
// Damaged copies of one seed. A target whose seeds take long, above all under a sanitizer, gets fewer
// once its time is used up: each seed still at least kLeastCopies.
constexpr int kCopies = 2000;
constexpr int kLeastCopies = 50;
constexpr std::chrono::seconds kTime{5};

int64_t PeakKib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// An input that makes a parser take memory without end must fail the test, not the machine.
void LimitMemory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const rlimit limit{rlim_t{2} << 30, rlim_t{2} << 30};
  setrlimit(RLIMIT_AS, &limit);
#endif
}

void Feed(const Target& target, const std::string& input) {
  const int64_t before = PeakKib();
  target.function(reinterpret_cast<const uint8_t*>(input.data()), input.size());
  ASSERT_LT(PeakKib() - before, kMaxGrowthKib) << testing::PrintToString(input);
}

class Corpus : public testing::TestWithParam<Target> {};

TEST_P(Corpus, Replays) {
  const char* source = std::getenv("RONDA_SOURCE");
  const std::filesystem::path folder = std::filesystem::path(source != nullptr ? source : ".") /
                                       "tests/fuzz/corpus" / GetParam().name;
  std::vector<std::string> inputs = {""};
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    ASSERT_OK_AND_ASSIGN(std::string input, ReadFile(entry.path().string()));
    inputs.push_back(std::move(input));
  }
  ASSERT_GT(inputs.size(), 1U) << folder << " holds no seeds";
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  LimitMemory();
  const auto enough = std::chrono::steady_clock::now() + kTime;
  for (const std::string& input : inputs) {
    ASSERT_NO_FATAL_FAILURE(Feed(GetParam(), input));
    for (int i = 0; i < kCopies && !input.empty(); ++i) {
      if (i >= kLeastCopies && std::chrono::steady_clock::now() > enough) {
        break;
      }
      std::string damaged = input;
      for (uint64_t n = 1 + random() % 3; n > 0; --n) {
        damaged[random() % damaged.size()] = static_cast<char>(random());
      }
      if (random() % 4 == 0) {
        damaged.resize(random() % damaged.size());
      }
      ASSERT_NO_FATAL_FAILURE(Feed(GetParam(), damaged));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Corpus, testing::ValuesIn(kTargets),
                         [](const auto& target) { return std::string(target.param.name); });

}  // namespace
}  // namespace ronda
