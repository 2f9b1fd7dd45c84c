// What needs no server; the rest is in tests/integration/postgres_test.cc.
#include "agent/samplers/postgres/postgres_sampler.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <set>
#include <string>

#include "tests/support/fake_clock.h"
#include "tests/support/sampler_values.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::agent {
namespace {

using absl::StatusCode;

TEST(PostgresSamplerTest, RefusesOptionsThatMakeNoSense) {
  const FakeClock clock;
  EXPECT_OK(PostgresSampler::New({}, clock));
  PostgresOptions options;
  options.connection = "nonsense";
  EXPECT_THAT(PostgresSampler::New(options, clock),
              StatusIs(StatusCode::kInvalidArgument, "connection string"));
  options = {};
  options.timeout_ms = 0;
  EXPECT_THAT(PostgresSampler::New(options, clock),
              StatusIs(StatusCode::kInvalidArgument, "must be positive"));
  options = {};
  options.backoff_max_ms = options.backoff_min_ms - 1;
  EXPECT_THAT(PostgresSampler::New(options, clock),
              StatusIs(StatusCode::kInvalidArgument, "backoff_max"));
}

TEST(PostgresSamplerTest, DeclaresEachMetricOnce) {
  const FakeClock clock;
  ASSERT_OK_AND_ASSIGN(const auto sampler, PostgresSampler::New({}, clock));
  std::set<std::string_view> names;
  for (const MetricDescriptor& metric : sampler->metrics()) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
    EXPECT_TRUE(metric.help.ends_with(".")) << metric.name;
  }
}

// Backs off 1 s, 2 s, 4 s ... 30 s, each between half and all of it.
TEST(PostgresSamplerTest, TriesAnUnreachableServerEverMoreSeldom) {
  FakeClock clock;
  const TempDir empty;
  PostgresOptions options;
  options.connection = "host=" + empty.path();  // no socket there
  ASSERT_OK_AND_ASSIGN(const auto sampler, PostgresSampler::New(options, clock));
  SeriesTable table;
  std::map<std::string, double> values;
  std::vector<int64_t> gaps_ms;
  uint64_t failures = 0;
  for (int64_t waited_ms = 0; gaps_ms.size() < 9; clock.Advance(100), waited_ms += 100) {
    EXPECT_THAT(TickSampler(*sampler, table, &values),
                StatusIs(StatusCode::kUnavailable, "cannot connect"));
    EXPECT_EQ(values, (std::map<std::string, double>{{"pg_up", 0}}));
    if (sampler->counters().failures != failures) {
      failures = sampler->counters().failures;
      gaps_ms.push_back(waited_ms);
      waited_ms = 0;
    }
  }
  const int64_t expected_ms[] = {0, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
  for (size_t i = 1; i < gaps_ms.size(); ++i) {
    EXPECT_GE(gaps_ms[i], expected_ms[i] / 2) << i;
    EXPECT_LE(gaps_ms[i], expected_ms[i] + 100) << i;
  }
}

// A listener that never accepts nor answers: what a stopped server looks like from outside.
TEST(PostgresSamplerTest, WaitsForASilentListenerNoLongerThanItsTimeout) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(bind(listener, any, size), 0);
  ASSERT_EQ(listen(listener, 16), 0);
  ASSERT_EQ(getsockname(listener, any, &size), 0);

  const FakeClock clock;
  PostgresOptions options;
  options.connection = "host=127.0.0.1 port=" + std::to_string(ntohs(address.sin_port));
  options.timeout_ms = 100;
  ASSERT_OK_AND_ASSIGN(const auto sampler, PostgresSampler::New(options, clock));
  SeriesTable table;
  std::map<std::string, double> values;
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(TickSampler(*sampler, table, &values),
                StatusIs(StatusCode::kDeadlineExceeded, "no answer within the time-out"));
  }
  EXPECT_EQ(sampler->counters().failures, 1U);

  // All five ticks waited on one connection.
  ASSERT_GE(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK), 0);
  timeval none{0, 1};
  setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
  EXPECT_LT(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC), 0);
  close(listener);
}

}  // namespace
}  // namespace ronda::agent
