// What is read of processes, the agent's own among them, and of interrupts; on the tree variant/.
#include "agent/samplers/host/processes.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/samplers/host/hung_tasks.h"
#include "agent/samplers/host/interrupts.h"
#include "agent/samplers/host/own_process.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/agent/samplers/host/sample_table.h"

namespace ronda::agent {
namespace {

using Values = std::map<std::string, double>;

class ProcessesTest : public testing::Test {
 protected:
  Values Sample(Sampler& sampler) {
    table_.BeginSampler(1);
    EXPECT_OK(sampler.Sample(0, table_));
    EXPECT_EQ(CheckDeclared(table_, sampler.metrics()), "");
    return ValuesOf(table_);
  }

  FakeTree tree_{"variant"};
  SeriesTable table_;
};

TEST_F(ProcessesTest, CountsProcessesThreadsAndStates) {
  ProcessesSampler sampler(tree_.proc());
  const Values first = {{"node_processes_pids", 2},
                        {"node_processes_threads", 13},
                        {"node_processes_max_processes", 32768},
                        {"node_processes_max_threads", 96000},
                        {R"(node_processes_state{state="D"})", 0},
                        {R"(node_processes_state{state="I"})", 0},
                        {R"(node_processes_state{state="R"})", 1},
                        {R"(node_processes_state{state="S"})", 1},
                        {R"(node_processes_state{state="T"})", 0},
                        {R"(node_processes_state{state="Z"})", 0}};
  tree_.Write("proc/sys/kernel/pid_max", "32768\n");
  tree_.Write("proc/sys/kernel/threads-max", "96000\n");
  EXPECT_EQ(Sample(sampler), first);

  // A state that nobody is in any more is 0, not gone; a process that hides itself is no error.
  tree_.Write("proc/44/stat", "44 (p) P 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 3 ");
  EXPECT_EQ(Sample(sampler).at(R"(node_processes_state{state="P"})"), 1);
  tree_.Remove("proc/44");
  tree_.Remove("proc/42");
  tree_.Write("proc/43/status", "");
  const Values second = Sample(sampler);
  EXPECT_EQ(second.at("node_processes_pids"), 1);
  EXPECT_EQ(second.at("node_processes_threads"), 1);
  EXPECT_EQ(second.at(R"(node_processes_state{state="R"})"), 0);
  EXPECT_EQ(second.at(R"(node_processes_state{state="P"})"), 0);
}

TEST_F(ProcessesTest, RefusesALineThatIsNoneOfAProcess) {
  ProcessesSampler sampler(tree_.proc());
  for (const char* text :
       {"42 (cut) S 1 42", "42 (no number) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 x", "garbage\n"}) {
    tree_.Write("proc/42/stat", text);
    EXPECT_THAT(sampler.Sample(0, table_),
                StatusIs(absl::StatusCode::kDataLoss, "/42/stat: field num_threads"))
        << text;
  }
}

TEST_F(ProcessesTest, SaysWhenThereIsNoProcfs) {
  ProcessesSampler sampler(tree_.root() + "/nothing");
  EXPECT_THAT(sampler.Sample(0, table_),
              StatusIs(absl::StatusCode::kNotFound, "opening " + tree_.root() + "/nothing"));
}

TEST_F(ProcessesTest, OwnProcess) {
  tree_.Write("proc/stat", "cpu 1 2 3 4\nbtime 1700000000\nprocesses 7\n");
  tree_.Write("proc/self/fd/0", "");
  tree_.Write("proc/self/fd/1", "");
  OwnProcessSampler sampler(tree_.proc());
  const Values values = Sample(sampler);
  const auto hz = static_cast<double>(sysconf(_SC_CLK_TCK));
  rlimit files{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
  EXPECT_EQ(values.at("process_cpu_seconds_total"), 200 / hz);
  EXPECT_EQ(values.at("process_virtual_memory_bytes"), 170'000'000);
  EXPECT_EQ(values.at("process_resident_memory_bytes"), 3200.0 * sysconf(_SC_PAGESIZE));
  EXPECT_EQ(values.at("process_start_time_seconds"), 1'700'000'000 + 1200 / hz);
  EXPECT_EQ(values.at("process_max_fds"), static_cast<double>(files.rlim_cur));
  // The kernel lists the descriptor that reads the folder too; this folder has none.
  EXPECT_EQ(values.at("process_open_fds"), 1);

  tree_.Write("proc/self/stat", "7 (ronda-agent) S 1 7 7 0 -1 4194560 11 22 33 44 150\n");
  EXPECT_THAT(sampler.Sample(0, table_), StatusIs(absl::StatusCode::kDataLoss, "/self/stat"));
}

TEST_F(ProcessesTest, OwnProcessAsTheKernelTellsIt) {
  OwnProcessSampler sampler("/proc");
  const double before = Sample(sampler).at("process_open_fds");
  const int fd = dup(STDERR_FILENO);
  EXPECT_EQ(Sample(sampler).at("process_open_fds"), before + 1);
  close(fd);
  EXPECT_EQ(Sample(sampler).at("process_open_fds"), before);
}

TEST_F(ProcessesTest, InterruptsByCpuNumberTypeAndDevice) {
  InterruptsSampler sampler(tree_.proc());
  const std::string m = "node_interrupts_total";
  const std::string serial = R"(devices="4-edge ttyS0",info="IO-APIC",type="4"})";
  const std::string disk =
      R"(devices="512000-edge virtio0-config, virtio1",info="PCI-MSI",type="24"})";
  const std::string nmi = R"(info="Non-maskable interrupts",type="NMI"})";
  const std::string timer = R"(info="Local timer interrupts",type="LOC"})";
  // ERR and MIS have no CPU.
  EXPECT_EQ(Sample(sampler), (Values{{m + R"({cpu="0",)" + serial, 813},
                                     {m + R"({cpu="2",)" + serial, 0},
                                     {m + R"({cpu="0",)" + disk, 1},
                                     {m + R"({cpu="2",)" + disk, 70},
                                     {m + R"({cpu="0",)" + nmi, 0},
                                     {m + R"({cpu="2",)" + nmi, 0},
                                     {m + R"({cpu="0",)" + timer, 262144},
                                     {m + R"({cpu="2",)" + timer, 196608},
                                     {"ronda_interrupts_left_out", 0}}));

  // The interrupt goes to another device, and a CPU is switched off.
  tree_.Write("proc/interrupts", "  CPU2\n 24:  71  PCI-MSI 512000-edge  nvme0\n");
  EXPECT_EQ(Sample(sampler),
            (Values{{m + R"({cpu="2",devices="512000-edge nvme0",info="PCI-MSI",type="24"})", 71},
                    {"ronda_interrupts_left_out", 0}}));
}

TEST_F(ProcessesTest, InterruptsOfALargeMachineAreBounded) {
  constexpr int kCpus = 200;
  constexpr int kRows = 5;
  std::string text;
  for (int cpu = 0; cpu < kCpus; ++cpu) {
    text += fmt::format(" CPU{}", cpu);
  }
  for (int row = 0; row < kRows; ++row) {
    text += fmt::format("\n{}:", row);
    for (int cpu = 0; cpu < kCpus; ++cpu) {
      text += fmt::format(" {}", cpu + 1);
    }
    text += " PCI-MSI edge eth0";
  }
  tree_.Write("proc/interrupts", text + "\n");
  InterruptsSampler sampler(tree_.proc());
  const Values values = Sample(sampler);
  EXPECT_EQ(values.size(), 2U * kCpus + 1);
  EXPECT_EQ(values.at("ronda_interrupts_left_out"), kRows - 2);
}

TEST_F(ProcessesTest, HungTasksUnderBothNames) {
  HungTasksSampler sampler(tree_.proc());
  EXPECT_EQ(Sample(sampler),
            (Values{{"node_kernel_hung_tasks", 2}, {"node_kernel_hung_tasks_total", 2}}));
}

}  // namespace
}  // namespace ronda::agent
