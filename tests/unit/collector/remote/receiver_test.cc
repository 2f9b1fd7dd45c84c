// The receiver over a real pipeline and store.
#include "collector/remote/receiver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "tests/support/fake_clock.h"
#include "tests/support/receiving_store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/write_request.h"

namespace ronda::remote {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ReceiverTest : public testing::Test {
 protected:
  void SetUp() override { Open(); }

  void Open() { ASSERT_OK(ronda_.Open(dir_.path(), options_)); }
  store::Store& store() { return ronda_.store(); }

  absl::StatusOr<Outcome> Push(const std::vector<PushedSeries>& series,
                               const Sender& sender = {"prom1", "", ""},
                               const std::vector<PushedMetadata>& metadata = {}) {
    return ronda_.receiver().Write(sender, Snappy(EncodePush(series, metadata)), cancelled_);
  }

  // "labels time:value ..." of every series of the metric, times relative to the start.
  std::vector<std::string> Read(const std::string& metric) {
    std::vector<std::string> out;
    EXPECT_OK(store().Select({Matcher::Equal(std::string(kMetricName), metric)}, 0,
                             start_ms_ + 86'400'000, [&](const store::SeriesView& view) {
                               std::string text = view.labels.ToString();
                               for (size_t i = 0; i < view.t_ms.size(); ++i) {
                                 const double v = view.values[i];
                                 text += fmt::format(" {}:", view.t_ms[i] - start_ms_);
                                 text += IsStale(v)      ? "stale"
                                         : std::isnan(v) ? "NaN"
                                                         : fmt::format("{}", v);
                               }
                               out.push_back(text);
                               return true;
                             }));
    std::sort(out.begin(), out.end());
    return out;
  }

  void SealAndCompact() {
    ASSERT_OK(store().Flush(5000));
    clock_.Advance(4 * 3600 * 1000);
    ASSERT_OK(store().SealNow());
    ASSERT_OK(store().CompactNow());
  }

  FakeClock clock_;
  const int64_t start_ms_ = clock_.NowMs();
  TempDir dir_;
  Receiver::Options options_;
  std::atomic<bool> cancelled_{false};
  ReceivingStore ronda_{clock_};
};

TEST_F(ReceiverTest, TakesSamplesWithTheLabelsTheyHave) {
  ASSERT_OK_AND_ASSIGN(const Outcome outcome,
                       Push({{{{"__name__", "up"}, {"instance", "h:1"}, {"job", "a"}},
                              {{start_ms_, 1}, {start_ms_ + 1000, 0}}},
                             {{{"__name__", "up"}, {"job", "b"}}, {{start_ms_, 1}}},
                             {{{"__name__", "up"}}, {{start_ms_, 2}}},
                             {{{"__name__", "up"}, {"node", "n"}, {"z", "ü"}}, {{start_ms_, 3}}}}));
  EXPECT_EQ(outcome.samples, 5);
  EXPECT_EQ(outcome.rejected, 0) << outcome.reason;
  const auto expected = ElementsAre(R"(up{exported_node="n",node="prom1",z="ü"} 0:3)",
                                    R"(up{instance="h:1",job="a",node="prom1"} 0:1 1000:0)",
                                    R"(up{job="b",node="prom1"} 0:1)", R"(up{node="prom1"} 0:2)");
  EXPECT_THAT(Read("up"), expected);
  SealAndCompact();
  EXPECT_THAT(Read("up"), expected);
  Open();
  EXPECT_THAT(Read("up"), expected);
}

TEST_F(ReceiverTest, ATokenOrALabelNamesTheNode) {
  const std::vector<PushedSeries> series = {
      {{{"__name__", "up"}, {"instance", "web1:9100"}}, {{start_ms_, 1}}},
      {{{"__name__", "up"}, {"instance", "web2"}}, {{start_ms_, 1}}},
      {{{"__name__", "up"}}, {{start_ms_, 1}}},
      {{{"__name__", "up"}, {"instance", "bad name"}}, {{start_ms_, 1}}}};
  ASSERT_OK_AND_ASSIGN(const Outcome outcome, Push(series, {"prom1", "", "instance"}));
  EXPECT_EQ(outcome.samples, 3);
  EXPECT_EQ(outcome.rejected, 1);
  EXPECT_THAT(outcome.reason, HasSubstr("bad name"));
  EXPECT_THAT(Read("up"),
              ElementsAre(R"(up{instance="web1:9100",node="web1"} 0:1)",
                          R"(up{instance="web2",node="web2"} 0:1)", R"(up{node="prom1"} 0:1)"));
  ASSERT_OK(
      Push({{{{"__name__", "x"}, {"node", "db1"}}, {{start_ms_, 1}}}}, {"prom1", "", "node"}));
  ASSERT_OK(Push({{{{"__name__", "x"}}, {{start_ms_, 1}}}}, {"prom1", "fixed", ""}));
  EXPECT_THAT(Read("x"), ElementsAre(R"(x{node="db1"} 0:1)", R"(x{node="fixed"} 0:1)"));
}

// What is in which request makes no difference, nor does their order or a repetition.
TEST_F(ReceiverTest, PartsOfAScrapeInAnyOrderGiveTheWhole) {
  constexpr int kSeries = 600;
  constexpr int kTicks = 40;
  std::mt19937 random(7);
  std::vector<std::pair<int, int>> all;  // (tick, series)
  for (int tick = 0; tick < kTicks; ++tick) {
    for (int i = 0; i < kSeries; ++i) {
      all.emplace_back(tick, i);
    }
  }
  const auto value = [](int tick, int i) { return tick * 1000.0 + i + 0.25; };
  const auto push = [&](size_t from, size_t to) {
    std::map<int, PushedSeries> series;
    for (size_t at = from; at < std::min(to, all.size()); ++at) {
      const auto [tick, i] = all[at];
      PushedSeries& one = series[i];
      one.labels = {{"__name__", "m"}, {"i", std::to_string(i)}, {"job", "j"}};
      one.samples.emplace_back(start_ms_ + tick * 1000, value(tick, i));
    }
    std::vector<PushedSeries> request;
    for (auto& [i, one] : series) {
      request.push_back(std::move(one));
    }
    ASSERT_OK_AND_ASSIGN(const Outcome outcome, Push(request));
    ASSERT_EQ(outcome.rejected, 0) << outcome.reason;
  };
  // As a sender with several shards cuts it: scrapes in pieces, a little out of order.
  for (size_t i = 0; i + 800 < all.size(); i += 400) {
    std::shuffle(all.begin() + static_cast<ptrdiff_t>(i),
                 all.begin() + static_cast<ptrdiff_t>(i + 800), random);
  }
  for (size_t at = 0; at < all.size();) {
    const size_t size = 1 + random() % 900;
    push(at, at + size);
    if (random() % 8 == 0) {
      push(at, at + size);  // the answer was lost
    }
    at += size;
  }
  const auto check = [&] {
    int series = 0;
    ASSERT_OK(store().Select({Matcher::Equal(std::string(kMetricName), "m")}, 0,
                             start_ms_ + 86'400'000, [&](const store::SeriesView& view) {
                               ++series;
                               const int i = std::stoi(std::string(view.labels.Get("i")));
                               EXPECT_EQ(view.t_ms.size(), static_cast<size_t>(kTicks));
                               for (size_t k = 0; k < view.t_ms.size(); ++k) {
                                 EXPECT_EQ(view.t_ms[k],
                                           start_ms_ + static_cast<int64_t>(k) * 1000);
                                 EXPECT_EQ(view.values[k], value(static_cast<int>(k), i));
                               }
                               return true;
                             }));
    EXPECT_EQ(series, kSeries);
  };
  check();
  SealAndCompact();
  check();
}

TEST_F(ReceiverTest, MarkersAndOddValuesStay) {
  const double hole = HoleMarker();
  ASSERT_OK(Push({{{{"__name__", "m"}}, {{start_ms_, 1}, {start_ms_ + 1, StaleMarker()}}},
                  {{{"__name__", "n"}}, {{start_ms_, hole}, {start_ms_ + 1, INFINITY}}}}));
  EXPECT_THAT(Read("m"), ElementsAre(R"(m{node="prom1"} 0:1 1:stale)"));
  EXPECT_THAT(Read("n"), ElementsAre(R"(n{node="prom1"} 0:NaN 1:inf)"));
  SealAndCompact();
  EXPECT_THAT(Read("m"), ElementsAre(R"(m{node="prom1"} 0:1 1:stale)"));
  EXPECT_THAT(Read("n"), ElementsAre(R"(n{node="prom1"} 0:NaN 1:inf)"));
}

TEST_F(ReceiverTest, NamesMayBeAnyUtf8) {
  ASSERT_OK(Push({{{{"__name__", "http.status"}, {"größe cm", "x"}}, {{start_ms_, 1}}}}));
  const auto expected = ElementsAre(R"({"http.status","größe cm"="x",node="prom1"} 0:1)");
  EXPECT_THAT(Read("http.status"), expected);
  SealAndCompact();
  EXPECT_THAT(Read("http.status"), expected);
}

TEST_F(ReceiverTest, BadSeriesAreRefusedWithTheirReasonAndTheRestIsTaken) {
  const std::pair<PushedSeries, const char*> cases[] = {
      {{{{"job", "a"}}, {{start_ms_, 1}}}, "without __name__"},
      {{{{"__name__", "a\xff"}}, {{start_ms_, 1}}}, "invalid metric name \"a"},
      {{{{"__name__", "m"}, {"\xff", "x"}}, {{start_ms_, 1}}}, "invalid label name \""},
      {{{{"__name__", "m"}, {"__x", "x"}}, {{start_ms_, 1}}}, "invalid label name \"__x\""},
      {{{{"__name__", "m"}, {"a", "x"}, {"a", "y"}}, {{start_ms_, 1}}}, "a label is there twice"},
      {{{{"__name__", "m"}, {"a", "\xff"}}, {{start_ms_, 1}}}, "not UTF-8"},
      {{{{"__name__", "m"}, {"a", std::string(1025, 'x')}}, {{start_ms_, 1}}}, "1025 bytes"},
      {{{{"__name__", "m"}}, {{start_ms_ + 3'600'000, 1}}}, "ahead of the collector's clock"},
      {{{{"__name__", "m"}}, {{-1, 1}}}, "before 1970"}};
  int i = 0;
  for (const auto& [series, reason] : cases) {
    ASSERT_OK_AND_ASSIGN(
        const Outcome outcome,
        Push({series, {{{"__name__", "good"}}, {{start_ms_ + i, static_cast<double>(i)}}}}));
    EXPECT_EQ(outcome.rejected, 1) << reason;
    EXPECT_THAT(outcome.reason, HasSubstr(reason));
    EXPECT_EQ(outcome.samples, 1);
    ++i;
  }
  EXPECT_THAT(Read("m"), IsEmpty());
  EXPECT_THAT(Read("good"), ElementsAre(HasSubstr("0:0 1:1 2:2 3:3 4:4 5:5 6:6 7:7 8:8")));
  EXPECT_EQ(ronda_.receiver().counters().rejected_samples, 9);
}

TEST_F(ReceiverTest, ALimitOnSeriesKeepsWhatIsKnown) {
  options_.max_series = 2;
  Open();
  const auto push = [&](const std::string& name, int64_t t_ms) {
    return Push({{{{"__name__", name}}, {{start_ms_ + t_ms, 1}}}})->rejected;
  };
  EXPECT_EQ(push("a", 0), 0);
  EXPECT_EQ(push("b", 0), 0);
  EXPECT_EQ(push("c", 0), 1);
  EXPECT_EQ(push("a", 1), 0);
}

TEST_F(ReceiverTest, DescriptionsOfMetricsAreKept) {
  ASSERT_OK(Push({{{{"__name__", "x_total"}}, {{start_ms_, 1}}}}));
  ASSERT_OK(Push({}, {"prom1", "", ""},
                 {{1, "x_total", "Things.", "things"}, {3, "h", "Times.", "seconds"}}));
  ASSERT_OK(Push({{{{"__name__", "x_total"}}, {{start_ms_ + 1, 1}}},
                  {{{"__name__", "h_bucket"}, {"le", "1"}}, {{start_ms_ + 1, 1}}}}));
  const auto described = [&](const std::string& name) {
    for (const MetricInfo& info : store().Metrics()) {
      if (info.name == name) {
        return fmt::format("{} {} {}", ToString(info.type), info.unit, info.help);
      }
    }
    return std::string();
  };
  EXPECT_EQ(described("x_total"), "counter things Things.");
  EXPECT_EQ(described("h_bucket"), "counter seconds Times.");
  ASSERT_OK(store().Flush(5000));
  Open();
  EXPECT_EQ(ronda_.receiver().Families().at("h").type, FamilyType::kHistogram);
}

TEST_F(ReceiverTest, StoppingEndsTheWaitAndNothingIsSaid) {
  cancelled_ = true;
  // Either the commit was first, or the sender must repeat.
  const auto outcome = Push({{{{"__name__", "m"}}, {{start_ms_, 1}}}});
  if (!outcome.ok()) {
    EXPECT_THAT(outcome, StatusIs(absl::StatusCode::kCancelled, "send it again"));
  }
}

TEST_F(ReceiverTest, APushMakesNoNodeSilent) {
  ASSERT_OK(Push({{{{"__name__", "up"}}, {{start_ms_, 1}}}}));
  for (int i = 0; i < 200; ++i) {
    clock_.Advance(1000);
    ronda_.pipeline().Tick();
  }
  ASSERT_THAT(ronda_.pipeline().LiveNodes(), SizeIs(1));
  EXPECT_FALSE(ronda_.pipeline().LiveNodes()[0].silent);
}

}  // namespace
}  // namespace ronda::remote
