// Size and speed of sample frames, or of columns, on a capture of a real host.
//
//   xz -dc host_capture_1s.values.csv.xz | codec_bench host_capture_1s.series.tsv node [columns]
//
// The series table has the columns id, job, type, series; the values come on standard input: a
// header, then a row per tick with the time and a cell per series, empty where there is no sample.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/codec/column.h"
#include "common/codec/sample_run.h"
#include "common/model/sample.h"
#include "common/model/schema.h"

namespace {

constexpr int kRounds = 20;

using ronda::MetricType;
using ronda::Schema;

struct Capture {
  std::shared_ptr<const Schema> schema;
  std::vector<int64_t> t_ms;
  std::vector<std::vector<double>> ticks;
};

std::vector<std::string> Split(const std::string& line, char separator) {
  std::vector<std::string> cells(1);
  for (const char c : line) {
    if (c == separator) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

// Every series is its own metric: only the types matter here.
std::shared_ptr<const Schema> ReadSchema(const char* path, const std::string& job,
                                         std::vector<size_t>* columns) {
  auto schema = std::make_shared<Schema>();
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const std::vector<std::string> row = Split(line, '\t');
    if (row.size() == 4 && (job.empty() || row[1] == job)) {
      columns->push_back(std::stoul(row[0]) + 1);
      const bool gauge = row[2] == "gauge" || row[2] == "unknown" || row[2] == "untyped";
      schema->series.push_back({static_cast<uint32_t>(schema->metrics.size()), {}});
      schema->metrics.push_back(
          {row[3], gauge ? MetricType::kGauge : MetricType::kCounter, "", ""});
    }
  }
  return schema;
}

Capture ReadCapture(const char* path, const std::string& job) {
  Capture capture;
  std::vector<size_t> columns;
  capture.schema = ReadSchema(path, job, &columns);
  std::string line;
  std::getline(std::cin, line);
  while (std::getline(std::cin, line)) {
    const std::vector<std::string> row = Split(line, ',');
    capture.t_ms.push_back(std::stoll(row[0]));
    std::vector<double>& values = capture.ticks.emplace_back();
    for (const size_t c : columns) {
      values.push_back(row.at(c).empty() ? ronda::StaleMarker()
                                         : std::strtod(row[c].c_str(), nullptr));
    }
  }
  return capture;
}

double Ns(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - since).count();
}

// Columns of up to so many values.
constexpr size_t kChunk = 7200;

// The encodings of columns of integers, by their number.
constexpr const char* kEncodings[] = {"constant", "linear",       "runs",
                                      "packed",   "coded before", "coded"};
constexpr size_t kEncodingCount = std::size(kEncodings);

struct ColumnCost {
  size_t columns = 0;
  size_t samples = 0;
  size_t bytes = 0;
  double encode_ns = 0;
  double decode_ns = 0;

  void Add(const ColumnCost& o) {
    columns += o.columns;
    samples += o.samples;
    bytes += o.bytes;
    encode_ns += o.encode_ns;
    decode_ns += o.decode_ns;
  }
  void Print(const char* name) const {
    const auto n = static_cast<double>(std::max<size_t>(samples, 1));
    std::printf("%-9s %6zu columns, bytes a sample %.4f, encode %.2f ns, decode %.2f ns\n", name,
                columns, static_cast<double>(bytes) / n, encode_ns / n, decode_ns / n);
  }
};

// Empty if the bytes do not decode to the values.
std::optional<ColumnCost> MeasureColumn(std::span<const double> values, std::string* bytes) {
  ColumnCost cost{1, values.size(), 0, 1e30, 1e30};
  std::vector<double> out(values.size());
  for (int round = 0; round < kRounds; ++round) {
    bytes->clear();
    auto start = std::chrono::steady_clock::now();
    ronda::codec::EncodeColumn(values, bytes);
    cost.encode_ns = std::min(cost.encode_ns, Ns(start));
    start = std::chrono::steady_clock::now();
    const absl::Status status = ronda::codec::DecodeColumn(*bytes, out);
    cost.decode_ns = std::min(cost.decode_ns, Ns(start));
    if (!status.ok() || std::memcmp(out.data(), values.data(), values.size_bytes()) != 0) {
      return std::nullopt;
    }
  }
  cost.bytes = bytes->size();
  return cost;
}

int MeasureColumns(const Capture& capture) {
  std::array<ColumnCost, kEncodingCount> by_encoding;
  ColumnCost exceptional;
  ColumnCost all;
  std::vector<double> values;
  std::string bytes;
  for (size_t s = 0; s < capture.schema->series.size(); ++s) {
    for (size_t begin = 0; begin < capture.ticks.size(); begin += kChunk) {
      values.clear();
      for (size_t t = begin; t < std::min(capture.ticks.size(), begin + kChunk); ++t) {
        if (!ronda::IsStale(capture.ticks[t][s])) {
          values.push_back(capture.ticks[t][s]);
        }
      }
      if (values.empty()) {
        continue;
      }
      const std::optional<ColumnCost> cost = MeasureColumn(values, &bytes);
      if (!cost.has_value()) {
        std::fprintf(stderr, "codec_bench: a column does not decode\n");
        return 1;
      }
      all.Add(*cost);
      // FORMAT.md, "Column": the scale's byte, unless exceptions follow the encoding's.
      const bool exceptions = (bytes[0] & 64) != 0;
      (exceptions ? exceptional : by_encoding[static_cast<size_t>(bytes[1])]).Add(*cost);
    }
  }
  for (size_t e = 0; e < kEncodingCount; ++e) {
    by_encoding[e].Print(kEncodings[e]);
  }
  exceptional.Print("exc.");
  all.Print("all");
  return 0;
}

int MeasureFrames(const Capture& capture) {
  const size_t ticks = capture.ticks.size();
  size_t samples = 0;
  for (const auto& tick : capture.ticks) {
    for (const double value : tick) {
      samples += ronda::IsStale(value) ? 0 : 1;
    }
  }

  std::vector<std::string> frames(ticks);
  ronda::codec::SampleRunEncoder encoder(1, {"host", "node", ""});
  double encode_ns = 1e30;
  size_t bytes = 0;
  size_t key_bytes = 0;
  for (int round = 0; round < kRounds; ++round) {
    // The first round has learnt nothing yet: its size is the one reported.
    encoder.StartRun(capture.schema);
    const auto start = std::chrono::steady_clock::now();
    for (size_t t = 0; t < ticks; ++t) {
      frames[t].clear();
      encoder.Encode(t + 1, capture.t_ms[t], capture.ticks[t], &frames[t]);
    }
    encode_ns = std::min(encode_ns, Ns(start));
    for (size_t t = 0; t < ticks && round == 0; ++t) {
      bytes += frames[t].size();
      key_bytes += t % ronda::codec::kMaxRunFrames == 0 ? frames[t].size() : 0;
    }
  }

  ronda::codec::SampleRunDecoder decoder;
  double decode_ns = 1e30;
  size_t changed = 0;
  for (int round = 0; round < kRounds; ++round) {
    changed = 0;
    const auto start = std::chrono::steady_clock::now();
    for (const std::string& frame : frames) {
      if (!decoder.Decode(frame).ok()) {
        std::fprintf(stderr, "codec_bench: a frame does not decode\n");
        return 1;
      }
      changed += decoder.changed().size();
    }
    decode_ns = std::min(decode_ns, Ns(start));
  }
  const auto n = static_cast<double>(samples);
  std::printf("series %zu, ticks %zu, samples %zu, sent %zu\n", capture.schema->series.size(),
              ticks, samples, changed);
  std::printf("bytes a sample %.4f (key frames %.4f of it)\n", static_cast<double>(bytes) / n,
              static_cast<double>(key_bytes) / n);
  std::printf("bytes a tick %.1f\n", static_cast<double>(bytes) / static_cast<double>(ticks));
  std::printf("encode %.2f ns a sample, %.2f us a tick\n", encode_ns / n,
              encode_ns / static_cast<double>(ticks) / 1e3);
  std::printf("decode %.2f ns a sample, %.2f us a tick\n", decode_ns / n,
              decode_ns / static_cast<double>(ticks) / 1e3);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const bool columns = argc == 4 && std::string_view(argv[3]) == "columns";
  if (argc < 2 || argc > 4 || (argc == 4 && !columns)) {
    std::fprintf(stderr, "usage: xz -dc VALUES.csv.xz | codec_bench SERIES.tsv [JOB [columns]]\n");
    return 2;
  }
  const Capture capture = ReadCapture(argv[1], argc > 2 ? argv[2] : "");
  if (capture.ticks.empty() || capture.schema->series.empty()) {
    std::fprintf(stderr, "codec_bench: no values\n");
    return 1;
  }
  return columns ? MeasureColumns(capture) : MeasureFrames(capture);
}
