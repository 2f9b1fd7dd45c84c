#include "common/codec/schema_codec.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "common/codec/frame.h"
#include "common/codec/varint.h"
#include "tests/support/status_matchers.h"

namespace ronda::codec {
namespace {

Schema TwoSeries() {
  Schema schema;
  schema.metrics = {{"a_total", MetricType::kCounter, "seconds", "Helps."},
                    {"b", MetricType::kUnknown, "", ""}};
  schema.series = {{0, Labels(std::vector<Label>{{"device", "sda"}})},
                   {1, {}},
                   {0, Labels(std::vector<Label>{{"device", "sdb"}})}};
  return schema;
}

TEST(SchemaCodec, RoundTripsAndNamesContent) {
  const Schema schema = TwoSeries();
  ASSERT_OK_AND_ASSIGN(const Schema decoded, DecodeSchema(EncodeSchema(schema)));
  EXPECT_EQ(decoded, schema);
  EXPECT_EQ(HashSchema(decoded), HashSchema(schema));
  Schema other = schema;
  other.series[2].labels.Set("device", "sdc");
  EXPECT_NE(HashSchema(other), HashSchema(schema));
  EXPECT_OK(DecodeSchema(EncodeSchema(Schema())));
}

TEST(SchemaCodec, RefusesEveryTruncationAndExtension) {
  const std::string bytes = EncodeSchema(TwoSeries());
  for (size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(DecodeSchema(std::string_view(bytes).substr(0, n)).ok()) << n;
  }
  EXPECT_THAT(DecodeSchema(bytes + 'x'), StatusIs(absl::StatusCode::kDataLoss, "left over"));
}

TEST(SchemaCodec, BytesThatDecodeAreCanonical) {
  const std::string bytes = EncodeSchema(TwoSeries());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const auto decoded = DecodeSchema(damaged);
    if (decoded.ok()) {
      EXPECT_EQ(EncodeSchema(*decoded), damaged) << bit;
    }
  }
}

TEST(SchemaCodec, RefusesALaterVersion) {
  std::string bytes = EncodeSchema(TwoSeries());
  bytes[0] = 2;
  EXPECT_THAT(DecodeSchema(bytes), StatusIs(absl::StatusCode::kUnimplemented, "version 2"));
  bytes[0] = 0;
  EXPECT_THAT(DecodeSchema(bytes), StatusIs(absl::StatusCode::kDataLoss, ""));
}

void ExpectRefused(const Schema& schema, const std::string& why) {
  EXPECT_THAT(DecodeSchema(EncodeSchema(schema)),
              StatusIs(absl::StatusCode::kInvalidArgument, why));
}

TEST(SchemaCodec, RefusesBadNamesAndReservedLabels) {
  for (const std::string name : {"node", "instance", "job", "__name__", "__x"}) {
    Schema schema = TwoSeries();
    schema.series[0].labels.Set(name, "v");
    ExpectRefused(schema, fmt::format("label {} of metric a_total is reserved", name));
  }
  Schema schema = TwoSeries();
  schema.series[0].labels.Set("a\xff", "v");
  ExpectRefused(schema, "bad label name \"a\xff\"");
  schema = TwoSeries();
  schema.metrics[1].name = "\xc3";
  ExpectRefused(schema, "bad metric name");
  schema.metrics[1].name = "";
  ExpectRefused(schema, "bad metric name");
}

TEST(SchemaCodec, NamesMayBeAnyUtf8) {
  Schema schema = TwoSeries();
  schema.metrics[1].name = "http.server größe";
  schema.series[0].labels.Set("a-b", "v");
  ASSERT_OK_AND_ASSIGN(const Schema decoded, DecodeSchema(EncodeSchema(schema)));
  EXPECT_EQ(decoded.metrics[1].name, "http.server größe");
  EXPECT_EQ(decoded.series[0].labels.Get("a-b"), "v");
}

TEST(SchemaCodec, RefusesWhatIsTooLong) {
  Schema schema = TwoSeries();
  schema.series[0].labels.Set("device", std::string(1024, 'x'));
  schema.metrics[0].name = std::string(128, 'm');
  EXPECT_OK(DecodeSchema(EncodeSchema(schema)));
  schema.series[0].labels.Set("device", std::string(1025, 'x'));
  ExpectRefused(schema, "longer than 1024");
  schema = TwoSeries();
  schema.metrics[0].name = std::string(129, 'm');
  ExpectRefused(schema, "bad metric name");
  schema = TwoSeries();
  schema.metrics[0].help = std::string(1025, 'x');
  ExpectRefused(schema, "unit or help of a_total");
  schema = TwoSeries();
  for (int i = 0; i < 33; ++i) {
    schema.series[1].labels.Set(fmt::format("l{}", i), "v");
  }
  ExpectRefused(schema, "33 labels");
}

TEST(SchemaCodec, RefusesDoubles) {
  Schema schema = TwoSeries();
  schema.series.push_back(schema.series[0]);
  ExpectRefused(schema, "series a_total{device=\"sda\"} is there twice");
  schema = TwoSeries();
  schema.metrics[1].name = "a_total";
  ExpectRefused(schema, "metric a_total is there twice");
}

TEST(SchemaCodec, TakesTheMostSeriesAndNoMore) {
  Schema schema;
  schema.metrics = {{"m", MetricType::kGauge, "", ""}};
  for (size_t i = 0; i < kMaxSeries; ++i) {
    schema.series.push_back({0, Labels(std::vector<Label>{{"i", std::to_string(i)}})});
  }
  EXPECT_OK(DecodeSchema(EncodeSchema(schema)));
  schema.series.push_back({0, {}});
  ExpectRefused(schema, "10001 series");
  std::string claims("\x01\x00", 2);
  PutVarint(&claims, uint64_t{1} << 60);
  EXPECT_THAT(DecodeSchema(claims), StatusIs(absl::StatusCode::kDataLoss, "number of series"));
}

TEST(SchemaCodec, RefusesLabelsOutOfOrderAndEmptyValues) {
  const std::string start("\x01\x01\x01m\x02\x00\x00\x01\x00", 9);  // one metric, one series of it
  const std::string good = start +
                           "\x02\x01"
                           "a\x01"
                           "1\x01"
                           "b\x01"
                           "2";
  EXPECT_OK(DecodeSchema(good));
  for (const std::string& labels : {std::string("\x02\x01"
                                                "b\x01"
                                                "1\x01"
                                                "a\x01"
                                                "2"),
                                    std::string("\x02\x01"
                                                "a\x01"
                                                "1\x01"
                                                "a\x01"
                                                "2"),
                                    std::string("\x01\x01"
                                                "a\x00",
                                                4)}) {
    EXPECT_THAT(DecodeSchema(start + labels), StatusIs(absl::StatusCode::kDataLoss, "bad label"));
  }
}

}  // namespace
}  // namespace ronda::codec
