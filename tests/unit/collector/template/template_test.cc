#include "collector/template/template.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/unit/collector/template/expand.h"

namespace ronda::tmpl {
namespace {

TEST(TemplateTest, Values) {
  EXPECT_EQ(Expand(""), "");
  EXPECT_EQ(Expand("plain } { text"), "plain } { text");
  EXPECT_EQ(Expand("{{ $labels.mountpoint }} on {{$labels.node}} at {{ $value }}%", 91.5),
            "/data on web1 at 91.5%");
  EXPECT_EQ(Expand("{{ .Labels.node }} {{ .Value }} {{ .ExternalLabels.site }}"), "web1 1 bali");
  EXPECT_EQ(Expand("{{ $externalLabels.site }} {{ $externalURL }}/x {{ .ExternalURL }}"),
            "bali https://mon.example.com/ronda/x https://mon.example.com/ronda");
  EXPECT_EQ(Expand("[{{ $labels.none }}]"), "[]");
  EXPECT_EQ(Expand("{{ $labels }}"), "map[mountpoint:/data node:web1]");
  EXPECT_EQ(Expand("{{ $value }}", 1e21), "1e+21");
  EXPECT_EQ(Expand("{{ \"}}\" }}{{ `{{` }}{{ 'a' }}{{ 0x1F }}{{ 1_000 }}{{ 1.50 }}{{ -2 }}"),
            "}}{{973110001.5-2");
  EXPECT_EQ(Expand("{{ true }} {{ printf \"%v\" nil }}"), "true <nil>");
  EXPECT_EQ(Expand("{{ \"\\x41\\u00e9\\U0001F600\\101\\n\\\"\" }}"), "Aé😀A\n\"");
}

TEST(TemplateTest, TrimsAndComments) {
  EXPECT_EQ(Expand("a  {{- $value -}}  \n b"), "a1b");
  EXPECT_EQ(Expand("a {{/* {{ no }} */}} b"), "a  b");
  EXPECT_EQ(Expand("a {{- /* x */ -}} b"), "ab");
  EXPECT_EQ(Expand("{{ 3 -}} x"), "3x");
  EXPECT_EQ(Expand("{{-3}}"), "-3");  // a number: a trim marker has a space behind it
}

TEST(TemplateTest, Conditions) {
  const std::string text =
      "{{ if gt $value 90.0 }}high{{ else if gt $value 50.0 }}middle{{ else }}low{{ end }}.";
  EXPECT_EQ(Expand(text, 95), "high.");
  EXPECT_EQ(Expand(text, 60), "middle.");
  EXPECT_EQ(Expand(text, 1), "low.");
  EXPECT_EQ(Expand("{{ if $labels.none }}a{{ end }}{{ if not $labels.none }}b{{ end }}"), "b");
  EXPECT_EQ(Expand("{{ with $labels.node }}<{{ . }}>{{ end }}"), "<web1>");
  EXPECT_EQ(Expand("{{ with $labels.none }}x{{ else with $labels.node }}{{ . }}{{ end }}"), "web1");
  EXPECT_EQ(Expand("{{ with $x := 5 }}{{ $x }}{{ end }}"), "5");
  EXPECT_EQ(Expand("{{ if and $labels.node (eq $labels.node \"web1\" \"web2\") }}y{{ end }}"), "y");
  // What need not be looked at is not.
  EXPECT_EQ(Expand("{{ or $labels.node (query \"bad\") }}"), "web1");
  EXPECT_EQ(Expand("{{ and $labels.none (query \"bad\") }}"), "");
}

TEST(TemplateTest, Loops) {
  EXPECT_EQ(Expand("{{ range query \"up\" }}{{ .Labels.instance }}={{ .Value }} {{ end }}"),
            "b:9100=1 a:9100=0 ");
  EXPECT_EQ(Expand("{{ range $i, $s := query \"up\" }}{{ $i }}{{ $s.Labels.instance }} {{ end }}"),
            "0b:9100 1a:9100 ");
  EXPECT_EQ(Expand("{{ range query \"none\" }}x{{ else }}nobody{{ end }}"), "nobody");
  EXPECT_EQ(Expand("{{ range $k, $v := $labels }}{{ $k }}:{{ $v }};{{ end }}"),
            "mountpoint:/data;node:web1;");
  EXPECT_EQ(Expand("{{ range $i := 5 }}{{ if eq $i 1 }}{{ continue }}{{ end }}{{ if eq $i 3 }}"
                   "{{ break }}{{ end }}{{ $i }}{{ end }}"),
            "02");
  EXPECT_EQ(Expand("{{ $n := 0 }}{{ range query \"up\" }}{{ $n = 7 }}{{ end }}{{ $n }}"), "7");
}

TEST(TemplateTest, NamedTemplates) {
  EXPECT_EQ(Expand("{{ define \"who\" }}<{{ .node }}>{{ end }}{{ template \"who\" $labels }}"),
            "<web1>");
  EXPECT_EQ(Expand("{{ block \"b\" $value }}[{{ . }}]{{ end }}", 3), "[3]");
  EXPECT_EQ(
      Expand("{{ define \"two\" }}{{ .arg0 }}-{{ .arg1 }}{{ end }}"
             "{{ template \"two\" (args 1 \"x\") }} {{ tmpl \"two\" (args 2 \"y\") | toUpper }}"),
      "1-x 2-Y");
  EXPECT_EQ(Expand("{{ template \"none\" }}"), "error: line 1: template \"none\" not defined");
}

TEST(TemplateTest, ErrorsSayWhere) {
  EXPECT_EQ(Expand("\n{{ query \"bad\" | first | value }}"),
            "error: line 2: error calling query: 1:1: no such thing");
  EXPECT_EQ(Expand("{{ query \"none\" | first }}"),
            "error: line 1: error calling first: first() called on vector with no elements");
  EXPECT_EQ(Expand("{{ gt $value 5 }}"),
            "error: line 1: error calling gt: incompatible types for comparison: float64 and int");
  EXPECT_EQ(Expand("{{ .Nothing }}"),
            "error: line 1: can't evaluate field Nothing in type map[string]interface {}");
  EXPECT_EQ(Expand("{{ $value.x }}"), "error: line 1: can't evaluate field x in type float64");
  EXPECT_EQ(Expand("{{ humanize }}"),
            "error: line 1: wrong number of args for humanize: want 1 got 0");
  EXPECT_EQ(Template::Parse("{{ humanize \"x\" }}")->ExpandOrSay(SomeAlert(1), {}),
            "<error expanding template: line 1: error calling humanize: \"x\" is not a number>");
}

TEST(TemplateTest, EndsWhatDoesNotEnd) {
  EXPECT_EQ(Expand("{{ define \"t\" }}{{ template \"t\" }}{{ end }}{{ template \"t\" }}"),
            "error: line 1: too deeply nested");
  EXPECT_EQ(Expand("{{ range 1000 }}{{ range 1000 }}{{ range 1000 }}{{ end }}{{ end }}{{ end }}"),
            "error: line 1: too many steps");
  EXPECT_EQ(Expand("{{ range 300 }}{{ printf \"%9999d\" 1 }}{{ end }}"),
            "error: line 1: more than 1 MiB of text");
}

TEST(TemplateTest, KnowsWhatItNeeds) {
  EXPECT_TRUE(Template::Parse("{{ printf \"%f\" $value }}")->uses_value());
  EXPECT_TRUE(Template::Parse("{{ if gt .Value 1.0 }}{{ end }}")->uses_value());
  EXPECT_FALSE(Template::Parse("{{ $labels.a }}")->uses_value());
  EXPECT_TRUE(Template::Parse("{{ $labels.a }}")->has_actions());
  EXPECT_FALSE(Template::Parse("text")->has_actions());
  EXPECT_TRUE(Template::Parse("{{ range query \"up\" }}{{ end }}")->uses_query());
  EXPECT_FALSE(Template().has_actions());
}

TEST(TemplateTest, RefusesAtLoadTime) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"x\n{{ $value", "line 2: unclosed action"},
      {"{{ }}", "missing value for command"},
      {"{{ nosuch $value }}", "function \"nosuch\" not defined"},
      {"{{ if $value }}", "{{if}} without {{end}}"},
      {"{{ end }}", "unexpected {{end}}"},
      {"{{ else }}", "unexpected {{else}}"},
      {"{{ if 1 }}{{ else }}{{ else }}{{ end }}", "{{if}} without {{end}}"},
      {"{{ $other }}", "undefined variable \"$other\""},
      {"{{ $other = 1 }}", "undefined variable \"$other\""},
      {"{{ with $x := 1 }}{{ end }}{{ $x }}", "undefined variable \"$x\""},
      {"{{ define \"t\" }}{{ $value }}{{ end }}", "undefined variable \"$value\""},
      {"{{ $value | }}", "missing value for command"},
      {"{{ $value | $value }}", "what stands behind a | must be a function"},
      {"{{ $value humanize }}", "can't give an argument to what is not a function"},
      {"{{ break }}", "{{break}} outside {{range}}"},
      {"{{ $i, $x := 1 }}", "two variables are for range only"},
      {"{{ template x }}", "unexpected \"x\" in template"},
      {"{{ (1 }}", "unexpected \"}}\" in parentheses"},
      {"{{ \"x }}", "unclosed string"},
      {"{{ \"\\q\" }}", "bad escape in a string"},
      {"{{ 1x }}", "bad number 1x"},
      {"{{ /* x }}", "unclosed comment"},
      {"{{ # }}", "unexpected \"#\" in an action"},
  };
  for (const auto& [text, message] : kCases) {
    EXPECT_THAT(Template::Parse(text),
                StatusIs(absl::StatusCode::kInvalidArgument, std::string(message)))
        << text;
  }
  const std::string deep(1000, '(');
  EXPECT_THAT(Template::Parse("{{ " + deep + "1 }}"),
              StatusIs(absl::StatusCode::kInvalidArgument, "deep"));
  std::string ifs;
  for (int i = 0; i < 1000; ++i) ifs += "{{ if 1 }}";
  EXPECT_THAT(Template::Parse(ifs), StatusIs(absl::StatusCode::kInvalidArgument, "deep"));
}

}  // namespace
}  // namespace ronda::tmpl
