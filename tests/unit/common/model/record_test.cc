#include "common/model/record.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <set>

#include "common/model/metric.h"
#include "common/model/sample.h"
#include "common/model/schema.h"

namespace ronda {
namespace {

// Stored data refers to columns by place: new ones may only come at the end.
TEST(Record, KindsKeepTheirColumns) {
  const RecordKind gap{"gap",
                       {{"from_ms", ColumnType::kInt},
                        {"to_ms", ColumnType::kInt},
                        {"group", ColumnType::kString},
                        {"cause", ColumnType::kString},
                        {"detail", ColumnType::kString}}};
  EXPECT_EQ(GapRecord(), gap);
  EXPECT_EQ(AlertRecord().name, "alert");
  ASSERT_EQ(AlertRecord().columns.size(), 13U);
  EXPECT_EQ(AlertRecord().columns[10], (RecordColumn{"rule_version", ColumnType::kString}));
  EXPECT_EQ(AlertRecord().columns[6], (RecordColumn{"value", ColumnType::kDouble}));
  for (const RecordKind* kind : {&GapRecord(), &AlertRecord()}) {
    std::set<std::string> names;
    for (const RecordColumn& column : kind->columns) {
      EXPECT_TRUE(names.insert(column.name).second) << column.name;
    }
  }
}

TEST(Metric, TypesHaveNames) {
  EXPECT_EQ(ToString(MetricType::kCounter), "counter");
  EXPECT_EQ(ToString(MetricType::kGauge), "gauge");
  EXPECT_EQ(ToString(MetricType::kUnknown), "unknown");
}

TEST(Sample, OnlyTheMarkerIsStale) {
  EXPECT_TRUE(IsStale(StaleMarker()));
  EXPECT_TRUE(std::isnan(StaleMarker()));
  EXPECT_FALSE(IsStale(std::nan("")));
  EXPECT_FALSE(IsStale(std::bit_cast<double>(kStaleBits | uint64_t{1} << 51)));  // quietened
  EXPECT_FALSE(IsStale(0));
}

TEST(Schema, FindsTheMetricOfASeries) {
  Schema schema;
  schema.metrics = {{"a", MetricType::kGauge, "", ""}, {"b", MetricType::kCounter, "", ""}};
  schema.series = {{1, {}}, {0, {}}};
  EXPECT_EQ(schema.metric_of(0).name, "b");
  EXPECT_EQ(schema.metric_of(1).name, "a");
}

}  // namespace
}  // namespace ronda
