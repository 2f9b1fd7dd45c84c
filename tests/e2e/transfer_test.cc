// Export, import into an empty collector, export again: the same bytes.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <csignal>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_agent.h"

namespace ronda {
namespace {

using testing::HasSubstr;

constexpr int64_t kBegin = 1'790'000'000'000;

class TransferTest : public testing::Test {
 protected:
  struct Collector {
    Process process;
    std::string name;
    std::string address;
  };

  void Start(const std::string& name, Collector* collector) {
    collector->name = name;
    const std::string address_file = dir_.File(name + ".address");
    std::remove(address_file.c_str());
    const std::string config = dir_.File("collector.yml");
    std::ofstream(config) << "retention: {raw: 3650d, minute: 3650d, hour: 3650d}\n";
    ASSERT_TRUE(
        collector->process.Start({ProgramPath("ronda-collector"), "--config", config, "--insecure",
                                  "--data", dir_.File(name), "--listen", "127.0.0.1:0", "--socket",
                                  dir_.File(name + ".sock"), "--print-address", address_file},
                                 dir_.File(name + ".log")));
    ASSERT_TRUE(Eventually(15'000, [&] {
      collector->address = ReadFile(address_file).value_or("");
      return !collector->address.empty();
    })) << ReadFile(dir_.File(name + ".log")).value_or("");
    collector->address.pop_back();
  }

  Output Ronda(const Collector& collector, std::vector<std::string> arguments) const {
    std::vector<std::string> argv = {ProgramPath("ronda"), "--collector", collector.address};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return RunProgram(argv);
  }

  std::string Export(const Collector& collector, const std::string& format) const {
    const std::string path = dir_.File("export");
    const Output run = Ronda(collector, {"export", "--file", path, "-o", format});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return ReadFile(path).value_or("");
  }

  Output Import(const Collector& collector, const std::string& text,
                std::vector<std::string> options = {}) const {
    const std::string path = dir_.File("import");
    std::ofstream(path) << text;
    options.insert(options.begin(), {"import", path});
    return Ronda(collector, options);
  }

  TempDir dir_;
};

// A few sources with series of different rhythm, holes, ends, and values of every kind.
std::string RandomCsv(uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto value = [&]() -> std::string {
    switch (random() % 8) {
      case 0:
        return fmt::format("{}", std::bit_cast<double>(random() & 0x7fefffffffffffff));
      case 1:
        return std::vector<std::string>{"NaN",
                                        "+Inf",
                                        "-Inf",
                                        "-0",
                                        "NaN:7ff8000000000001",
                                        "NaN:fff8000000000abc"}[random() % 6];
      default:
        return fmt::format("{}", static_cast<double>(random() % 100'000) / 100);
    }
  };
  std::string text = "time_ms,value,series\n";
  const size_t series = 5 + random() % 30;
  for (size_t s = 0; s < series; ++s) {
    const std::string name = fmt::format(
        "\"m{}{{a=\"\"x\\\\\\\"\"{}\"\",instance=\"\"{}\"\",job=\"\"j{}\"\",node=\"\"n{}\"\"}}\"",
        s % 4, s, s % 3 == 0 ? "db:5432" : fmt::format("n{}", s % 5), s % 2, s % 5);
    const int64_t step = std::vector<int64_t>{1000, 1000, 1000, 15'000, 777}[random() % 5];
    bool after_sample = false;
    for (int64_t t = kBegin + static_cast<int64_t>(random() % 3) * 1000; t < kBegin + 400'000;
         t += step) {
      if (random() % 40 == 0 && after_sample) {
        text += fmt::format("{},stale,{}\n", t, name);
        after_sample = false;
      } else if (random() % 40 != 0) {
        text += fmt::format("{},{},{}\n", t, value(), name);
        after_sample = true;
      }
    }
  }
  return text;
}

TEST_F(TransferTest, RandomHistoryComesBackToTheByte) {
  const uint64_t seed = std::random_device{}();
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << " round " << round);
    Collector first;
    Collector second;
    ASSERT_NO_FATAL_FAILURE(Start(fmt::format("first{}", round), &first));
    ASSERT_NO_FATAL_FAILURE(Start(fmt::format("second{}", round), &second));
    const std::string given = RandomCsv(seed + static_cast<uint64_t>(round));
    Output run = Import(first, given);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const std::string csv = Export(first, "csv");
    const auto lines = [](const std::string& text) {
      return std::count(text.begin(), text.end(), '\n');
    };
    ASSERT_EQ(lines(csv), lines(given));
    run = Import(second, csv);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(Export(second, "csv") == csv);

    // What is there stays: a second time, and the same times with other values.
    ASSERT_EQ(Import(second, csv).exit_code, 0);
    std::string other;
    for (size_t at = 0; at < csv.size();) {
      const size_t end = csv.find('\n', at);
      std::string line = csv.substr(at, end - at);
      if (at > 0) {
        const size_t comma = line.find(',');
        line.replace(comma + 1, line.find(',', comma + 1) - comma - 1, "12345");
      }
      other += line + "\n";
      at = end + 1;
    }
    ASSERT_EQ(Import(second, other).exit_code, 0);
    EXPECT_TRUE(Export(second, "csv") == csv);

    // Also after a restart, and offline.
    second.process.Signal(SIGTERM);
    ASSERT_EQ(second.process.Wait(10'000), 0);
    const Output offline =
        RunProgram({ProgramPath("ronda"), "--data", dir_.File(second.name), "export"});
    EXPECT_TRUE(offline.out == csv) << offline.err;
  }
}

TEST_F(TransferTest, AnAgentsDataAsPrometheusText) {
  Collector first;
  Collector second;
  ASSERT_NO_FATAL_FAILURE(Start("first", &first));
  ASSERT_NO_FATAL_FAILURE(Start("second", &second));
  TestAgent agent("web1", 77, 20, kBegin);
  ASSERT_EQ(agent.Connect(first.address), "");
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(agent.Tick());
  }
  ASSERT_TRUE(agent.WaitAcknowledged(10'000)) << agent.acknowledged().count();
  const std::string text = Export(first, "prometheus");
  EXPECT_THAT(text, HasSubstr("# TYPE test_total counter\ntest_total{i=\"1\",instance=\"web1\","));
  const Output run = Import(second, text);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("imported 6300 samples of 1 node"));
  EXPECT_TRUE(Export(second, "prometheus") == text);
  EXPECT_TRUE(Export(second, "csv") == Export(first, "csv"));
  // The agent of the first is live there, and its data can be imported all the same.
  ASSERT_EQ(Import(first, text).exit_code, 0);
  EXPECT_TRUE(Export(first, "prometheus") == text);
  EXPECT_THAT(Ronda(first, {"nodes"}).out, HasSubstr("live"));
  EXPECT_THAT(Ronda(second, {"nodes"}).out, HasSubstr("unknown"));
  EXPECT_THAT(Ronda(second, {"alerts", "--since", "1h"}).out, testing::Not(HasSubstr("web1")));
}

TEST_F(TransferTest, ErrorsLoseNothingAndSayWhatIsThere) {
  Collector collector;
  ASSERT_NO_FATAL_FAILURE(Start("one", &collector));
  const std::string good = "a{node=\"n\"} 1 1790000000000\n";
  Output run = Import(collector, good + "a{node=\"n\"} one 1790000001000\n");
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, testing::AllOf(HasSubstr("import:2: the value \"one\" is no number"),
                                      HasSubstr("0 samples"), HasSubstr("--skip-bad")));
  EXPECT_EQ(Export(collector, "csv"), "time_ms,value,series\n");
  run = Import(collector, good + "nonsense\n", {"--skip-bad"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.err, HasSubstr("1 bad lines were left out"));
  EXPECT_EQ(Import(collector, "b 1 1790000000000\n").exit_code, 2);
  EXPECT_EQ(Import(collector, "b 1 1790000000000\n", {"--node", "n"}).exit_code, 0);
  EXPECT_EQ(Export(collector, "csv"),
            "time_ms,value,series\n"
            "1790000000000,1,\"a{instance=\"\"n\"\",job=\"\"import\"\",node=\"\"n\"\"}\"\n"
            "1790000000000,1,\"b{instance=\"\"n\"\",job=\"\"import\"\",node=\"\"n\"\"}\"\n");
  run = Import(collector, "c{node=\"n/m\"} 1 1790000000000\n");
  EXPECT_NE(run.exit_code, 0);
  EXPECT_THAT(run.err, HasSubstr("node n/m: the node's name holds a character"));
  EXPECT_EQ(RunProgram({ProgramPath("ronda"), "--data", dir_.File("one"), "import", "x"}).exit_code,
            2);
  EXPECT_EQ(RunProgram(
                {ProgramPath("ronda"), "--collector", "127.0.0.1:1", "import", dir_.File("import")})
                .exit_code,
            3);
}

}  // namespace
}  // namespace ronda
