#include "agent/samplers/host/netclass.h"
#include "agent/samplers/host/netdev.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/agent/samplers/host/sample_table.h"

namespace ronda::agent {
namespace {

class NetworkTest : public testing::Test {
 protected:
  absl::Status Sample(Sampler& sampler) {
    table_.BeginSampler(1);
    const absl::Status status = sampler.Sample(0, table_);
    EXPECT_EQ(CheckDeclared(table_, sampler.metrics()), "");
    return status;
  }
  bool Has(const std::string& series) { return ValuesOf(table_).contains(series); }
  double Value(const std::string& series) {
    const auto values = ValuesOf(table_);
    const auto it = values.find(series);
    return it == values.end() ? -12345 : it->second;
  }
  NetdevSampler NewNetdev() {
    return NetdevSampler(tree_.proc(), tree_.sys(), NameFilter::New("^lo$").value());
  }

  FakeTree tree_{"variant"};
  SeriesTable table_;
};

TEST_F(NetworkTest, NetdevHasAllColumnsInOrder) {
  NetdevSampler sampler = NewNetdev();
  ASSERT_OK(Sample(sampler));
  const std::string names[] = {
      "receive_bytes",  "receive_packets",  "receive_errs",       "receive_drop",
      "receive_fifo",   "receive_frame",    "receive_compressed", "receive_multicast",
      "transmit_bytes", "transmit_packets", "transmit_errs",      "transmit_drop",
      "transmit_fifo",  "transmit_colls",   "transmit_carrier",   "transmit_compressed"};
  double expected = 18446744073709551615.0;
  double next = 2;
  for (const std::string& name : names) {
    EXPECT_EQ(Value("node_network_" + name + R"(_total{device="eth0"})"), expected) << name;
    expected = next++;
  }
  EXPECT_EQ(Value(R"(node_network_receive_nohandler_total{device="eth0"})"), 0);
  EXPECT_TRUE(Has(R"(node_network_receive_bytes_total{device="veth12ab"})"));
  EXPECT_FALSE(Has(R"(node_network_receive_nohandler_total{device="veth12ab"})"));
  EXPECT_FALSE(Has(R"(node_network_receive_bytes_total{device="lo"})"));
}

TEST_F(NetworkTest, DevicesComeAndGo) {
  NetdevSampler sampler = NewNetdev();
  tree_.Write("proc/net/dev", "h\nh\n eth0: 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
  ASSERT_OK(Sample(sampler));
  EXPECT_FALSE(Has(R"(node_network_receive_bytes_total{device="wg0"})"));
  tree_.Write(
      "proc/net/dev",
      "h\nh\n wg0: 5 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n eth0: 2 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
  ASSERT_OK(Sample(sampler));
  EXPECT_EQ(Value(R"(node_network_receive_bytes_total{device="wg0"})"), 5);
  EXPECT_EQ(Value(R"(node_network_receive_bytes_total{device="eth0"})"), 2);
  tree_.Write("proc/net/dev", "h\nh\n wg0: 6 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
  ASSERT_OK(Sample(sampler));
  EXPECT_FALSE(Has(R"(node_network_receive_bytes_total{device="eth0"})"));
}

TEST_F(NetworkTest, NetdevSaysWhatIsMalformed) {
  NetdevSampler sampler = NewNetdev();
  tree_.Write("proc/net/dev", "h\nh\n eth0: 1 2 x 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
  EXPECT_THAT(Sample(sampler),
              StatusIs(absl::StatusCode::kDataLoss,
                       tree_.proc() + "/net/dev: field eth0 "
                                      "node_network_receive_errs_total is not a number: 'x'"));
  tree_.Write("proc/net/dev", "h\nh\n eth0: 1 2");
  EXPECT_THAT(Sample(sampler), StatusIs(absl::StatusCode::kDataLoss, "field eth0"));
  tree_.Write("proc/net/dev", "h\nh\n eth0 1 2");
  EXPECT_THAT(Sample(sampler), StatusIs(absl::StatusCode::kDataLoss, "field face is missing"));
}

TEST_F(NetworkTest, NetclassReadsNumbersStateAndTexts) {
  NetclassSampler sampler(tree_.sys());
  const std::string folder = "sys/class/net/bond0/";
  tree_.Write(folder + "operstate", "up\n");
  tree_.Write(folder + "flags", "0x1003\n");
  tree_.Write(folder + "dev_id", "0x2\n");
  tree_.Write(folder + "speed", "10000\n");
  tree_.Write(folder + "mtu", "9000\n");
  tree_.Write(folder + "carrier_changes", "4\n");
  tree_.Write(folder + "address", "02:00:00:00:00:07\n");
  tree_.Write(folder + "ifalias", "to the core\n");
  ASSERT_OK(Sample(sampler));
  EXPECT_EQ(Value(R"(node_network_up{device="bond0"})"), 1);
  EXPECT_EQ(Value(R"(node_network_flags{device="bond0"})"), 0x1003);
  EXPECT_EQ(Value(R"(node_network_device_id{device="bond0"})"), 2);
  EXPECT_EQ(Value(R"(node_network_speed_bytes{device="bond0"})"), 1.25e9);
  EXPECT_EQ(Value(R"(node_network_mtu_bytes{device="bond0"})"), 9000);
  EXPECT_EQ(Value(R"(node_network_carrier_changes_total{device="bond0"})"), 4);
  EXPECT_FALSE(Has(R"(node_network_carrier{device="bond0"})"));
  const std::string info = R"(node_network_info{address="02:00:00:00:00:07",device="bond0",)"
                           R"(ifalias="to the core",operstate=")";
  EXPECT_TRUE(Has(info + "up\"}"));
  EXPECT_FALSE(Has(R"(node_network_up{device="bonding_masters"})"));
  EXPECT_TRUE(Has(R"(node_network_up{device="eth0"})"));

  tree_.Write(folder + "operstate", "down\n");
  ASSERT_OK(Sample(sampler));
  EXPECT_EQ(Value(R"(node_network_up{device="bond0"})"), 0);
  EXPECT_TRUE(Has(info + "down\"}"));
  EXPECT_FALSE(Has(info + "up\"}"));

  tree_.Remove(folder);
  ASSERT_OK(Sample(sampler));
  EXPECT_FALSE(Has(R"(node_network_up{device="bond0"})"));
}

TEST_F(NetworkTest, NetclassSaysWhatIsMalformedOrMissing) {
  NetclassSampler sampler(tree_.sys());
  tree_.Write("sys/class/net/eth0/mtu", "big\n");
  EXPECT_THAT(Sample(sampler),
              StatusIs(absl::StatusCode::kDataLoss, "/eth0/mtu: field mtu is not a number: 'big'"));
  NetclassSampler nowhere(tree_.root() + "/nowhere");
  EXPECT_THAT(Sample(nowhere), StatusIs(absl::StatusCode::kNotFound, "nowhere/class/net"));
}

}  // namespace
}  // namespace ronda::agent
