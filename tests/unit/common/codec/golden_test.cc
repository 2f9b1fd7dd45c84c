// The worked example of common/codec/FORMAT.md, byte for byte: code, document and this file must
// say the same.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "common/base/digest.h"
#include "common/base/files.h"
#include "common/codec/range_set.h"
#include "common/codec/record_run.h"
#include "common/codec/sample_run.h"
#include "common/codec/schema_codec.h"
#include "common/model/sample.h"
#include "tests/support/status_matchers.h"

namespace ronda::codec {
namespace {

constexpr char kSchemaHex[] =
    "010302757002000b6973206974207468657265116370755f7365636f6e64735f746f74616c01077365636f6e6473"
    "000a667265655f627974657302056279746573000300000102036370750130046d6f64650469646c650200";
constexpr char kHashHex[] = "a4a57fdbeae5e0a58188cf6b583a9312";
constexpr char kSampleKeyHex[] =
    "110105a4a57fdbeae5e0a58188cf6b583a931204686f7374046e6f64650080f085e4be6803000242a4131e02"
    "cafa4582";
constexpr char kSampleDeltaHex[] = "12010702000106d80c768301fd7ae674";
constexpr char kEscapesHex[] = "12010801060107a12318100a0cafd8cc";
constexpr char kRecordKeyHex[] =
    "130206046e6f7465030370696401046c6f61640204746578740302d00fd804000000000000f83f00026869020100"
    "00000000000000012e489013";
constexpr char kRecordDeltaHex[] = "14020a0401ce0f00000000000000f83f0002796f1f3de9d7";
constexpr char kRangeSetHex[] = "0201ab020000";

std::shared_ptr<const Schema> ExampleSchema() {
  auto schema = std::make_shared<Schema>();
  schema->metrics = {{"up", MetricType::kGauge, "", "is it there"},
                     {"cpu_seconds_total", MetricType::kCounter, "seconds", ""},
                     {"free_bytes", MetricType::kGauge, "bytes", ""}};
  schema->series = {{0, {}}, {1, Labels({{"cpu", "0"}, {"mode", "idle"}})}, {2, {}}};
  return schema;
}

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

// The indented blocks of the section: hexadecimal, behind three spaces or more a comment.
std::vector<std::string> DocumentedBlocks() {
  const char* source = std::getenv("RONDA_SOURCE");
  auto text = ReadFile(std::string(source != nullptr ? source : ".") + "/common/codec/FORMAT.md");
  EXPECT_OK(text);
  std::vector<std::string> blocks;
  if (!text.ok()) {
    return blocks;
  }
  const size_t begin = text->find("## A worked example");
  const std::string section = text->substr(begin, text->find("\n## ", begin + 1) - begin);
  bool inside = false;
  for (size_t at = 0; at < section.size();) {
    const size_t end = std::min(section.find('\n', at), section.size());
    const std::string line = section.substr(at, end - at);
    at = end + 1;
    if (line.rfind("    ", 0) != 0) {
      inside = false;
      continue;
    }
    if (!inside) {
      blocks.emplace_back();
    }
    inside = true;
    for (const char c : line.substr(4, line.find("   ", 4) - 4)) {
      if (c != ' ') {
        blocks.back() += c;
      }
    }
  }
  return blocks;
}

TEST(Golden, DocumentHoldsTheSameBytes) {
  EXPECT_EQ(DocumentedBlocks(),
            (std::vector<std::string>{kSchemaHex, kHashHex, kSampleKeyHex, kSampleDeltaHex,
                                      kEscapesHex, kRecordKeyHex, kRecordDeltaHex, kRangeSetHex}));
}

TEST(Golden, Schema) {
  const auto schema = ExampleSchema();
  EXPECT_EQ(ToHex(EncodeSchema(*schema)), kSchemaHex);
  const SchemaHash hash = HashSchema(*schema);
  EXPECT_EQ(ToHex({reinterpret_cast<const char*>(hash.data()), hash.size()}), kHashHex);
  ASSERT_OK_AND_ASSIGN(const Schema decoded, DecodeSchema(FromHex(kSchemaHex)));
  EXPECT_EQ(decoded, *schema);
}

TEST(Golden, SampleFrames) {
  SampleRunEncoder encoder(1, {"host", "node", ""});
  encoder.StartRun(ExampleSchema());
  const auto encoded = [&](uint64_t seq, int64_t t_ms, std::vector<double> values) {
    std::string frame;
    encoder.Encode(seq, t_ms, values, &frame);
    return ToHex(frame);
  };
  EXPECT_EQ(encoded(5, 1'795'132'800'000, {1, 12.34, 8192}), kSampleKeyHex);
  EXPECT_EQ(encoded(7, 1'795'132'801'000, {1, 13.34, 12288}), kSampleDeltaHex);
  EXPECT_EQ(encoded(8, 1'795'132'802'003, {StaleMarker(), 14.35, 0.5}), kEscapesHex);

  SampleRunDecoder decoder;
  ASSERT_OK(decoder.Decode(FromHex(kSampleKeyHex)));
  EXPECT_EQ(decoder.identity(), (GroupIdentity{"host", "node", ""}));
  ASSERT_OK(decoder.Decode(FromHex(kSampleDeltaHex)));
  EXPECT_EQ(std::vector<double>(decoder.values().begin(), decoder.values().end()),
            (std::vector<double>{1, 13.34, 12288}));
  ASSERT_OK(decoder.Decode(FromHex(kEscapesHex)));
  EXPECT_EQ(decoder.t_ms(), 1'795'132'802'003);
  EXPECT_TRUE(IsStale(decoder.values()[0]));
  EXPECT_EQ(decoder.values()[1], 14.35);
  EXPECT_EQ(decoder.values()[2], 0.5);
}

TEST(Golden, RecordFrames) {
  const RecordKind kind{
      "note",
      {{"pid", ColumnType::kInt}, {"load", ColumnType::kDouble}, {"text", ColumnType::kString}}};
  const std::vector<Record> first = {{1000, {int64_t{300}, 1.5, std::string("hi")}},
                                     {1001, {int64_t{299}, 0.0, std::string("hi")}}};
  const std::vector<Record> second = {{2000, {int64_t{299}, 1.5, std::string("yo")}}};
  RecordRunEncoder encoder(2, kind);
  std::string frame;
  encoder.Encode(6, first, &frame);
  EXPECT_EQ(ToHex(frame), kRecordKeyHex);
  frame.clear();
  encoder.Encode(10, second, &frame);
  EXPECT_EQ(ToHex(frame), kRecordDeltaHex);

  RecordRunDecoder decoder;
  ASSERT_OK(decoder.Decode(FromHex(kRecordKeyHex)));
  EXPECT_EQ(decoder.kind(), kind);
  EXPECT_EQ(std::vector<Record>(decoder.rows().begin(), decoder.rows().end()), first);
  ASSERT_OK(decoder.Decode(FromHex(kRecordDeltaHex)));
  EXPECT_EQ(std::vector<Record>(decoder.rows().begin(), decoder.rows().end()), second);
}

TEST(Golden, RangeSet) {
  RangeSet set;
  set.AddRange({1, 300});
  set.Add(302);
  EXPECT_EQ(ToHex(set.Encode()), kRangeSetHex);
  ASSERT_OK_AND_ASSIGN(const RangeSet decoded, RangeSet::Decode(FromHex(kRangeSetHex)));
  EXPECT_EQ(decoded, set);
}

}  // namespace
}  // namespace ronda::codec
