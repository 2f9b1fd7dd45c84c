#include "collector/rules/template.h"

#include <cmath>

#include <gtest/gtest.h>

#include "collector/rules/humanize.h"
#include "tests/support/status_matchers.h"

namespace ronda::rules {
namespace {

const Labels kLabels({{"node", "web1"}, {"mountpoint", "/data"}});

std::string Expand(std::string_view text, double value) {
  const auto parsed = Template::Parse(text);
  EXPECT_OK(parsed) << text;
  return parsed.ok() ? parsed->Expand(kLabels, value) : "";
}

TEST(TemplateTest, Expands) {
  EXPECT_EQ(Expand("", 1), "");
  EXPECT_EQ(Expand("plain } { text", 1), "plain } { text");
  EXPECT_EQ(Expand("{{ $labels.mountpoint }} on {{$labels.node}} at {{ $value }}%", 91.5),
            "/data on web1 at 91.5%");
  EXPECT_EQ(Expand("{{ .Labels.node }} {{ .Value }}", 1), "web1 1");
  EXPECT_EQ(Expand("[{{ $labels.none }}]", 1), "[]");
  EXPECT_EQ(Expand("{{ $labels }}", 1), "map[mountpoint:/data node:web1]");
  EXPECT_EQ(Expand("{{ $value | humanize }}", 1234.6), "1.235k");
  EXPECT_EQ(Expand("{{ humanizePercentage $value }}", 0.5), "50%");
  EXPECT_EQ(Expand("{{ $value | printf \"%.2f\" }}", 1.005), "1.00");
  EXPECT_EQ(
      Expand("{{ printf `%05.1f|%-4s|%+.0e|%%|%q` $value \"ab\" $value $labels.node }}", -2.25),
      "-02.2|ab  |-2e+00|%|\"web1\"");
  EXPECT_EQ(Expand("{{ $value | humanize1024 | printf \"%sB\" }}", 2048), "2kiB");
  EXPECT_EQ(Expand("a  {{- $value -}}  b", 1), "a1b");
  EXPECT_EQ(Expand("{{ \"}\" }}", 1), "}");
}

TEST(TemplateTest, KnowsWhetherItNeedsTheValue) {
  EXPECT_TRUE(Template::Parse("{{ printf \"%f\" $value }}")->uses_value());
  EXPECT_FALSE(Template::Parse("{{ $labels.a }}")->uses_value());
  EXPECT_TRUE(Template::Parse("{{ $labels.a }}")->has_actions());
  EXPECT_FALSE(Template::Parse("text")->has_actions());
}

TEST(TemplateTest, RefusesAtLoadTimeNamingTheAction) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"x {{ $value", "{{ without its }}"},
      {"{{ }}", "takes one value"},
      {"{{ toUpper $value }}", "{{ toUpper $value }}: unknown function toUpper"},
      {"{{ if $value }}", "unknown function if"},
      {"{{ $other }}", "unknown variable $other"},
      {"{{ $labels.a-b }}", "unknown variable"},
      {"{{ $value | }}", "a function must follow |"},
      {"{{ $value | $value }}", "a function must follow |"},
      {"{{ humanize }}", "humanize takes one value, not 0"},
      {"{{ $value humanize }}", "unknown function humanize"},
      {"{{ printf $value }}", "printf needs a format"},
      {"{{ printf \"%d\" $value }}", "does not know the format"},
      {"{{ printf \"%\" $value }}", "does not know the format"},
      {"{{ printf \"%f\" }}", "needs 1 values, not 0"},
      {"{{ printf \"x }}", "string without its closing"},
  };
  for (const auto& [text, message] : kCases) {
    EXPECT_THAT(Template::Parse(text),
                StatusIs(absl::StatusCode::kInvalidArgument, std::string(message)))
        << text;
  }
}

TEST(HumanizeTest, AsPrometheusPrintsThem) {
  EXPECT_EQ(Humanize(0), "0");
  EXPECT_EQ(Humanize(999), "999");
  EXPECT_EQ(Humanize(-1234567), "-1.235M");
  EXPECT_EQ(Humanize(1e30), "1e+06Y");
  EXPECT_EQ(Humanize(0.0125), "12.5m");
  EXPECT_EQ(Humanize(NAN), "NaN");
  EXPECT_EQ(Humanize1024(1023), "1023");
  EXPECT_EQ(Humanize1024(1536.0 * 1024), "1.5Mi");
  EXPECT_EQ(Humanize1024(-INFINITY), "-Inf");
  EXPECT_EQ(HumanizeDuration(0), "0s");
  EXPECT_EQ(HumanizeDuration(0.25), "250ms");
  EXPECT_EQ(HumanizeDuration(59.5), "59.5s");
  EXPECT_EQ(HumanizeDuration(-3700), "-1h 1m 40s");
  EXPECT_EQ(HumanizeDuration(90061), "1d 1h 1m 1s");
  EXPECT_EQ(HumanizePercentage(0.123456), "12.35%");
  EXPECT_EQ(FormatGoNumber(1e20), "100000000000000000000");
  EXPECT_EQ(FormatGoNumber(1e21), "1e+21");
  EXPECT_EQ(FormatGoNumber(0.00001), "1e-05");
  EXPECT_EQ(FormatGoNumber(0.1), "0.1");
  EXPECT_EQ(FormatGoNumber(INFINITY), "+Inf");
}

}  // namespace
}  // namespace ronda::rules
