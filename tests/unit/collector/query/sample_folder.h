// A data folder with a known content, written by the store itself.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "collector/rules/alert.h"
#include "collector/store/store.h"
#include "common/codec/record_run.h"
#include "common/codec/sample_run.h"
#include "common/codec/schema_codec.h"
#include "common/model/record.h"
#include "common/model/schema.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace ronda::query {

// Node web1 (role=web) with the group host, a sample each second for 60 s up to kFolderEnd: up,
// node_memory_MemAvailable_bytes (3e9 + seconds), ronda_cpu_usage_percent (a sine). One alert that
// fires, its transition, and a gap of 10 s an hour before the end.
inline constexpr int64_t kFolderEnd = 1'795'132'800'000;  // 2026-11-20T00:00:00Z
inline constexpr int kFolderSamples = 60;

class SampleFolder {
 public:
  // Leaves the store open.
  explicit SampleFolder(const std::string& dir) {
    store::Store::Options options;
    options.dir = dir;
    absl::StatusOr<std::unique_ptr<store::Store>> store = store::Store::Open(options, clock_);
    EXPECT_OK(store);
    store_ = *std::move(store);
    store::NodeInfo node;
    node.name = "web1";
    node.labels.Set("role", "web");
    node.agent_version = "0.1.0";
    node.first_seen_ms = kFolderEnd - 3'600'000;
    node.epoch = epoch_;
    node_ = *store_->PutNode(node);
    AddSamples();
    AddRecords();
    EXPECT_OK(store_->Flush(30'000));
  }

  store::Store& store() { return *store_; }
  FakeClock& clock() { return clock_; }
  // Closes the store: nobody has the folder then.
  void Close() { store_.reset(); }

 private:
  static std::shared_ptr<const Schema> HostSchema() {
    auto schema = std::make_shared<Schema>();
    schema->metrics = {
        {"node_memory_MemAvailable_bytes", MetricType::kGauge, "bytes", "Memory available."},
        {"ronda_cpu_usage_percent", MetricType::kGauge, "percent", "Time not idle."},
        {"up", MetricType::kGauge, "", "1 if the source could be read."}};
    for (uint32_t i = 0; i < 3; ++i) {
      schema->series.push_back({i, Labels()});
    }
    return schema;
  }

  store::FrameEntry Entry(std::string bytes, const GroupIdentity& group, int64_t t_ms) {
    const codec::FrameHeader header = *codec::ParseFrameHeader(bytes);
    if (codec::IsKey(header.kind)) {
      run_first_seq_ = header.seq;
    }
    store::FrameEntry entry;
    entry.kind = header.kind;
    entry.group = group;
    entry.run_first_seq = run_first_seq_;
    entry.seq = header.seq;
    entry.crc = header.crc;
    entry.t_ms = t_ms;
    entry.bytes = std::move(bytes);
    return entry;
  }

  void AddSamples() {
    const std::shared_ptr<const Schema> schema = HostSchema();
    EXPECT_OK(store_->AddSchema(schema));
    const GroupIdentity group{"host", "node", ""};
    codec::SampleRunEncoder encoder(1, group);
    encoder.StartRun(schema);
    store::Batch batch;
    batch.node = node_;
    batch.epoch = epoch_;
    for (int i = 0; i < kFolderSamples; ++i) {
      const int64_t t_ms = kFolderEnd - int64_t{kFolderSamples - 1 - i} * 1000;
      const std::vector<double> values = {3e9 + i, 50 + 40 * std::sin(i / 5.0), 1};
      std::string bytes;
      encoder.Encode(++seq_, t_ms, values, &bytes);
      batch.frames.push_back(Entry(std::move(bytes), group, t_ms));
      batch.frames.back().schema = codec::HashSchema(*schema);
    }
    EXPECT_OK(store_->Append(std::move(batch)));
  }

  void AddRecords() {
    rules::Alert alert;
    alert.rule = "CpuBusy";
    alert.group = "host";
    alert.node = "web1";
    alert.labels =
        Labels::Of("", {{"alertname", "CpuBusy"}, {"node", "web1"}, {"severity", "critical"}});
    alert.annotations = {{"summary", "CPU at 97 %"}};
    alert.state = rules::AlertState::kFiring;
    alert.active_at_ms = kFolderEnd - 30'000;
    alert.fired_at_ms = kFolderEnd - 20'000;
    alert.changed_at_ms = kFolderEnd - 20'000;
    alert.value = 97;
    const Record transition{kFolderEnd - 20'000,
                            {"CpuBusy", "host", "critical", alert.labels.ToString(), "pending",
                             "firing", 97.0, kFolderEnd - 30'000, "", "CPU at 97 %", "0a1b2c3d",
                             kFolderEnd - 330'000, kFolderEnd + 280'000}};
    AppendRecord(
        2, AlertRecord(), transition,
        {{std::string(rules::kAlertSpace), rules::AlertKey(alert), rules::EncodeAlert(alert)}});
    const int64_t begin_ms = kFolderEnd - 3'600'000;
    AppendRecord(3, GapRecord(),
                 {begin_ms + 10'000, {begin_ms, begin_ms + 10'000, "", "network", "cable"}}, {});
  }

  void AppendRecord(uint32_t number, const RecordKind& kind, const Record& record,
                    std::vector<store::StateWrite> state) {
    codec::RecordRunEncoder encoder(number, kind);
    std::string bytes;
    encoder.Encode(++seq_, std::span(&record, 1), &bytes);
    store::Batch batch;
    batch.node = node_;
    batch.epoch = epoch_;
    batch.state = std::move(state);
    batch.frames.push_back(Entry(std::move(bytes), {kind.name, "", ""}, record.t_ms));
    EXPECT_OK(store_->Append(std::move(batch)));
  }

  FakeClock clock_;  // stands at kFolderEnd
  const store::Epoch epoch_{0x1234, kFolderEnd - 3'600'000};
  std::unique_ptr<store::Store> store_;
  store::NodeId node_ = 0;
  uint64_t seq_ = 0;
  uint64_t run_first_seq_ = 0;
};

}  // namespace ronda::query
