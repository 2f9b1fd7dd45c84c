#include <string>

#include "agent/samplers/sampler.h"
#include "common/codec/frame.h"
#include "gtest/gtest.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor kReads = {"reads_total", MetricType::kCounter, "", "device,mode",
                                     "Reads."};
constexpr MetricDescriptor kLoad = {"load", MetricType::kGauge, "", "", "Load."};

TEST(SeriesTable, DeclaresASeriesOnceWithItsLabelsAndMetric) {
  SeriesTable table;
  const SeriesRef a = table.Declare(kReads, {"sda", "sync"});
  const SeriesRef b = table.Declare(kLoad);
  EXPECT_EQ(table.Declare(kReads, {"sda", "sync"}), a);
  EXPECT_EQ(table.Declare(kLoad), b);
  EXPECT_EQ(table.size(), 2U);
  const Schema& schema = *table.schema();
  ASSERT_EQ(schema.series.size(), 2U);
  EXPECT_EQ(schema.series[a].labels, Labels({{"device", "sda"}, {"mode", "sync"}}));
  EXPECT_EQ(schema.metric_of(a), (MetricInfo{"reads_total", MetricType::kCounter, "", "Reads."}));
  EXPECT_EQ(schema.metric_of(b).name, "load");
  EXPECT_TRUE(schema.series[b].labels.empty());
}

TEST(SeriesTable, EmptyAndMissingLabelValuesAreTheSame) {
  SeriesTable table;
  const SeriesRef a = table.Declare(kReads, {"sda", ""});
  EXPECT_EQ(table.Declare(kReads, {"sda"}), a);
  EXPECT_NE(table.Declare(kReads, {"", "sda"}), a);
  EXPECT_EQ(table.schema()->series[a].labels, Labels({Label{"device", "sda"}}));
  EXPECT_EQ(table.schema()->series[1].labels, Labels({Label{"mode", "sda"}}));
}

TEST(SeriesTable, MakesLabelValuesShortAndUtf8) {
  SeriesTable table;
  const std::string long_value(5000, 'x');
  table.Declare(kReads, {long_value, "a\xff\xc3\xa9\xe2\x82"});
  const Labels& labels = table.schema()->series[0].labels;
  EXPECT_EQ(labels.Get("device"), std::string(1024, 'x'));
  EXPECT_EQ(labels.Get("mode"), "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd");
  // What differs only in what was cut off is one series, not two equal ones.
  EXPECT_EQ(table.Declare(kReads, {long_value + "y", "a\xff\xc3\xa9\xe2\x82"}), 0U);
}

TEST(SeriesTable, ValuesAreStaleUntilSetAndHoldForOtherSamplers) {
  SeriesTable table;
  table.BeginSampler(1);
  const SeriesRef a = table.Declare(kReads, {"a"});
  table.Set(a, 1);
  table.BeginSampler(2);
  const SeriesRef b = table.Declare(kReads, {"b"});
  EXPECT_TRUE(IsStale(table.values()[b]));
  table.Set(b, 2);
  EXPECT_EQ(table.values()[a], 1);
  EXPECT_EQ(table.values()[b], 2);
  table.BeginSampler(1);
  EXPECT_TRUE(IsStale(table.values()[a]));
  EXPECT_EQ(table.values()[b], 2);
}

TEST(SeriesTable, SchemaIsTheSameObjectUntilASeriesAppears) {
  SeriesTable table;
  table.Declare(kLoad);
  const auto first = table.schema();
  table.Set(0, 1);
  table.Declare(kLoad);
  EXPECT_EQ(table.schema(), first);
  table.Declare(kReads, {"a"});
  EXPECT_NE(table.schema(), first);
  EXPECT_EQ(first->series.size(), 1U);
}

TEST(SeriesTable, CompactForgetsWhatHadNoSampleForAWholeRun) {
  SeriesTable table;
  table.BeginSampler(1);
  const SeriesRef gone = table.Declare(kReads, {"gone"});
  table.BeginSampler(2);
  const SeriesRef stays = table.Declare(kLoad);
  table.Set(gone, 1);
  table.Set(stays, 2);
  table.BeginSampler(1);
  EXPECT_FALSE(table.Compact());  // it had a sample since the table was made
  EXPECT_EQ(table.generation(), 1U);
  table.BeginSampler(2);
  table.Set(stays, 3);
  ASSERT_TRUE(table.Compact());
  EXPECT_EQ(table.generation(), 2U);
  ASSERT_EQ(table.size(), 1U);
  EXPECT_EQ(table.values()[0], 3);
  EXPECT_EQ(table.schema()->metrics.size(), 1U);
  EXPECT_EQ(table.schema()->metric_of(0).name, "load");
  // The series that stayed still belongs to its sampler, and is found when declared anew.
  EXPECT_EQ(table.Declare(kLoad), 0U);
  table.BeginSampler(2);
  EXPECT_TRUE(IsStale(table.values()[0]));
  EXPECT_EQ(table.Declare(kReads, {"gone"}), 1U);
}

TEST(SeriesTable, CompactKeepsAValueThatASlowSamplerHolds) {
  SeriesTable table;
  table.BeginSampler(1);
  table.Set(table.Declare(kLoad), 7);
  EXPECT_FALSE(table.Compact());
  EXPECT_FALSE(table.Compact());
  EXPECT_EQ(table.values()[0], 7);
}

TEST(SeriesTable, RefusesMoreSeriesThanAFrameHolds) {
  SeriesTable table;
  for (size_t i = 0; i < codec::kMaxSeries; ++i) {
    ASSERT_EQ(table.Declare(kReads, {std::to_string(i)}), i);
  }
  EXPECT_EQ(table.Declare(kLoad), kNoSeries);
  table.Set(kNoSeries, 1);
  EXPECT_EQ(table.size(), codec::kMaxSeries);
  EXPECT_EQ(table.refused(), 1U);
  EXPECT_EQ(table.Declare(kReads, {"17"}), 17U);
}

}  // namespace
}  // namespace ronda::agent
