#include "collector/transfer/exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "collector/query/local_api.h"
#include "common/base/status.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/query/sample_folder.h"

namespace ronda::transfer {
namespace {

using query::kFolderEnd;

class ExporterTest : public testing::Test {
 protected:
  ExporterTest()
      : folder_(dir_.path()),
        api_(folder_.store(), nullptr, folder_.clock(), {dir_.path(), query::Limits()}) {}

  std::string Export(const ExportOptions& options) {
    std::string out;
    const absl::StatusOr<ExportCount> count = transfer::Export(
        api_, options,
        [&](std::string_view text) {
          out += text;
          return absl::OkStatus();
        },
        [](const ExportCount&) { return true; });
    EXPECT_OK(count);
    count_ = count.value_or(ExportCount());
    return out;
  }

  TempDir dir_;
  query::SampleFolder folder_;
  query::LocalApi api_;
  ExportCount count_;
};

TEST_F(ExporterTest, PrometheusText) {
  ExportOptions options;
  options.format = Format::kPrometheus;
  options.start_ms = kFolderEnd - 1000;
  options.end_ms = kFolderEnd;
  options.selectors = {{Matcher::Equal("__name__", "up")},
                       {Matcher::Equal("__name__", "node_memory_MemAvailable_bytes")},
                       {Matcher::Equal("node", "web1"), Matcher::Equal("__name__", "up")}};
  EXPECT_EQ(
      Export(options),
      "# HELP up 1 if the source could be read.\n"
      "# TYPE up gauge\n"
      "up{instance=\"web1\",job=\"node\",node=\"web1\",role=\"web\"} 1 1795132799000\n"
      "up{instance=\"web1\",job=\"node\",node=\"web1\",role=\"web\"} 1 1795132800000\n"
      "# HELP node_memory_MemAvailable_bytes Memory available.\n"
      "# TYPE node_memory_MemAvailable_bytes gauge\n"
      "# UNIT node_memory_MemAvailable_bytes bytes\n"
      "node_memory_MemAvailable_bytes{instance=\"web1\",job=\"node\",node=\"web1\",role=\"web\"}"
      " 3000000058 1795132799000\n"
      "node_memory_MemAvailable_bytes{instance=\"web1\",job=\"node\",node=\"web1\",role=\"web\"}"
      " 3000000059 1795132800000\n");
  EXPECT_EQ(count_.samples, 4);
  EXPECT_EQ(count_.series, 2);
}

TEST_F(ExporterTest, CsvOfAll) {
  ExportOptions options;
  options.end_ms = kFolderEnd;
  const std::string text = Export(options);
  EXPECT_EQ(text.substr(0, 22), "time_ms,value,series\n1");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 181);
  EXPECT_EQ(count_.samples, 180);
}

TEST_F(ExporterTest, AWriteThatFailsEndsIt) {
  ExportOptions options;
  options.end_ms = kFolderEnd;
  EXPECT_THAT(transfer::Export(
                  api_, options,
                  [](std::string_view) {
                    return Fail(absl::StatusCode::kResourceExhausted, "no space left");
                  },
                  [](const ExportCount&) { return true; }),
              StatusIs(absl::StatusCode::kResourceExhausted, "no space left"));
}

}  // namespace
}  // namespace ronda::transfer
