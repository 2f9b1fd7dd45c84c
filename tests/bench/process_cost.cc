#include "tests/bench/process_cost.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "common/base/files.h"

namespace ronda::bench {
namespace {

double KibField(const std::string& path, const std::string& field) {
  std::ifstream in(path);
  std::string word;
  while (in >> word) {
    if (word == field) {
      double kib = 0;
      in >> kib;
      return kib;
    }
  }
  return 0;
}

}  // namespace

ProcessCost CostOf(pid_t pid) {
  const std::string proc = "/proc/" + std::to_string(pid);
  ProcessCost cost;
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator(proc + "/task", gone)) {
    const auto text = ReadFile(task.path().string() + "/schedstat");
    if (text.ok()) {
      cost.cpu_ms += static_cast<double>(std::strtoull(text->c_str(), nullptr, 10)) / 1e6;
    }
  }
  cost.rss_mib = KibField(proc + "/status", "VmRSS:") / 1024;
  cost.pss_mib = KibField(proc + "/smaps_rollup", "Pss:") / 1024;
  return cost;
}

}  // namespace ronda::bench
