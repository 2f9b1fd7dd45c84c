// Sessions over a real store, rules engine and outbox, without gRPC.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "collector/ingest/pipeline.h"
#include "collector/ingest/session.h"
#include "common/base/mutex.h"
#include "common/codec/sample_run.h"
#include "ronda/v1/ingest.pb.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace ronda::ingest {

// What a session said.
struct Heard {
  Mutex mu;
  std::vector<v1::CollectorMessage> messages ABSL_GUARDED_BY(mu);
  std::vector<absl::Status> closed ABSL_GUARDED_BY(mu);
};

// One stream of one agent with one group, whose series are up, load and gone.
class FakeAgent {
 public:
  FakeAgent(Pipeline& pipeline, store::Store& store, const Clock& clock, SessionLimits limits = {});

  v1::AgentMessage Hello(const std::string& node, uint64_t epoch) const;
  // Hello, and the answer to the schema request that the first frame causes.
  void Join(const std::string& node, uint64_t epoch, const std::string& boot_id = "boot");
  void SendSchema();
  // One frame; returns its bytes. `up` = 0 leaves the others without a sample.
  std::string Tick(int64_t t_ms, double load, double up = 1);
  std::string Encode(int64_t t_ms, double load, double up = 1);
  void Send(const std::string& frame, v1::Lane lane = v1::LANE_LIVE, uint64_t of_epoch = 0);
  void Goodbye();
  void Close() { session->OnClosed(); }

  std::vector<v1::CollectorMessage> messages() const;
  std::vector<absl::Status> closed() const;
  bool Closed(absl::StatusCode code, const std::string& text) const;
  // Of the last rejection; "" if there was none.
  std::string last_reject() const;
  codec::RangeSet acknowledged(uint64_t of_epoch = 0) const;
  int schema_requests() const;

  std::shared_ptr<const Schema> schema;
  std::shared_ptr<Heard> heard = std::make_shared<Heard>();
  std::shared_ptr<Session> session;
  codec::SampleRunEncoder encoder{7, {"host", "node", ""}};
  uint64_t next_seq = 1;
};

class IngestTest : public testing::Test {
 protected:
  void SetUp() override;
  // Commits call back into pipeline and outbox: the store ends first.
  void TearDown() override { store_->Close(); }
  void Open();
  // From now on, and in each Open().
  void UseRules(const std::string& rules);

  std::unique_ptr<FakeAgent> NewAgent(SessionLimits limits = {}) {
    return std::make_unique<FakeAgent>(*pipeline_, *store_, clock_, limits);
  }
  void Flush();
  // Values of a series at all times, as "time:value" with times relative to the test's start and
  // "stale" for the marker.
  std::vector<std::string> Values(const std::string& metric, const std::string& node) const;
  // "cause from-to" of each gap record, relative times.
  std::vector<std::string> Gaps() const;
  // "rule state" of each active alert.
  std::vector<std::string> Alerts() const;
  // "rule from->to reason" of the alert log.
  std::vector<std::string> AlertLog() const;

  FakeClock clock_;
  const int64_t start_ms_ = clock_.NowMs();
  TempDir dir_;
  int64_t commit_interval_ms_ = 1;
  std::string rules_;              // "": those of the fixture
  store::Store::Options options_;  // those of the next Open(); dir "" is dir_
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<rules::Engine> engine_;
  mute::Gate::Options gate_options_;  // of the next Open()
  std::unique_ptr<mute::Gate> gate_;
  Pipeline::Options pipeline_options_;  // likewise
  std::unique_ptr<notify::Outbox> outbox_;
  std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace ronda::ingest
