// The README's first command, as a new user would run it, and what it promises afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace ronda {
namespace {

using testing::HasSubstr;

std::string Source() {
  const char* source = std::getenv("RONDA_SOURCE");
  return source != nullptr ? source : ".";
}

TEST(QuickstartTest, ShowsThisMachineAndLeavesItsHistory) {
  TempDir dir;
  const std::string data = dir.File("data");
  const Output run = RunProgram({Source() + "/deploy/quickstart", "--for", "30s", "--data", data},
                                /*timeout_ms=*/800'000);
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_THAT(run.out, HasSubstr("cpu"));

  const std::string ronda = Source() + "/build/bin/ronda";
  const Output csv = RunProgram({ronda, "--data", data, "query", "node_memory_MemAvailable_bytes",
                                 "--since", "1m", "-o", "csv"});
  ASSERT_EQ(csv.exit_code, 0) << csv.err;
  std::istringstream lines(csv.out);
  std::string line;
  std::vector<std::string> seconds;
  std::getline(lines, line);
  EXPECT_THAT(line, HasSubstr("time"));
  while (std::getline(lines, line)) {
    seconds.push_back(line.substr(0, 19));  // to the second
  }
  EXPECT_GE(seconds.size(), 20u);
  for (size_t i = 1; i < seconds.size(); ++i) {
    EXPECT_NE(seconds[i], seconds[i - 1]) << "one row a second";
  }

  const Output plot = RunProgram(
      {ronda, "--data", data, "query", "ronda_cpu_usage_percent", "--since", "1m", "-o", "plot"});
  EXPECT_EQ(plot.exit_code, 0) << plot.err;
  EXPECT_GE(plot.out.size(), 400u) << plot.out;
  const Output nodes = RunProgram({ronda, "--data", data, "nodes"});
  EXPECT_EQ(nodes.exit_code, 0) << nodes.err;
}

TEST(QuickstartTest, SaysWhatIsWrongWithItsOptions) {
  const Output run = RunProgram({Source() + "/deploy/quickstart", "--for", "soon"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("--for takes a time"));
}

}  // namespace
}  // namespace ronda
