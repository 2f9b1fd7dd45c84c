// The service and its client over real sockets; the answers behind them are set by the tests.
#include "collector/query/service.h"

#include <grpcpp/impl/service_type.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <cmath>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "collector/query/remote_api.h"
#include "common/base/status.h"
#include "common/model/sample.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::query {
namespace {

constexpr int64_t kT = 1'795'132'800'000;

// Orders what comes before it with what comes after another, for ThreadSanitizer, which does not
// see that a call over gRPC is answered after it was served.
class Turn {
 public:
  using Count = std::atomic<int>;
  explicit Turn(Count& count) : count_(count) { ++count_; }
  ~Turn() { ++count_; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Count& count_;
};

// Gives back what it was told to.
class SetApi : public Api {
 public:
  absl::StatusOr<TimeBase> Time() override {
    const Turn turn(turns);
    RONDA_RETURN_IF_ERROR(error);
    return TimeBase{kT, false, false};
  }
  absl::StatusOr<CollectorStatus> Status() override {
    const Turn turn(turns);
    return status;
  }
  absl::StatusOr<std::vector<NodeStatus>> Nodes(std::string_view only) override {
    const Turn turn(turns);
    asked = only;
    return nodes;
  }
  absl::StatusOr<std::vector<MetricStatus>> Metrics(std::string_view pattern,
                                                    bool count_series) override {
    const Turn turn(turns);
    asked = std::string(pattern) + (count_series ? "+" : "-");
    return metrics;
  }
  absl::Status Select(const SelectSpec& given, absl::FunctionRef<bool(SeriesData)> visit) override {
    const Turn turn(turns);
    spec = given;
    RONDA_RETURN_IF_ERROR(error);
    for (const SeriesData& one : series) {
      ++visited;
      if (!visit(one)) {
        break;
      }
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<Labels>> Series(const std::vector<Matcher>& matchers, int64_t start_ms,
                                             int64_t end_ms) override {
    const Turn turn(turns);
    spec.matchers = matchers;
    window = {start_ms, end_ms};
    return labels;
  }
  absl::StatusOr<EvalResult> Evaluate(const EvalSpec& given,
                                      const std::atomic<bool>* cancelled) override {
    const Turn turn(turns);
    eval_spec = given;
    RONDA_RETURN_IF_ERROR(error);
    while (wait_for_cancel && !*cancelled) {
      std::this_thread::yield();
    }
    was_cancelled = cancelled->load();
    return eval_result;
  }
  absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                       const std::vector<Matcher>& matchers,
                                                       int64_t start_ms, int64_t end_ms) override {
    const Turn turn(turns);
    asked = name;
    spec.matchers = matchers;
    window = {start_ms, end_ms};
    return values;
  }
  absl::StatusOr<std::vector<ActiveAlert>> Alerts() override {
    const Turn turn(turns);
    return alerts;
  }
  absl::StatusOr<std::vector<SilenceStatus>> Silences(bool expired) override {
    const Turn turn(turns);
    asked = expired ? "expired" : "";
    return silences;
  }
  absl::Status AlertLog(int64_t start_ms, int64_t end_ms, std::string_view node,
                        absl::FunctionRef<bool(AlertEvent)> visit) override {
    const Turn turn(turns);
    window = {start_ms, end_ms};
    asked = node;
    for (const AlertEvent& event : events) {
      if (!visit(event)) {
        break;
      }
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<Gap>> Gaps(int64_t start_ms, int64_t end_ms,
                                        std::string_view node) override {
    const Turn turn(turns);
    window = {start_ms, end_ms};
    asked = node;
    return gaps;
  }

  absl::Status error;
  CollectorStatus status;
  std::vector<NodeStatus> nodes;
  std::vector<MetricStatus> metrics;
  std::vector<SeriesData> series;
  std::vector<Labels> labels;
  std::vector<ActiveAlert> alerts;
  std::vector<SilenceStatus> silences;
  std::vector<AlertEvent> events;
  std::vector<Gap> gaps;
  EvalResult eval_result;
  std::vector<std::string> values;
  std::atomic<bool> wait_for_cancel = false;

  // What was asked last.
  std::string asked;
  SelectSpec spec;
  EvalSpec eval_spec;
  std::atomic<bool> was_cancelled = false;
  std::pair<int64_t, int64_t> window;
  int visited = 0;

  Turn::Count turns = 0;
};

class QueryServiceTest : public testing::Test {
 protected:
  QueryServiceTest() {
    service_ = NewQueryService(answers_);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.AddListeningPort(SocketAddress(), grpc::InsecureServerCredentials());
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    RemoteOptions options;
    options.address = "127.0.0.1:" + std::to_string(port_);
    api_ = NewRemoteApi(options);
  }
  ~QueryServiceTest() override {
    api_.reset();
    server_->Shutdown();
  }

  // What the test sets before a call of api(), and looks at after it.
  SetApi& answers() {
    const Turn turn(answers_.turns);
    return answers_;
  }
  Api* api() {
    const Turn turn(answers_.turns);
    return api_.get();
  }
  std::string SocketAddress() const { return "unix://" + dir_.File("c.sock"); }

  absl::StatusOr<std::vector<SeriesData>> Select(const SelectSpec& spec) {
    std::vector<SeriesData> result;
    RONDA_RETURN_IF_ERROR(api()->Select(spec, [&](SeriesData one) {
      result.push_back(std::move(one));
      return true;
    }));
    return result;
  }

  TempDir dir_;
  SetApi answers_;
  std::unique_ptr<grpc::Service> service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Api> api_;
};

TEST_F(QueryServiceTest, TheUnixSocketAnswersToo) {
  RemoteOptions options;
  options.address = SocketAddress();
  ASSERT_OK_AND_ASSIGN(const TimeBase time, NewRemoteApi(options)->Time());
  EXPECT_EQ(time.now_ms, kT);
  EXPECT_FALSE(time.offline);
  options.address = dir_.File("c.sock");
  EXPECT_OK(NewRemoteApi(options)->Time());
}

TEST_F(QueryServiceTest, StatusSurvivesTheWire) {
  CollectorStatus& s = answers().status;
  s.version = "0.1.0";
  s.data_dir = "/data";
  s.time.now_ms = kT;
  s.uptime_ms = 5;
  s.newest_sample_ms = kT - 1;
  int64_t n = 100;
  const std::vector<int64_t CollectorStatus::*> numbers = {&CollectorStatus::nodes_live,
                                                           &CollectorStatus::nodes_silent,
                                                           &CollectorStatus::nodes_stopped,
                                                           &CollectorStatus::nodes_unknown,
                                                           &CollectorStatus::series,
                                                           &CollectorStatus::journal_bytes,
                                                           &CollectorStatus::pending_bytes,
                                                           &CollectorStatus::blocks,
                                                           &CollectorStatus::block_bytes,
                                                           &CollectorStatus::disk_free_bytes,
                                                           &CollectorStatus::disk_total_bytes,
                                                           &CollectorStatus::commits,
                                                           &CollectorStatus::commit_failures,
                                                           &CollectorStatus::committed_frames,
                                                           &CollectorStatus::sealed_blocks,
                                                           &CollectorStatus::corrupt_journal_rows,
                                                           &CollectorStatus::corrupt_blocks,
                                                           &CollectorStatus::duplicate_samples,
                                                           &CollectorStatus::conflicting_samples,
                                                           &CollectorStatus::alerts_pending,
                                                           &CollectorStatus::alerts_firing,
                                                           &CollectorStatus::alerts_unknown,
                                                           &CollectorStatus::newest_sample_ms};
  for (const auto number : numbers) {
    s.*number = ++n;
  }
  s.disk = DiskState::kSoft;
  s.journal_error = "disk full";
  s.fsync_p99_ms = 2.5;
  ASSERT_OK_AND_ASSIGN(const CollectorStatus got, api()->Status());
  for (const auto number : numbers) {
    EXPECT_EQ(got.*number, s.*number);
  }
  EXPECT_EQ(got.version, "0.1.0");
  EXPECT_EQ(got.data_dir, "/data");
  EXPECT_EQ(got.time.now_ms, kT);
  EXPECT_EQ(got.uptime_ms, 5);
  EXPECT_EQ(got.samples_per_second, std::nullopt);
  EXPECT_EQ(got.disk, DiskState::kSoft);
  EXPECT_EQ(got.journal_error, "disk full");
  EXPECT_EQ(got.fsync_p99_ms, 2.5);
}

TEST_F(QueryServiceTest, ExpressionsAndTheirValuesSurviveTheWire) {
  SeriesData large{Labels::Of("", {{"node", "n1"}}), {"", MetricType::kGauge, "bytes", ""}, {}, {}};
  for (int i = 0; i < 200'000; ++i) {
    large.t_ms.push_back(kT + i * 1000);
    large.values.push_back(i);
  }
  EvalResult& r = answers().eval_result;
  r.type = "matrix";
  r.text = "text";
  r.series = {large, {Labels(), {}, {kT}, {1.5}}};
  r.warnings = {"PromQL warning: a (1:7)", "PromQL warning: b (2:1)"};
  r.infos = {"PromQL info: c (1:1)"};
  r.series_read = 1;
  r.samples_read = 2;
  r.selects = 3;
  r.peak_bytes = 4;
  r.elapsed_us = 5;
  r.thinned_to_ms = 6;
  r.thinned_ms = 60'000;
  ASSERT_OK_AND_ASSIGN(const EvalResult got,
                       api()->Evaluate({"sum(up)", kT, kT + 10'000, 1000}, nullptr));
  EXPECT_EQ(answers().eval_spec.expr, "sum(up)");
  EXPECT_EQ(answers().eval_spec.start_ms, kT);
  EXPECT_EQ(answers().eval_spec.end_ms, kT + 10'000);
  EXPECT_EQ(answers().eval_spec.step_ms, 1000);
  EXPECT_EQ(got.type, r.type);
  EXPECT_EQ(got.text, r.text);
  EXPECT_EQ(got.warnings, r.warnings);
  EXPECT_EQ(got.infos, r.infos);
  EXPECT_EQ((std::vector<int64_t>{got.series_read, got.samples_read, got.selects, got.peak_bytes,
                                  got.elapsed_us, got.thinned_to_ms, got.thinned_ms}),
            (std::vector<int64_t>{1, 2, 3, 4, 5, 6, 60'000}));
  ASSERT_EQ(got.series.size(), 2u);
  EXPECT_EQ(got.series[0].labels, large.labels);
  EXPECT_EQ(got.series[0].metric.unit, "bytes");
  EXPECT_EQ(got.series[0].t_ms, large.t_ms);
  EXPECT_EQ(got.series[0].values, large.values);
  EXPECT_EQ(got.series[1].values, std::vector<double>{1.5});

  answers().values = {"a", "b"};
  EXPECT_EQ(*api()->LabelValues("node", {Matcher::Equal("job", "x")}, 1, 2), answers().values);
  EXPECT_EQ(answers().asked, "node");
  EXPECT_EQ(answers().window, (std::pair<int64_t, int64_t>{1, 2}));
}

TEST_F(QueryServiceTest, AnEvaluationEndsWhenItsClientIsGone) {
  answers().wait_for_cancel = true;
  RemoteOptions options;
  options.address = "127.0.0.1:" + std::to_string(port_);
  options.timeout_ms = 50;
  EXPECT_THAT(NewRemoteApi(options)->Evaluate({"up", 0, kT, 0}, nullptr),
              StatusIs(absl::StatusCode::kDeadlineExceeded, ""));
  while (!answers().was_cancelled) {
    std::this_thread::yield();
  }
}

TEST_F(QueryServiceTest, ListsSurviveTheWire) {
  answers().nodes = {{"n1",
                      NodeState::kSilent,
                      kT,
                      kT - 9,
                      "0.1.0",
                      Labels::Of("", {{"role", "web"}}),
                      {{"node", "n1", true}, {"postgres", "db:5432", false}, {"x", "y", {}}},
                      -250,
                      3},
                     {"n2", NodeState::kStopped, 0, 0, "", {}, {}, {}, 0}};
  answers().metrics = {{{"m", MetricType::kCounter, "bytes", "Help."}, 7},
                       {{"g", MetricType::kGauge, "", ""}, 0}};
  answers().alerts = {{"Rule", "group", "n1", "firing", "critical", Labels::Of("", {{"a", "b"}}), 1,
                       2, 3, 0.5, "reason", "summary"}};
  answers().events = {{kT, "n1", "Rule", "group", "critical", "{a=\"b\"}", "pending", "firing",
                       0.25, 4, "reason", "summary"}};
  answers().gaps = {{"n1", 1, 0, "host", "network", "detail"}, {"n1", 2, 3, "", "", ""}};
  EXPECT_EQ(*api()->Nodes("n1"), answers().nodes);
  EXPECT_EQ(answers().asked, "n1");
  EXPECT_EQ(*api()->Metrics("mem", true), answers().metrics);
  EXPECT_EQ(answers().asked, "mem+");
  answers().alerts[0].silenced_by = {"id1", "id2"};
  answers().alerts[0].held = "silenced by id1";
  EXPECT_EQ(*api()->Alerts(), answers().alerts);
  answers().silences = {
      {"id1", "active", {"a=\"b\"", "c=~\"d\""}, 1, 2, 3, "ann", "why", true, "work", 4}};
  EXPECT_EQ(*api()->Silences(true), answers().silences);
  EXPECT_EQ(answers().asked, "expired");
  answers().labels = {Labels::Of("up", {{"node", "n1"}}), Labels::Of("up", {{"node", "n2"}})};
  EXPECT_EQ(*api()->Series({Matcher::Equal("__name__", "up"),
                            *Matcher::New(Matcher::Type::kRegex, "node", "n.")},
                           11, 12),
            answers().labels);
  EXPECT_EQ(answers().window, std::make_pair(int64_t{11}, int64_t{12}));
  ASSERT_EQ(answers().spec.matchers.size(), 2U);
  EXPECT_EQ(answers().spec.matchers[1].ToString(), "node=~\"n.\"");
  EXPECT_EQ(*api()->Gaps(5, 6, "n2"), answers().gaps);
  EXPECT_EQ(answers().window, std::make_pair(int64_t{5}, int64_t{6}));
  EXPECT_EQ(answers().asked, "n2");
  std::vector<AlertEvent> events;
  ASSERT_OK(api()->AlertLog(7, 8, "n3", [&](AlertEvent event) {
    events.push_back(std::move(event));
    return true;
  }));
  EXPECT_EQ(events, answers().events);
  EXPECT_EQ(answers().window, std::make_pair(int64_t{7}, int64_t{8}));
}

TEST_F(QueryServiceTest, TheRequestOfASelectSurvivesTheWire) {
  SelectSpec spec;
  for (Matcher::Type type : {Matcher::Type::kEqual, Matcher::Type::kNotEqual, Matcher::Type::kRegex,
                             Matcher::Type::kNotRegex}) {
    spec.matchers.push_back(*Matcher::New(type, "name", "val.*"));
  }
  spec.start_ms = 1;
  spec.end_ms = 2;
  spec.step_ms = 3;
  spec.instant = true;
  ASSERT_OK(Select(spec));
  ASSERT_EQ(answers().spec.matchers.size(), 4U);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(answers().spec.matchers[i].ToString(), spec.matchers[i].ToString());
  }
  EXPECT_EQ(answers().spec.start_ms, 1);
  EXPECT_EQ(answers().spec.end_ms, 2);
  EXPECT_EQ(answers().spec.step_ms, 3);
  EXPECT_TRUE(answers().spec.instant);
}

TEST_F(QueryServiceTest, SamplesSurviveTheWireToTheBit) {
  const std::vector<double> odd = {0.1,          -0.0,
                                   INFINITY,     StaleMarker(),
                                   std::nan(""), std::bit_cast<double>(0x7ff8dead00000001ULL),
                                   5e-324};
  SeriesData small{Labels::Of("a", {{"node", "n"}}),
                   {"a", MetricType::kCounter, "bytes", "Help."},
                   {1, 2, 3, 4, 5, 6, 7},
                   odd};
  // More than fits one message.
  SeriesData large{Labels::Of("b"), {"b", MetricType::kGauge, "", ""}, {}, {}};
  for (int i = 0; i < 300'000; ++i) {
    large.t_ms.push_back(kT + int64_t{i} * 1000 + (i % 7));
    large.values.push_back(i * 0.5);
  }
  answers().series = {small, large, small};
  ASSERT_OK_AND_ASSIGN(const std::vector<SeriesData> got, Select({}));
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[0].labels, small.labels);
  EXPECT_EQ(got[0].metric, small.metric);
  ASSERT_EQ(got[0].values.size(), odd.size());
  for (size_t i = 0; i < odd.size(); ++i) {
    EXPECT_EQ(std::bit_cast<uint64_t>(got[0].values[i]), std::bit_cast<uint64_t>(odd[i])) << i;
  }
  EXPECT_EQ(got[1].labels, large.labels);
  EXPECT_EQ(got[1].t_ms, large.t_ms);
  EXPECT_EQ(got[1].values, large.values);
  EXPECT_EQ(got[2].t_ms, small.t_ms);
}

TEST_F(QueryServiceTest, AReaderMayStopEarly) {
  answers().series.assign(5, {Labels::Of("a"), {}, {1}, {1}});
  int seen = 0;
  EXPECT_OK(api()->Select({}, [&](const SeriesData&) { return ++seen < 2; }));
  EXPECT_EQ(seen, 2);
}

TEST_F(QueryServiceTest, ErrorsKeepCodeAndMessage) {
  answers().error = MakeStatus(absl::StatusCode::kResourceExhausted, "the limit of 3 samples");
  EXPECT_THAT(Select({}), StatusIs(absl::StatusCode::kResourceExhausted, "the limit of 3 samples"));
}

TEST_F(QueryServiceTest, NobodyThereIsToldAtOnceWithWhatToDo) {
  RemoteOptions options;
  options.address = "unix://" + dir_.File("nobody.sock");
  EXPECT_THAT(NewRemoteApi(options)->Time(),
              StatusIs(absl::StatusCode::kUnavailable, "nobody.sock: is ronda-collector running"));
  options.address = "127.0.0.1:1";
  EXPECT_THAT(NewRemoteApi(options)->Nodes(""),
              StatusIs(absl::StatusCode::kUnavailable, "--data DIR"));
}

TEST(QueryServiceLimits, AClientThatDoesNotReadIsCutOff) {
  // Far more than the windows of HTTP/2 hold, to a client that reads one part and then stops.
  SetApi answers;
  SeriesData series{Labels::Of("a"), {}, {}, {}};
  for (int i = 0; i < 500'000; ++i) {
    series.t_ms.push_back(i);
    series.values.push_back(i * 0.1);
  }
  answers.series.assign(20, series);
  Gate::Options gate;
  gate.max_running = 1;
  gate.max_ms = 300;
  const auto service = NewQueryService(answers, gate);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(service.get());
  const auto server = builder.BuildAndStart();
  RemoteOptions options;
  options.address = "127.0.0.1:" + std::to_string(port);
  const auto slow = NewRemoteApi(options);
  const auto other = NewRemoteApi(options);
  int seen = 0;
  const absl::Status status = slow->Select({}, [&](const SeriesData&) {
    if (++seen == 1) {
      // The only place is taken by the query that this reader blocks: it comes free all the same.
      EXPECT_OK(other->Time());
    }
    return true;
  });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kCancelled, ""));
  EXPECT_GT(answers.turns, 0);
  EXPECT_LT(answers.visited, 20);
  server->Shutdown();
}

}  // namespace
}  // namespace ronda::query
