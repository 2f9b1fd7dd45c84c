#include "tests/unit/collector/ingest/ingest_fixture.h"

#include <fmt/format.h>

#include "collector/rules/rule_file.h"
#include "common/codec/schema_codec.h"
#include "common/model/sample.h"
#include "tests/support/status_matchers.h"

namespace ronda::ingest {
namespace {

constexpr char kRules[] = R"(
groups:
  - name: test
    rules:
      - alert: NodeSilent
        expr: up{job="node"} == 0
        labels: {severity: critical}
      - alert: LoadHigh
        expr: load > 4
        for: 2s
        labels: {severity: warning}
)";

}  // namespace

FakeAgent::FakeAgent(Pipeline& pipeline, store::Store& store, const Clock& clock,
                     SessionLimits limits) {
  auto made = std::make_shared<Schema>();
  made->metrics = {{"up", MetricType::kGauge, "", ""},
                   {"load", MetricType::kGauge, "", ""},
                   {"requests_total", MetricType::kCounter, "", ""}};
  made->series = {{0, Labels()}, {1, Labels(std::vector<Label>{{"core", "all"}})}, {2, Labels()}};
  schema = made;
  Session::Outlet outlet;
  outlet.send = [heard = heard](v1::CollectorMessage message) {
    MutexLock lock(&heard->mu);
    heard->messages.push_back(std::move(message));
  };
  outlet.close = [heard = heard](const absl::Status& why) {
    MutexLock lock(&heard->mu);
    heard->closed.push_back(why);
  };
  session = std::make_shared<Session>(pipeline, store, clock, limits, "test-peer", outlet);
  encoder.StartRun(schema);
}

v1::AgentMessage FakeAgent::Hello(const std::string& node, uint64_t epoch) const {
  v1::AgentMessage message;
  v1::Hello* hello = message.mutable_hello();
  hello->mutable_versions()->set_min(1);
  hello->mutable_versions()->set_max(1);
  hello->set_node(node);
  hello->set_epoch(epoch);
  hello->set_epoch_started_ms(5);
  hello->set_boot_id("boot");
  hello->set_agent_version("test");
  return message;
}

void FakeAgent::Join(const std::string& node, uint64_t epoch, const std::string& boot_id) {
  v1::AgentMessage message = Hello(node, epoch);
  message.mutable_hello()->set_boot_id(boot_id);
  session->OnMessage(message);
}

void FakeAgent::SendSchema() {
  v1::AgentMessage message;
  message.mutable_schema()->set_content(codec::EncodeSchema(*schema));
  session->OnMessage(message);
}

std::string FakeAgent::Encode(int64_t t_ms, double load, double up) {
  const double missing = StaleMarker();
  const double values[] = {up, up == 1 ? load : missing,
                           up == 1 ? static_cast<double>(next_seq) : missing};
  std::string frame;
  encoder.Encode(next_seq++, t_ms, values, &frame);
  return frame;
}

std::string FakeAgent::Tick(int64_t t_ms, double load, double up) {
  std::string frame = Encode(t_ms, load, up);
  const int before = schema_requests();
  Send(frame);
  if (schema_requests() > before) {
    SendSchema();
  }
  return frame;
}

void FakeAgent::Send(const std::string& frame, v1::Lane lane, uint64_t of_epoch) {
  v1::AgentMessage message;
  message.mutable_frames()->set_lane(lane);
  message.mutable_frames()->set_epoch(of_epoch);
  message.mutable_frames()->add_frame(frame);
  session->OnMessage(message);
}

void FakeAgent::Goodbye() {
  v1::AgentMessage message;
  message.mutable_goodbye()->set_reason("stopped");
  session->OnMessage(message);
  Close();
}

std::vector<v1::CollectorMessage> FakeAgent::messages() const {
  MutexLock lock(&heard->mu);
  return heard->messages;
}

std::vector<absl::Status> FakeAgent::closed() const {
  MutexLock lock(&heard->mu);
  return heard->closed;
}

bool FakeAgent::Closed(absl::StatusCode code, const std::string& text) const {
  for (const absl::Status& status : closed()) {
    if (status.code() == code && std::string(Message(status)).find(text) != std::string::npos) {
      return true;
    }
  }
  return false;
}

std::string FakeAgent::last_reject() const {
  std::string found;
  for (const v1::CollectorMessage& message : messages()) {
    if (message.has_reject()) {
      found = v1::Reject::Reason_Name(message.reject().reason()) + ": " + message.reject().detail();
    }
  }
  return found;
}

codec::RangeSet FakeAgent::acknowledged(uint64_t of_epoch) const {
  codec::RangeSet set;
  for (const v1::CollectorMessage& message : messages()) {
    if (!message.has_ack() || message.ack().epoch() != of_epoch) {
      continue;
    }
    for (const v1::SeqRange& range : message.ack().range()) {
      set.AddRange({range.first(), range.last()});
    }
  }
  return set;
}

int FakeAgent::schema_requests() const {
  int count = 0;
  for (const v1::CollectorMessage& message : messages()) {
    count += message.has_schema_request() ? 1 : 0;
  }
  return count;
}

void IngestTest::SetUp() { Open(); }

// Also used in the middle of a test, as a restart of the collector.
void IngestTest::Open() {
  if (store_ != nullptr) {
    store_->Close();
  }
  pipeline_.reset();
  if (outbox_ != nullptr) {
    outbox_->Stop();
  }
  store_.reset();
  if (options_.dir.empty()) {
    options_.dir = dir_.path();
  }
  options_.commit_interval_ms = commit_interval_ms_;
  options_.manual_seal = true;
  ASSERT_OK_AND_ASSIGN(store_, store::Store::Open(options_, clock_));
  ASSERT_OK_AND_ASSIGN(rules::RuleFile file,
                       rules::ParseRuleFile("rules.yml", rules_.empty() ? kRules : rules_));
  ASSERT_OK_AND_ASSIGN(engine_, rules::Engine::New({file}));
  ASSERT_OK_AND_ASSIGN(outbox_, notify::Outbox::New({{.name = "log", .url = {}, .headers = {}}},
                                                    clock_, [](store::StateWrite) {}));
  gate_ = std::make_unique<mute::Gate>(gate_options_, clock_);
  pipeline_ =
      std::make_unique<Pipeline>(pipeline_options_, *store_, *engine_, *gate_, *outbox_, clock_);
  ASSERT_OK(pipeline_->Restore());
}

void IngestTest::UseRules(const std::string& rules) {
  rules_ = rules;
  ASSERT_OK_AND_ASSIGN(rules::RuleFile file, rules::ParseRuleFile("rules.yml", rules_));
  ASSERT_OK(engine_->Reload({file}));
}

void IngestTest::Flush() { ASSERT_OK(store_->Flush(5000)); }

std::vector<std::string> IngestTest::Values(const std::string& metric,
                                            const std::string& node) const {
  std::vector<std::string> out;
  EXPECT_OK(store_->Select({Matcher::Equal("__name__", metric), Matcher::Equal("node", node)}, 0,
                           INT64_MAX / 2, [&](const store::SeriesView& view) {
                             for (size_t i = 0; i < view.t_ms.size(); ++i) {
                               const std::string value = IsStale(view.values[i])
                                                             ? "stale"
                                                             : fmt::format("{}", view.values[i]);
                               out.push_back(fmt::format("{}:{}", view.t_ms[i] - start_ms_, value));
                             }
                             return true;
                           }));
  return out;
}

std::vector<std::string> IngestTest::Gaps() const {
  std::vector<std::string> out;
  EXPECT_OK(
      store_->ScanRecords("gap", "", 0, INT64_MAX / 2, [&](std::string_view, const Record& record) {
        out.push_back(fmt::format("{} {}-{}", std::get<std::string>(record.values[3]),
                                  std::get<int64_t>(record.values[0]) - start_ms_,
                                  std::get<int64_t>(record.values[1]) - start_ms_));
        return true;
      }));
  return out;
}

std::vector<std::string> IngestTest::Alerts() const {
  std::vector<std::string> out;
  for (const rules::Alert& alert : engine_->Active()) {
    out.push_back(alert.rule + " " + std::string(rules::ToString(alert.state)));
  }
  return out;
}

std::vector<std::string> IngestTest::AlertLog() const {
  std::vector<std::string> out;
  EXPECT_OK(store_->ScanRecords(
      "alert", "", 0, INT64_MAX / 2, [&](std::string_view, const Record& record) {
        out.push_back(fmt::format("{} {}->{} {}", std::get<std::string>(record.values[0]),
                                  std::get<std::string>(record.values[4]),
                                  std::get<std::string>(record.values[5]),
                                  std::get<std::string>(record.values[8])));
        return true;
      }));
  return out;
}

}  // namespace ronda::ingest
