#include "tests/bench/remote_write.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ronda::bench {
namespace {

// By protobuf's encoding (https://protobuf.dev/programming-guides/encoding/).
TEST(WriteRequestTickTest, IsATimeSeriesMessageASample) {
  HostCapture capture;
  capture.series.push_back(
      {"node", "node_load1", MetricType::kGauge, Labels(std::vector<Label>{{"x", "y"}}), 2});
  capture.values = {1, 2, 3};
  capture.ticks = 3;
  const ScaleSet set = *MakeScaleSet(capture, "day", 1, 1);
  WriteRequestTick tick(set, 0);
  std::string out = "before";
  tick.Append(1'700'000'000'000, std::vector<double>{-2.0}, &out);
  const std::string labels =
      "\x0a\x16\x0a\x08__name__\x12\x0anode_load1"
      "\x0a\x14\x0a\x08instance\x12\x08node-000"
      "\x0a\x0b\x0a\x03job\x12\x04node"
      "\x0a\x06\x0a\x01x\x12\x01y";
  const std::string sample =
      std::string("\x12\x10\x09\0\0\0\0\0\0\0\xc0\x10", 12) + "\x80\xd0\x95\xff\xbc\x31";
  EXPECT_EQ(out, "before\x0a" + std::string(1, static_cast<char>(labels.size() + sample.size())) +
                     labels + sample);
}

}  // namespace
}  // namespace ronda::bench
