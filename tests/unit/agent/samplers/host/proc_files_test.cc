// The samplers of single files of /proc and /sys, on the tree variant/.
#include <unistd.h>

#include <functional>
#include <memory>
#include <utility>

#include "agent/samplers/host/arp.h"
#include "agent/samplers/host/conntrack.h"
#include "agent/samplers/host/diskstats.h"
#include "agent/samplers/host/dmi.h"
#include "agent/samplers/host/entropy.h"
#include "agent/samplers/host/filefd.h"
#include "agent/samplers/host/hung_tasks.h"
#include "agent/samplers/host/interrupts.h"
#include "agent/samplers/host/loadavg.h"
#include "agent/samplers/host/meminfo.h"
#include "agent/samplers/host/netstat.h"
#include "agent/samplers/host/os_release.h"
#include "agent/samplers/host/pressure.h"
#include "agent/samplers/host/schedstat.h"
#include "agent/samplers/host/sockstat.h"
#include "agent/samplers/host/softnet.h"
#include "agent/samplers/host/time.h"
#include "agent/samplers/host/udp_queues.h"
#include "agent/samplers/host/vmstat.h"
#include "common/base/files.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/agent/samplers/host/sample_table.h"

namespace ronda::agent {
namespace {

using Values = std::map<std::string, double>;

class ProcFilesTest : public testing::Test {
 protected:
  absl::Status Sample(Sampler& sampler) {
    if (std::exchange(last_, &sampler) != &sampler) {
      table_ = SeriesTable();
    }
    table_.BeginSampler(1);
    const absl::Status status = sampler.Sample(0, table_);
    EXPECT_EQ(CheckDeclared(table_, sampler.metrics()), "");
    return status;
  }
  Values All() { return ValuesOf(table_); }
  double Value(const std::string& series) {
    const Values values = All();
    const auto it = values.find(series);
    return it == values.end() ? -12345 : it->second;
  }
  bool Has(const std::string& series) { return All().contains(series); }

  FakeTree tree_{"variant"};
  SeriesTable table_;
  Sampler* last_ = nullptr;
};

TEST_F(ProcFilesTest, Meminfo) {
  MeminfoSampler sampler(tree_.proc());
  ASSERT_OK(Sample(sampler));
  EXPECT_EQ(Value("node_memory_MemTotal_bytes"), 16'000'000 * 1024.0);
  EXPECT_EQ(Value("node_memory_Active_anon_bytes"), 12 * 1024);
  EXPECT_EQ(Value("node_memory_HugePages_Total"), 8);
  EXPECT_EQ(Value("node_memory_Hugepagesize_bytes"), 2048 * 1024);
  EXPECT_EQ(Value("ronda_memory_usage_percent"), 75);
  EXPECT_EQ(Value("ronda_swap_usage_percent"), 25);
  EXPECT_EQ(All().size(), 56U);
  tree_.Write("proc/meminfo",
              "MemTotal: 3 kB\nMemAvailable: 2 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n");
  ASSERT_OK(Sample(sampler));
  EXPECT_EQ(Value("ronda_memory_usage_percent"), 33.33);
  EXPECT_FALSE(Has("ronda_swap_usage_percent"));
  EXPECT_FALSE(Has("node_memory_MemFree_bytes"));
}

TEST_F(ProcFilesTest, Loadavg) {
  LoadavgSampler sampler(tree_.proc());
  ASSERT_OK(Sample(sampler));
  EXPECT_EQ(All(), (Values{{"node_load1", 0.2},
                           {"node_load5", 1.08},
                           {"node_load15", 10.02},
                           {"ronda_threads", 713},
                           {"ronda_pids_limit", 32768}}));
}

TEST_F(ProcFilesTest, VmstatLetsThroughTheDefaultFilter) {
  tree_.Write("proc/vmstat",
              "nr_free_pages 1\npgpgin 2\npgpgout 3\npswpin 4\npswpout 5\npgfault 6\n"
              "pgmajfault 7\noom_kill 8\npgalloc_dma 9\n");
  VmstatSampler sampler(tree_.proc());
  ASSERT_OK(Sample(sampler));
  EXPECT_EQ(All(), (Values{{"node_vmstat_pgpgin", 2},
                           {"node_vmstat_pgpgout", 3},
                           {"node_vmstat_pswpin", 4},
                           {"node_vmstat_pswpout", 5},
                           {"node_vmstat_pgfault", 6},
                           {"node_vmstat_pgmajfault", 7},
                           {"node_vmstat_oom_kill", 8},
                           {"ronda_oom_kills_5m", 0}}));
}

TEST_F(ProcFilesTest, Diskstats) {
  ASSERT_OK_AND_ASSIGN(NameFilter exclude,
                       NameFilter::New(R"(^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$)"));
  DiskstatsSampler sampler(tree_.proc(), tree_.root(), exclude);
  ASSERT_OK(Sample(sampler));
  EXPECT_EQ(All().size(), 18U + 12U + 18U);  // sda's kernel is before 4.18
  const std::string d = R"({device="nvme0n1"})";
  EXPECT_EQ(Value("node_disk_reads_completed_total" + d), 1000);
  EXPECT_EQ(Value("node_disk_reads_merged_total" + d), 20);
  EXPECT_EQ(Value("node_disk_read_bytes_total" + d), 16384 * 512);
  EXPECT_EQ(Value("node_disk_read_time_seconds_total" + d), 1.5);
  EXPECT_EQ(Value("node_disk_writes_completed_total" + d), 2000);
  EXPECT_EQ(Value("node_disk_writes_merged_total" + d), 40);
  EXPECT_EQ(Value("node_disk_written_bytes_total" + d), 32768 * 512);
  EXPECT_EQ(Value("node_disk_write_time_seconds_total" + d), 2.5);
  EXPECT_EQ(Value("node_disk_io_now" + d), 3);
  EXPECT_EQ(Value("node_disk_io_time_seconds_total" + d), 1.75);
  EXPECT_EQ(Value("node_disk_io_time_weighted_seconds_total" + d), 4.001);
  EXPECT_EQ(Value("node_disk_discards_completed_total" + d), 50);
  EXPECT_EQ(Value("node_disk_discards_merged_total" + d), 1);
  EXPECT_EQ(Value("node_disk_discarded_sectors_total" + d), 2048);
  EXPECT_EQ(Value("node_disk_discard_time_seconds_total" + d), 0.025);
  EXPECT_EQ(Value("node_disk_flush_requests_total" + d), 60);
  EXPECT_EQ(Value("node_disk_flush_requests_time_seconds_total" + d), 0.035);
  EXPECT_EQ(Value(R"(node_disk_info{device="nvme0n1",major="259",minor="0",model="Fast SSD",)"
                  R"(path="pci-0000:01:00.0-nvme-1",revision="2B2Q",serial="S4",wwn="eui.0025"})"),
            1);
  EXPECT_EQ(Value(R"(node_disk_reads_completed_total{device="dm-0"})"), 18446744073709551615.0);
}

TEST_F(ProcFilesTest, ADiskThatIsPulledEndsAndAnotherInItsPlaceIsDescribedAnew) {
  DiskstatsSampler sampler(tree_.proc(), tree_.root(), NameFilter());
  tree_.Write("proc/diskstats", "8 0 sda 1 0 0 0 0 0 0 0 0 0 0\n8 16 sdb 2 0 0 0 0 0 0 0 0 0 0\n");
  ASSERT_OK(Sample(sampler));
  EXPECT_TRUE(Has(R"(node_disk_reads_completed_total{device="sdb"})"));
  tree_.Write("proc/diskstats", "8 0 sda 1 0 0 0 0 0 0 0 0 0 0\n");
  ASSERT_OK(Sample(sampler));
  EXPECT_FALSE(Has(R"(node_disk_reads_completed_total{device="sdb"})"));
  EXPECT_TRUE(Has(R"(node_disk_reads_completed_total{device="sda"})"));
  tree_.Write("proc/diskstats", "8 32 sda 7 0 0 0 0 0 0 0 0 0 0\n");
  ASSERT_OK(Sample(sampler));
  EXPECT_TRUE(Has(R"(node_disk_info{device="sda",major="8",minor="32"})"));
  EXPECT_FALSE(Has(R"(node_disk_info{device="sda",major="8",minor="0"})"));
}

TEST_F(ProcFilesTest, Pressure) {
  PressureSampler sampler(tree_.proc());
  ASSERT_OK(Sample(sampler));
  EXPECT_EQ(All(), (Values{{"node_pressure_cpu_waiting_seconds_total", 12.015747},
                           {"node_pressure_io_waiting_seconds_total", 8.614515},
                           {"node_pressure_io_stalled_seconds_total", 8.252144},
                           {"node_pressure_memory_waiting_seconds_total", 0.000007},
                           {"node_pressure_memory_stalled_seconds_total", 0.000001}}));
  tree_.Write("proc/pressure/irq", "full avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\n");
  PressureSampler since_6_1(tree_.proc());
  ASSERT_OK(Sample(since_6_1));
  EXPECT_EQ(Value("node_pressure_irq_stalled_seconds_total"), 2.5);
  tree_.Remove("proc/pressure");
  PressureSampler without(tree_.proc());
  ASSERT_OK(Sample(without));
  EXPECT_TRUE(All().empty());
}

TEST_F(ProcFilesTest, Netstat) {
  NetstatSampler sampler(tree_.proc());
  ASSERT_OK(Sample(sampler));
  EXPECT_EQ(All().size(), sampler.metrics().size());
  tree_.Write(
      "proc/net/netstat",
      "TcpExt: SyncookiesSent X ListenOverflows\nTcpExt: 1 x 3\nIpExt: InOctets\nIpExt: 5\n");
  tree_.Write("proc/net/snmp", "Tcp: MaxConn InSegs InErrs\nTcp: -1 7 8\nUdp: InErrors\nUdp: 9\n");
  tree_.Remove("proc/net/snmp6");
  NetstatSampler changed(tree_.proc());
  ASSERT_OK(Sample(changed));
  const Values expected = {{"node_netstat_TcpExt_SyncookiesSent", 1},
                           {"node_netstat_TcpExt_ListenOverflows", 3},
                           {"node_netstat_IpExt_InOctets", 5},
                           {"node_netstat_Tcp_MaxConn", -1},
                           {"node_netstat_Tcp_InSegs", 7},
                           {"node_netstat_Tcp_InErrs", 8},
                           {"node_netstat_Udp_InErrors", 9}};
  EXPECT_EQ(All(), expected);
  // Another order of columns, as after a kernel update on a tree that is mounted elsewhere.
  tree_.Write("proc/net/snmp", "Tcp: InErrs MaxConn InSegs\nTcp: 8 -1 7\nUdp: InErrors\nUdp: 9\n");
  ASSERT_OK(Sample(changed));
  EXPECT_EQ(All(), expected);
}

TEST_F(ProcFilesTest, Sockstat) {
  SockstatSampler sampler(tree_.proc());
  ASSERT_OK(Sample(sampler));
  const double page = static_cast<double>(sysconf(_SC_PAGESIZE));
  EXPECT_EQ(Value("node_sockstat_sockets_used"), 290);
  EXPECT_EQ(Value("node_sockstat_TCP_inuse"), 12);
  EXPECT_EQ(Value("node_sockstat_TCP_mem"), 5);
  EXPECT_EQ(Value("node_sockstat_TCP_mem_bytes"), 5 * page);
  EXPECT_EQ(Value("node_sockstat_UDP_mem_bytes"), 2 * page);
  EXPECT_EQ(Value("node_sockstat_FRAG6_memory"), 0);
  EXPECT_EQ(All().size(), sampler.metrics().size());
  tree_.Remove("proc/net/sockstat6");
  SockstatSampler without(tree_.proc());
  ASSERT_OK(Sample(without));
  EXPECT_FALSE(Has("node_sockstat_TCP6_inuse"));
}

TEST_F(ProcFilesTest, SmallFiles) {
  FilefdSampler filefd(tree_.proc());
  ASSERT_OK(Sample(filefd));
  EXPECT_EQ(Value("node_filefd_allocated"), 557);
  EXPECT_EQ(Value("node_filefd_maximum"), 9223372036854775807.0);
  SchedstatSampler schedstat(tree_.proc());
  ASSERT_OK(Sample(schedstat));
  EXPECT_EQ(Value(R"(node_schedstat_running_seconds_total{cpu="1"})"), 1.500000001);
  EXPECT_EQ(Value(R"(node_schedstat_waiting_seconds_total{cpu="0"})"), 0.25);
  EXPECT_EQ(Value(R"(node_schedstat_timeslices_total{cpu="1"})"), 1001);
  SoftnetSampler softnet(tree_.proc());
  ASSERT_OK(Sample(softnet));
  EXPECT_EQ(Value(R"(node_softnet_processed_total{cpu="0"})"), 0x16);
  EXPECT_EQ(Value(R"(node_softnet_processed_total{cpu="1"})"), 0xffffffff);
  EXPECT_EQ(Value(R"(node_softnet_dropped_total{cpu="1"})"), 10);
  EXPECT_EQ(Value(R"(node_softnet_times_squeezed_total{cpu="1"})"), 11);
  EXPECT_EQ(Value(R"(node_softnet_received_rps_total{cpu="1"})"), 0x1c);
  EXPECT_EQ(Value(R"(node_softnet_flow_limit_count_total{cpu="1"})"), 0x1d);
  ArpSampler arp(tree_.proc());
  ASSERT_OK(Sample(arp));
  EXPECT_EQ(ValuesOf(table_, "node_arp_entries"),
            (Values{{R"(node_arp_entries{device="eth0"})", 2},
                    {R"(node_arp_entries{device="br0"})", 1}}));
  UdpQueuesSampler udp(tree_.proc());
  ASSERT_OK(Sample(udp));
  EXPECT_EQ(Value(R"(node_udp_queues{ip="v4",queue="tx"})"), 0x11);
  EXPECT_EQ(Value(R"(node_udp_queues{ip="v4",queue="rx"})"), 0xa01);
  EntropySampler entropy(tree_.proc());
  ASSERT_OK(Sample(entropy));
  EXPECT_EQ(Value("node_entropy_pool_size_bits"), 256);
}

TEST_F(ProcFilesTest, Conntrack) {
  ConntrackSampler sampler(tree_.proc());
  ASSERT_OK(Sample(sampler));
  const std::string stat = "node_nf_conntrack_stat_";
  EXPECT_EQ(All(), (Values{{"node_nf_conntrack_entries", 15},
                           {"node_nf_conntrack_entries_limit", 262144},
                           {stat + "found", 2},
                           {stat + "invalid", 16},
                           {stat + "ignore", 4},
                           {stat + "insert", 6},
                           {stat + "insert_failed", 8},
                           {stat + "drop", 10},
                           {stat + "early_drop", 12},
                           {stat + "search_restart", 14}}));
  tree_.Remove("proc/sys/net");
  ConntrackSampler without(tree_.proc());
  ASSERT_OK(Sample(without));
  EXPECT_TRUE(All().empty());
}

TEST_F(ProcFilesTest, OsAndDmi) {
  OsSampler os(tree_.root());
  ASSERT_OK(Sample(os));
  EXPECT_EQ(
      All(),
      (Values{{R"x(node_os_info{id="ubuntu",id_like="debian",name="Ubuntu",)x"
               R"x(pretty_name="Ubuntu 22.04.3 LTS",version="22.04.3 LTS (Jammy \"Jellyfish\")",)x"
               R"x(version_codename="jammy",version_id="22.04"})x",
               1},
              {R"(node_os_version{id="ubuntu",id_like="debian",name="Ubuntu"})", 22.04}}));
  DmiSampler dmi(tree_.sys());
  ASSERT_OK(Sample(dmi));
  EXPECT_EQ(Value(R"(node_dmi_info{product_name="Rocket 9000",system_vendor="ACME"})"), 1);
}

TEST_F(ProcFilesTest, Time) {
  FakeClock clock;
  TimeSampler sampler(tree_.sys(), clock);
  clock.Advance(250);
  ASSERT_OK(Sample(sampler));
  EXPECT_EQ(Value("node_time_seconds"), static_cast<double>(clock.NowMs()) / 1000);
  EXPECT_EQ(ValuesOf(table_, "node_time_zone_offset_seconds").size(), 1U);
  EXPECT_EQ(Value(R"(node_time_clocksource_current_info{clocksource="tsc",device="0"})"), 1);
}

// Each file, each sampler of it: what it says of a field that is not a number.
struct Malformed {
  std::string file;
  std::string text;
  std::string error;
  std::function<std::unique_ptr<Sampler>(const std::string& procfs)> sampler;
};

template <typename T>
std::unique_ptr<Sampler> New(const std::string& procfs) {
  return std::make_unique<T>(procfs);
}
std::unique_ptr<Sampler> NewDiskstats(const std::string& procfs) {
  return std::make_unique<DiskstatsSampler>(procfs, "", NameFilter());
}

TEST_F(ProcFilesTest, MalformedFilesGiveErrorsThatNameFileAndField) {
  const Malformed cases[] = {
      {"meminfo", "MemTotal: x kB\n", "field MemTotal is not a number: 'x'", New<MeminfoSampler>},
      {"meminfo", "MemTotal", "field MemTotal is not a number: ''", New<MeminfoSampler>},
      {"meminfo", "", "field MemTotal is missing", New<MeminfoSampler>},
      {"meminfo", "MemTotal: 0 kB\n", "field MemTotal is missing or 0", New<MeminfoSampler>},
      {"loadavg", "0.20 1.0", "field node_load15", New<LoadavgSampler>},
      {"loadavg", "nan 1.0 1.0 1/2 3", "field node_load1", New<LoadavgSampler>},
      {"loadavg", "0.20 1.0 2.0 17 3", "field threads is not a number: '17'", New<LoadavgSampler>},
      {"sys/kernel/pid_max", "many\n", "field pid_max", New<LoadavgSampler>},
      {"vmstat", "pgfault\n", "field pgfault", New<VmstatSampler>},
      {"diskstats", "8 0\n", "field device is missing", NewDiskstats},
      {"diskstats", "8 0 sda 1 2 3", "field sda node_disk_read_time_seconds_total", NewDiskstats},
      {"diskstats", "8 0 sda 1 2 3 4 5 6 7 8 9 10 11 -1", "field sda node_disk_discards_completed",
       NewDiskstats},
      {"pressure/io", "some avg10=0.00\n", "field some total", New<PressureSampler>},
      {"pressure/memory", "full total=1x\n", "field full total is not a number: '1x'",
       New<PressureSampler>},
      {"net/netstat", "TcpExt: ListenDrops\nTcpExt:\n", "field TcpExt_ListenDrops",
       New<NetstatSampler>},
      {"net/netstat", "TcpExt: ListenDrops\n", "no line of values", New<NetstatSampler>},
      {"net/snmp", "Tcp: InSegs\nUdp: 1\n", "no line of values", New<NetstatSampler>},
      {"net/snmp", "garbage\n", "no line of values", New<NetstatSampler>},
      {"net/snmp6", "Ip6InOctets zero\n", "field Ip6InOctets", New<NetstatSampler>},
      {"net/sockstat", "TCP: inuse\n", "field TCP_inuse", New<SockstatSampler>},
      {"net/softnet_stat", "16 zz 0\n", "field dropped is not a number: 'zz'", New<SoftnetSampler>},
      {"net/softnet_stat", "16 1 0 0 0 0 0 0 0 zz\n", "field received_rps is not a number: 'zz'",
       New<SoftnetSampler>},
      {"interrupts", "CPU0\n24 7\n", "a row has no name: '24'", New<InterruptsSampler>},
      {"sys/kernel/hung_task_detect_count", "many\n", "field hung_task_detect_count",
       New<HungTasksSampler>},
      {"net/arp", "header\n192.0.2.1 0x1\n", "field Device is missing", New<ArpSampler>},
      {"net/udp", "header\n 1: 0:0 0:0 07 12\n", "field tx_queue:rx_queue", New<UdpQueuesSampler>},
      {"schedstat", "cpu0 1 2 3 4 5 6 7\n", "field waiting", New<SchedstatSampler>},
      {"sys/fs/file-nr", "557\t0\n", "field maximum", New<FilefdSampler>},
      {"sys/net/netfilter/nf_conntrack_count", "\n", "field nf_conntrack_count",
       New<ConntrackSampler>},
      {"net/stat/nf_conntrack", "found drop\n1\n", "field drop", New<ConntrackSampler>},
      {"sys/kernel/random/entropy_avail", "-1\n", "field entropy_avail", New<EntropySampler>},
  };
  for (const Malformed& c : cases) {
    const std::string path = tree_.proc() + "/" + c.file;
    const std::string before = ReadFile(path).value_or("");
    tree_.Write("proc/" + c.file, c.text);
    const std::unique_ptr<Sampler> sampler = c.sampler(tree_.proc());
    SeriesTable table;
    const absl::Status status = sampler->Sample(0, table);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss, c.error)) << c.file << ": " << c.text;
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss, "reading " + path));
    tree_.Write("proc/" + c.file, before);
  }
}

// Every prefix of every file: an error or not, but no crash and nothing undeclared.
TEST_F(ProcFilesTest, TruncatedFilesNeverCrash) {
  const std::pair<std::string, std::unique_ptr<Sampler>> files[] = {
      {"meminfo", New<MeminfoSampler>(tree_.proc())},
      {"loadavg", New<LoadavgSampler>(tree_.proc())},
      {"diskstats", NewDiskstats(tree_.proc())},
      {"net/snmp", New<NetstatSampler>(tree_.proc())},
      {"net/sockstat", New<SockstatSampler>(tree_.proc())},
      {"net/stat/nf_conntrack", New<ConntrackSampler>(tree_.proc())},
      {"schedstat", New<SchedstatSampler>(tree_.proc())},
      {"pressure/io", New<PressureSampler>(tree_.proc())},
      {"net/udp", New<UdpQueuesSampler>(tree_.proc())},
  };
  for (const auto& [file, sampler] : files) {
    ProcFile source(tree_.proc() + "/" + file);
    std::string_view whole;
    ASSERT_OK(source.Read(&whole));
    const std::string text(whole);
    for (size_t n = 0; n < text.size(); n += 1 + n / 64) {
      tree_.Write("proc/" + file, text.substr(0, n));
      SeriesTable table;
      sampler->Sample(0, table).IgnoreError();
      ASSERT_EQ(CheckDeclared(table, sampler->metrics()), "");
    }
    tree_.Write("proc/" + file, text);
    SeriesTable table;
    EXPECT_OK(sampler->Sample(0, table)) << file;
  }
}

}  // namespace
}  // namespace ronda::agent
