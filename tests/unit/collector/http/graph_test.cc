// /graph: where links to Prometheus' expression browser lead.
#include <gtest/gtest.h>

#include <variant>

#include "collector/http/api.h"
#include "collector/http/form.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace ronda::http {
namespace {

class GraphTest : public testing::Test {
 protected:
  void SetUp() override {
    clock_.Jump(1'795'132'800'500 - clock_.NowMs());
    Sources sources;
    sources.clock = &clock_;
    AddGraph(sources, {}, &router_);
  }

  // Where /graph?QUERY leads, or what is wrong with it.
  std::string Of(std::string_view query) {
    Request request;
    request.path = "/graph";
    EXPECT_OK(ParseForm(query, &request.params));
    auto admitted = router_.Admit(request);
    if (!std::holds_alternative<Admission>(admitted)) {
      return "not admitted";
    }
    const Response response = std::get<Admission>(admitted).run(request);
    for (const auto& [name, value] : response.headers) {
      if (name == "Location") {
        EXPECT_EQ(response.status, 302);
        return value;
      }
    }
    EXPECT_EQ(response.status, 400);
    return response.body;
  }

  FakeClock clock_;
  TokenStore tokens_{"", clock_};
  Router router_{tokens_, true};
};

TEST_F(GraphTest, LeadsToTheAnswerOfTheQuery) {
  // As graphLink, tableLink and generatorURL write them.
  EXPECT_EQ(Of("g0.expr=up+%3D%3D+0&g0.tab=1"),
            "api/v1/query?query=up%20%3D%3D%200&time=1795132800.500");
  EXPECT_EQ(Of("g0.expr=ALERTS%7Ba%3D%22b%22%7D&g0.tab=0"),
            "api/v1/query_range?query=ALERTS%7Ba%3D%22b%22%7D&start=1795129200.500&"
            "end=1795132800.500&step=14");
  // As the page itself writes them.
  EXPECT_EQ(Of("g0.expr=up&g0.tab=graph&g0.range_input=2d&g0.end_input=2026-11-20%2010%3A00%3A00"),
            "api/v1/query_range?query=up&start=1794996000.000&end=1795168800.000&step=691");
  EXPECT_EQ(Of("g0.expr=up&g0.tab=table&g0.moment_input=1795132800"),
            "api/v1/query?query=up&time=1795132800.000");
  EXPECT_EQ(Of("g0.expr=up&g0.tab=0&g0.step_input=5&g0.range_input=10s"),
            "api/v1/query_range?query=up&start=1795132790.500&end=1795132800.500&step=5");
}

TEST_F(GraphTest, SaysWhatIsWrong) {
  EXPECT_NE(Of("g0.tab=1").find("there is no expression"), std::string::npos);
  EXPECT_NE(Of("g0.expr=up&g0.end_input=soon").find("g0.end_input"), std::string::npos);
  EXPECT_NE(Of("g0.expr=up&g0.tab=0&g0.range_input=far").find("g0.range_input"), std::string::npos);
}

}  // namespace
}  // namespace ronda::http
