// Time of finding series by their labels in a fleet of ten thousand nodes with a hundred series
// each, in a store that holds a sample of each.
//
//   index_bench [NODES]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/codec/sample_run.h"
#include "common/codec/schema_codec.h"
#include "tests/support/temp_dir.h"

namespace ronda::bench {
namespace {

constexpr int64_t kTimeMs = 1'795'132'800'000;
constexpr int64_t kForever = std::numeric_limits<int64_t>::max();
constexpr int kSchemas = 4;
constexpr int kMetrics = 12;
constexpr int kModes = 8;

std::string NodeName(int node) {
  return fmt::format("{}{:05}", node % 2 == 0 ? "web" : "db", node);
}

// 12 metrics of 8 modes each, and 4 series that only such nodes have.
std::shared_ptr<const Schema> NewSchema(int number) {
  auto schema = std::make_shared<Schema>();
  for (uint32_t m = 0; m < kMetrics; ++m) {
    schema->metrics.push_back({fmt::format("m{}", m), MetricType::kGauge, "", ""});
    for (int mode = 0; mode < kModes; ++mode) {
      schema->series.push_back({m, Labels({{"mode", fmt::format("mode{}", mode)}})});
    }
  }
  schema->metrics.push_back({"load", MetricType::kGauge, "", ""});
  schema->metrics.push_back({"size", MetricType::kGauge, "", ""});
  schema->series.push_back({kMetrics, Labels()});
  for (int disk = 0; disk < 3; ++disk) {
    schema->series.push_back(
        {kMetrics + 1, Labels({{"device", fmt::format("disk{}", number * 10 + disk)}})});
  }
  return schema;
}

absl::Status Fill(store::Store* store, int nodes) {
  std::vector<std::shared_ptr<const Schema>> schemas;
  for (int i = 0; i < kSchemas; ++i) {
    schemas.push_back(NewSchema(i));
    RONDA_RETURN_IF_ERROR(store->AddSchema(schemas.back()));
  }
  for (int i = 0; i < nodes; ++i) {
    const std::shared_ptr<const Schema>& schema = schemas[static_cast<size_t>(i % kSchemas)];
    store::NodeInfo node;
    node.name = NodeName(i);
    node.labels.Set("rack", fmt::format("r{}", i / 40));
    store::Batch batch;
    RONDA_ASSIGN_OR_RETURN(batch.node, store->PutNode(node));
    batch.epoch = {static_cast<uint64_t>(i) + 1, kTimeMs};
    store::FrameEntry& frame = batch.frames.emplace_back();
    frame.group = {"host", "node", ""};
    codec::SampleRunEncoder encoder(1, frame.group);
    encoder.StartRun(schema);
    encoder.Encode(1, kTimeMs, std::vector<double>(schema->series.size(), 1.0), &frame.bytes);
    RONDA_ASSIGN_OR_RETURN(const codec::FrameHeader header, codec::ParseFrameHeader(frame.bytes));
    frame.kind = header.kind;
    frame.schema = codec::HashSchema(*schema);
    frame.run_first_seq = frame.seq = 1;
    frame.crc = header.crc;
    frame.t_ms = kTimeMs;
    RONDA_RETURN_IF_ERROR(store->Append(std::move(batch)));
  }
  return store->Flush(60'000);
}

// Prints the median time of a few runs; `run` says how much it found.
void Measure(const std::string& name, absl::FunctionRef<absl::StatusOr<size_t>()> run) {
  std::vector<double> times;
  size_t found = 0;
  for (int i = 0; i < 11; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const absl::StatusOr<size_t> result = run();
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count());
    if (!result.ok()) {
      fmt::print("{}: {}\n", name, Message(result.status()));
      return;
    }
    found = *result;
  }
  std::nth_element(times.begin(), times.begin() + 5, times.end());
  fmt::print("{:<44}{:>10.3f} ms{:>10} found\n", name, times[5], found);
}

void MeasureLookups(const store::Store& store) {
  const Matcher metric = Matcher::Equal("__name__", "load");
  const Matcher node = Matcher::Equal("node", NodeName(5000));
  const Matcher regex = *Matcher::New(Matcher::Type::kRegex, "mode", "mode1|mode2");
  const Matcher web = *Matcher::New(Matcher::Type::kRegex, "node", "web.*");
  const auto series = [&](std::vector<Matcher> matchers) {
    return [&store, matchers = std::move(matchers)]() -> absl::StatusOr<size_t> {
      RONDA_ASSIGN_OR_RETURN(const std::vector<Labels> all, store.Series(matchers, 0, kForever));
      return all.size();
    };
  };
  const auto values = [&](std::string label, std::vector<Matcher> matchers, int64_t start_ms) {
    return [&store, label = std::move(label), matchers = std::move(matchers),
            start_ms]() -> absl::StatusOr<size_t> {
      RONDA_ASSIGN_OR_RETURN(const std::vector<std::string> all,
                             store.LabelValues(label, matchers, start_ms, kForever));
      return all.size();
    };
  };
  Measure("series load{node=\"web05000\"}", series({metric, node}));
  Measure("series load", series({metric}));
  Measure("series m3{mode=~\"mode1|mode2\"}", series({Matcher::Equal("__name__", "m3"), regex}));
  Measure("metrics of {mode=~\"mode1|mode2\"}", values("__name__", {regex}, 0));
  Measure("metrics of {node=~\"web.*\"}", values("__name__", {web}, 0));
  Measure("metrics of {rack=\"r7\"}", values("__name__", {Matcher::Equal("rack", "r7")}, 0));
  Measure("devices of all", values("device", {}, 0));
  Measure("nodes of load", values("node", {metric}, 0));
  Measure("nodes of load, when all have ended", values("node", {metric}, kTimeMs + 1));
  Measure("names of the labels of all", [&]() -> absl::StatusOr<size_t> {
    RONDA_ASSIGN_OR_RETURN(const std::vector<std::string> all, store.LabelNames({}, 0, kForever));
    return all.size();
  });
  Measure("samples of load{node=\"web05000\"}", [&]() -> absl::StatusOr<size_t> {
    size_t samples = 0;
    RONDA_RETURN_IF_ERROR(
        store.Select({metric, node}, 0, kForever, [&](const store::SeriesView& view) {
          samples += view.t_ms.size();
          return true;
        }));
    return samples;
  });
}

absl::Status Run(int nodes) {
  const TempDir dir;
  const SystemClock clock;
  store::Store::Options options;
  options.dir = dir.File("data");
  options.manual_seal = true;
  RONDA_ASSIGN_OR_RETURN(const auto store, store::Store::Open(options, clock));
  RONDA_RETURN_IF_ERROR(Fill(store.get(), nodes));
  fmt::print("{} series\n", store->Stats().series);
  MeasureLookups(*store);
  return absl::OkStatus();
}

}  // namespace
}  // namespace ronda::bench

int main(int argc, char** argv) {
  const absl::Status status = ronda::bench::Run(argc > 1 ? std::atoi(argv[1]) : 10'000);
  if (!status.ok()) {
    fmt::print(stderr, "index_bench: {}\n", ronda::Message(status));
  }
  return status.ok() ? 0 : 1;
}
