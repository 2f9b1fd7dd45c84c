// What dashboards ask: queries, series, labels, metadata and /federate, over a real store that was
// written to as remote-write does.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "collector/http/api.h"
#include "collector/query/local_api.h"
#include "tests/support/fake_clock.h"
#include "tests/support/receiving_store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/write_request.h"
#include "tests/unit/collector/query/sample_folder.h"

namespace ronda::http {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class ReadApiTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(ronda_.Open(dir_.path()));
    api_ = std::make_unique<query::LocalApi>(ronda_.store(), nullptr, clock_,
                                             query::LocalApi::Options{dir_.path(), {}});
    sources_ = {};
    sources_.api = api_.get();
    sources_.store = &ronda_.store();
    sources_.receiver = &ronda_.receiver();
    sources_.clock = &clock_;
    AddQuery(sources_, {}, &router_);
    AddMetadata(sources_, {}, &router_);
    AddFederate(sources_, {}, &router_);
    Push();
  }

  // A gauge of two jobs with ten samples each up to now, and one with a name of Prometheus 3.
  void Push() {
    std::vector<PushedSeries> series = {
        {{{"__name__", "load"}, {"instance", "a:1"}, {"job", "x"}}, {}},
        {{{"__name__", "load"}, {"instance", "b:1"}, {"job", "y"}}, {}},
        {{{"__name__", "http.open conns"}, {"job", "x"}, {"pod.name", "p\"1"}}, {}}};
    for (size_t i = 0; i < series.size(); ++i) {
      for (int k = 9; k >= 0; --k) {
        series[i].samples.emplace_back(now_ms_ - k * 1000, static_cast<double>(i * 100) + 9 - k);
      }
    }
    ASSERT_OK(ronda_.receiver().Write(
        {"prom1", "", ""}, Snappy(EncodePush(series, {{2, "load", "Load.", ""}})), cancelled_));
    ASSERT_OK(ronda_.store().Flush(5000));
  }

  Response Ask(const std::string& path, std::vector<Pair> params, std::vector<Pair> headers = {},
               Method method = Method::kGet, Router* router = nullptr) {
    Request request;
    request.method = method;
    request.path = path;
    request.params = std::move(params);
    request.headers = std::move(headers);
    auto admitted = (router == nullptr ? router_ : *router).Admit(request);
    EXPECT_TRUE(std::holds_alternative<Admission>(admitted)) << path;
    return std::get<Admission>(admitted).run(request);
  }
  json Data(const std::string& path, std::vector<Pair> params, Method method = Method::kGet,
            Router* router = nullptr) {
    const Response response = Ask("/api/v1/" + path, std::move(params), {}, method, router);
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.content_type, "application/json");
    json answer = json::parse(response.body);
    EXPECT_EQ(answer["status"], "success");
    return answer["data"];
  }
  // The message, after a look at status and type.
  std::string Error(const std::string& path, std::vector<Pair> params, int status,
                    const std::string& type) {
    const Response response = Ask("/api/v1/" + path, std::move(params));
    EXPECT_EQ(response.status, status) << response.body;
    const json answer = json::parse(response.body);
    EXPECT_EQ(answer["status"], "error");
    EXPECT_EQ(answer["errorType"], type) << response.body;
    return answer["error"];
  }
  std::string Seconds(int64_t before = 0) const { return std::to_string(now_ms_ / 1000 - before); }

  FakeClock clock_;
  const int64_t now_ms_ = clock_.NowMs() / 1000 * 1000;
  TempDir dir_;
  std::atomic<bool> cancelled_{false};
  ReceivingStore ronda_{clock_};
  std::unique_ptr<query::LocalApi> api_;
  TokenStore tokens_{"/nowhere/tokens", clock_};
  Router router_{tokens_, true};
  Sources sources_;
};

TEST_F(ReadApiTest, InstantQueriesOfEachType) {
  // The health check of Grafana, which asks at a time near 1970.
  EXPECT_EQ(Data("query", {{"query", "1+1"}, {"time", "4"}}, Method::kPost),
            (json{{"resultType", "scalar"}, {"result", {4, "2"}}}));
  EXPECT_EQ(Data("query", {{"query", "\"text\""}, {"time", Seconds()}})["resultType"], "string");
  const json vector = Data("query", {{"query", R"(load{job="x"})"}, {"time", Seconds()}});
  EXPECT_EQ(vector["resultType"], "vector");
  EXPECT_EQ(
      vector["result"],
      json::array({{{"metric",
                     {{"__name__", "load"}, {"instance", "a:1"}, {"job", "x"}, {"node", "prom1"}}},
                    {"value", {now_ms_ / 1000, "9"}}}}));
  const json matrix = Data("query", {{"query", "load[3s]"}, {"time", Seconds()}});
  EXPECT_EQ(matrix["resultType"], "matrix");
  EXPECT_EQ(matrix["result"][0]["values"].size(), 3U);
  EXPECT_EQ(Data("query", {{"query", "nothing"}})["result"], json::array());
}

TEST_F(ReadApiTest, RangeQueries) {
  const json matrix = Data("query_range", {{"query", R"({"http.open conns","pod.name"=~"p.*"})"},
                                           {"start", Seconds(2)},
                                           {"end", Seconds()},
                                           {"step", "1s"},
                                           {"ignored", "x"}});
  const int64_t s = now_ms_ / 1000;
  EXPECT_EQ(matrix["result"][0]["values"], (json{{s - 2, "207"}, {s - 1, "208"}, {s, "209"}}));
  EXPECT_EQ(matrix["result"][0]["metric"]["pod.name"], "p\"1");
}

TEST_F(ReadApiTest, ErrorsHaveThePlaceOrTheLimitAndTheirType) {
  EXPECT_THAT(Error("query", {{"query", "load{"}}, 400, "bad_data"), HasSubstr("1:6"));
  EXPECT_THAT(Error("query", {}, 400, "bad_data"), HasSubstr("query"));
  EXPECT_THAT(Error("query", {{"query", "1"}, {"time", "soon"}}, 400, "bad_data"),
              HasSubstr("time"));
  const auto range = [&](const char* start, const char* end, const char* step) {
    return Error("query_range", {{"query", "1"}, {"start", start}, {"end", end}, {"step", step}},
                 400, "bad_data");
  };
  EXPECT_THAT(range("0", "11001", "1"), HasSubstr("11,000 points"));
  EXPECT_THAT(range("10", "1", "1"), HasSubstr("end"));
  EXPECT_THAT(range("1", "10", "0"), HasSubstr("step"));
  EXPECT_THAT(
      Error("query", {{"query", "load * on() load"}, {"time", Seconds()}}, 422, "execution"),
      HasSubstr("many"));
  EXPECT_THAT(Error("series", {}, 400, "bad_data"), HasSubstr("match[]"));
}

TEST_F(ReadApiTest, SeriesLabelsAndValues) {
  EXPECT_EQ(Data("series", {{"match[]", R"(load{job="x"})"}, {"match[]", R"({job="x"})"}}).size(),
            2U);
  EXPECT_EQ(Data("labels", {}, Method::kPost),
            json({"__name__", "instance", "job", "node", "pod.name"}));
  EXPECT_EQ(Data("labels", {{"match[]", "load"}}), json({"__name__", "instance", "job", "node"}));
  EXPECT_EQ(Data("label/__name__/values", {}), json({"http.open conns", "load"}));
  EXPECT_EQ(Data("label/job/values", {{"match[]", R"({instance="b:1"})"}}), json({"y"}));
  EXPECT_EQ(Data("label/U__pod_2e_name/values", {}), json({"p\"1"}));
  EXPECT_EQ(Data("label/job/values", {{"limit", "1"}}), json({"x"}));
  EXPECT_EQ(Data("label/nothing/values", {}), json::array());
  EXPECT_EQ(Data("series", {{"match[]", "load"}, {"start", "1"}, {"end", "2"}}), json::array());
}

// Gaps are made when they are asked for, here as in queries.
TEST_F(ReadApiTest, GapsAreSeriesToo) {
  TempDir dir;
  query::SampleFolder folder(dir.path());
  query::LocalApi api(folder.store(), nullptr, folder.clock(), {dir.path(), {}});
  sources_.api = &api;
  Router router(tokens_, true);
  AddMetadata(sources_, {}, &router);
  const std::vector<Pair> params = {{"match[]", "ronda_gap"},
                                    {"end", std::to_string(query::kFolderEnd / 1000)}};
  EXPECT_EQ(Data("series", params, Method::kGet, &router)[0]["cause"], "network");
  EXPECT_EQ(Data("labels", params, Method::kPost, &router),
            json({"__name__", "cause", "node", "role"}));
  EXPECT_EQ(Data("label/cause/values", params, Method::kGet, &router), json({"network"}));
}

TEST_F(ReadApiTest, MetadataAndFormat) {
  EXPECT_EQ(Data("metadata", {{"metric", "load"}}),
            (json{{"load", {{{"type", "gauge"}, {"help", "Load."}, {"unit", ""}}}}}));
  EXPECT_EQ(Data("format_query", {{"query", "sum(load)by(job)/2"}}), "sum by (job) (load) / 2");
}

TEST_F(ReadApiTest, FederateQuotesNamesForThoseWhoKnowIt) {
  const std::vector<Pair> all = {{"match[]", R"({job=~".+"})"}};
  const Response quoted =
      Ask("/federate", all, {{"accept", "text/plain;version=1.0.0;escaping=allow-utf-8"}});
  EXPECT_EQ(quoted.status, 200);
  EXPECT_THAT(quoted.content_type, HasSubstr("escaping=allow-utf-8"));
  EXPECT_THAT(quoted.body, HasSubstr("# TYPE \"http.open conns\" untyped\n"));
  EXPECT_THAT(
      quoted.body,
      HasSubstr(fmt::format(
          R"({{"http.open conns",job="x",node="prom1","pod.name"="p\"1"}} 209 {})", now_ms_)));
  EXPECT_THAT(quoted.body, HasSubstr("# TYPE load gauge\n"));
  const Response plain = Ask("/federate", all);
  EXPECT_THAT(plain.body,
              HasSubstr(fmt::format(
                  R"(http_open_conns{{job="x",node="prom1",pod_name="p\"1"}} 209 {})", now_ms_)));
  EXPECT_THAT(plain.body, Not(HasSubstr("http.open")));
}

}  // namespace
}  // namespace ronda::http
