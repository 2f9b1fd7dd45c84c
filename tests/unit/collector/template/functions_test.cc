#include "collector/template/functions.h"

#include <cmath>

#include <gtest/gtest.h>

#include "collector/template/humanize.h"
#include "tests/unit/collector/template/expand.h"

namespace ronda::tmpl {
namespace {

TEST(FunctionsTest, Queries) {
  EXPECT_EQ(Expand("{{ with query \"up\" }}{{ . | first | value | humanize }}{{ end }}"), "1");
  EXPECT_EQ(Expand("{{ query \"up\" | first | label \"instance\" }}"), "b:9100");
  EXPECT_EQ(
      Expand("{{ range query \"up\" | sortByLabel \"instance\" }}{{ .Labels.instance }} {{ end }}"),
      "a:9100 b:9100 ");
  EXPECT_EQ(Expand("{{ len (query \"up\") }} {{ (index (query \"up\") 1).Value }}"), "2 0");
  EXPECT_EQ(Expand("{{ printf \"up{i=%q}\" $labels.node }}"), "up{i=\"web1\"}");
}

TEST(FunctionsTest, Numbers) {
  EXPECT_EQ(Expand("{{ $value | humanize }}", 1234.6), "1.235k");
  EXPECT_EQ(Expand("{{ humanize \"1234.6\" }}"), "1.235k");
  EXPECT_EQ(Expand("{{ humanizePercentage $value }}", 0.5), "50%");
  EXPECT_EQ(Expand("{{ $value | humanize1024 | printf \"%sB\" }}", 2048), "2kiB");
  EXPECT_EQ(Expand("{{ $value | humanizeDuration }}", 3700), "1h 1m 40s");
  EXPECT_EQ(Expand("{{ $value | humanizeTimestamp }}", 1'435'065'584.128),
            "2015-06-23 13:19:44.128 +0000 UTC");
  EXPECT_EQ(Expand("{{ $value | humanizeTimestamp }}", INFINITY), "+Inf");
  EXPECT_EQ(Expand("{{ toTime $value }} {{ toDuration 3700 }} {{ toDuration 0.25 }}", 0),
            "1970-01-01 00:00:00 +0000 UTC 1h1m40s 250ms");
  EXPECT_EQ(Expand("{{ now }}"), "1700000000.5");
  EXPECT_EQ(Expand("{{ parseDuration \"1h2m\" }}"), "3720");
}

TEST(FunctionsTest, Texts) {
  EXPECT_EQ(Expand("{{ title \"aa bb CC\" }} {{ toUpper \"aa\" }} {{ \"BB\" | toLower }}"),
            "Aa Bb CC AA bb");
  EXPECT_EQ(Expand("{{ stripPort \"h:80\" }} {{ stripPort \"[::1]:80\" }} {{ stripPort \"h\" }}"),
            "h ::1 h");
  EXPECT_EQ(Expand("{{ stripDomain \"a.b.c:80\" }} {{ stripDomain \"a.b\" }} {{ stripDomain "
                   "\"10.0.0.1:80\" }}"),
            "a:80 a 10.0.0.1:80");
  EXPECT_EQ(Expand("{{ match \"a+\" \"baab\" }} {{ match \"^a\" \"b\" }}"), "true false");
  EXPECT_EQ(Expand("{{ reReplaceAll \"(a)(b)?\" \"<$1-${2}>$$\" \"xabya\" }}"), "x<a-b>$y<a->$");
  EXPECT_EQ(Expand("{{ reReplaceAll \"x*\" \"-\" \"axb\" }}"), "-a-b-");
  EXPECT_EQ(Expand("{{ \"localhost:9100\" | reReplaceAll \"localhost:(.*)\" \"host:$1\" }}"),
            "host:9100");
  EXPECT_EQ(Expand("{{ urlQueryEscape \"a b&c/é\" }}"), "a+b%26c%2F%C3%A9");
  EXPECT_EQ(Expand("{{ html \"<a href='x'>&</a>\" }}"),
            "&lt;a href=&#39;x&#39;&gt;&amp;&lt;/a&gt;");
  EXPECT_EQ(Expand("{{ graphLink \"up == 0\" }} {{ tableLink \"up\" }}"),
            "/graph?g0.expr=up+%3D%3D+0&g0.tab=0 /graph?g0.expr=up&g0.tab=1");
  EXPECT_EQ(Expand("{{ externalURL }} {{ pathPrefix }} {{ safeHtml \"<b>\" }}"),
            "https://mon.example.com/ronda /ronda <b>");
}

TEST(FunctionsTest, OfGo) {
  EXPECT_EQ(Expand("{{ len \"abc\" }} {{ index $labels \"node\" }} {{ slice \"abcd\" 1 3 }}"),
            "3 web1 bc");
  EXPECT_EQ(Expand("{{ print 1 2 \"a\" 3 4.5 }}|{{ println \"a\" 1 }}"), "1 2a3 4.5|a 1\n");
  EXPECT_EQ(
      Expand(
          "{{ eq 1 2 1 }} {{ ne \"a\" \"b\" }} {{ lt 1.5 2.5 }} {{ ge \"b\" \"a\" }} {{ le 2 1 }}"),
      "true true true true false");
  EXPECT_EQ(Expand("{{ lt $value 1.0 }} {{ ge $value 1.0 }}", NAN), "false false");
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
  EXPECT_EQ(PrintNumber(1e20), "100000000000000000000");
  EXPECT_EQ(PrintNumber(1e21), "1e+21");
  EXPECT_EQ(PrintNumber(0.00001), "1e-05");
  EXPECT_EQ(PrintNumber(0.1), "0.1");
  EXPECT_EQ(PrintNumber(INFINITY), "+Inf");
}

}  // namespace
}  // namespace ronda::tmpl
