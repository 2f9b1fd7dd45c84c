// Prometheus' functions:
// https://prometheus.io/docs/prometheus/latest/configuration/template_reference/.
#include <re2/re2.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "collector/promql/number_text.h"
#include "collector/template/functions.h"
#include "collector/template/humanize.h"
#include "common/base/status.h"
#include "common/model/regex_groups.h"

namespace ronda::tmpl {
namespace {

constexpr size_t kAny = std::numeric_limits<size_t>::max();
using Result = absl::StatusOr<Value>;

// --- answers of query() ---

Result QueryOf(Arguments a, const Environment& environment) {
  RONDA_ASSIGN_OR_RETURN(const std::string expr, ToText(a[0]));
  if (!environment.query) {
    return absl::FailedPreconditionError("query() is not possible here");
  }
  RONDA_ASSIGN_OR_RETURN(Value::Samples samples, environment.query(expr));
  return Value(std::move(samples));
}

absl::StatusOr<const Value::Samples*> SamplesOf(const Value& value) {
  const auto* samples = value.As<Value::Samples>();
  if (samples == nullptr) {
    return Fail(absl::StatusCode::kInvalidArgument, "expected an answer of query(), not a {}",
                value.TypeName());
  }
  return samples;
}

absl::StatusOr<const Sample*> SampleOf(const Value& value) {
  const auto* sample = value.As<Sample>();
  if (sample == nullptr) {
    return Fail(absl::StatusCode::kInvalidArgument, "expected a sample, not a {}",
                value.TypeName());
  }
  return sample;
}

Result First(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(const Value::Samples* samples, SamplesOf(a[0]));
  if (samples->empty()) {
    return absl::InvalidArgumentError("first() called on vector with no elements");
  }
  return Value(samples->front());
}

Result LabelOf(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(const std::string name, ToText(a[0]));
  RONDA_ASSIGN_OR_RETURN(const Sample* sample, SampleOf(a[1]));
  return Value(std::string(sample->labels.Get(name)));
}

Result ValueOf(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(const Sample* sample, SampleOf(a[0]));
  return Value(sample->value);
}

Result StrValue(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(const Sample* sample, SampleOf(a[0]));
  return Value(std::string(sample->labels.Get("__value__")));
}

Result SortByLabel(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(const std::string name, ToText(a[0]));
  RONDA_ASSIGN_OR_RETURN(const Value::Samples* samples, SamplesOf(a[1]));
  Value::Samples sorted = *samples;
  std::stable_sort(sorted.begin(), sorted.end(), [&](const Sample& x, const Sample& y) {
    return x.labels.Get(name) < y.labels.Get(name);
  });
  return Value(std::move(sorted));
}

// --- numbers ---

template <std::string (*kHumanize)(double)>
Result Number(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(const double v, ToNumber(a[0]));
  return Value(kHumanize(v));
}

std::string HumanizeTimestamp(double seconds) {
  return std::isfinite(seconds) ? PrintTime({seconds}) : PrintNumber(seconds);
}

Result ToTime(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(const double v, ToNumber(a[0]));
  if (!(std::fabs(v) < 1e11)) {
    return Fail(absl::StatusCode::kInvalidArgument, "{} is not a time", PrintNumber(v));
  }
  return Value(Time{v});
}

Result ToDuration(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(const double v, ToNumber(a[0]));
  if (!(std::fabs(v) < 9.2e9)) {
    return Fail(absl::StatusCode::kInvalidArgument, "{} is not a duration", PrintNumber(v));
  }
  return Value(Duration{v});
}

Result Now(Arguments, const Environment& environment) {
  return Value(static_cast<double>(environment.now_ms) / 1000);
}

Result ParseDuration(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(const std::string text, ToText(a[0]));
  const auto ms = promql::ParseDurationMs(text);
  if (!ms) {
    return Fail(absl::StatusCode::kInvalidArgument, "not a valid duration string: \"{}\"", text);
  }
  return Value(static_cast<double>(*ms) / 1000);
}

// --- texts ---

// Each word with a capital.
Result Title(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(std::string text, ToText(a[0]));
  bool in_word = false;
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (!in_word) {
      c = static_cast<char>(std::toupper(byte));
    }
    in_word = std::isalnum(byte) != 0 || c == '_' || c == '\'' || byte >= 0x80;
  }
  return Value(std::move(text));
}

template <int (*kConvert)(int)>
Result Case(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(std::string text, ToText(a[0]));
  for (char& c : text) {
    c = static_cast<char>(kConvert(static_cast<unsigned char>(c)));
  }
  return Value(std::move(text));
}

// "host:port" as its parts; false if it is not.
bool SplitHostPort(const std::string& text, std::string* host, std::string* port) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) {
    return false;
  }
  *host = text.substr(0, colon);
  *port = text.substr(colon + 1);
  if (host->starts_with('[') && host->ends_with(']')) {
    *host = host->substr(1, host->size() - 2);
    return true;
  }
  return host->find(':') == std::string::npos && host->find_first_of("[]") == std::string::npos;
}

Result StripPort(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(std::string text, ToText(a[0]));
  std::string host;
  std::string port;
  return Value(SplitHostPort(text, &host, &port) ? host : text);
}

bool IsAddress(const std::string& host) {
  return host.find(':') != std::string::npos ||
         (!host.empty() && host.find_first_not_of("0123456789.") == std::string::npos);
}

Result StripDomain(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(const std::string text, ToText(a[0]));
  std::string host;
  std::string port;
  const bool has_port = SplitHostPort(text, &host, &port);
  if (!has_port) {
    host = text;
  }
  if (IsAddress(host)) {
    return Value(text);
  }
  host = host.substr(0, host.find('.'));
  return Value(has_port ? host + ":" + port : host);
}

absl::StatusOr<std::unique_ptr<re2::RE2>> Regex(const Value& pattern) {
  RONDA_ASSIGN_OR_RETURN(const std::string text, ToText(pattern));
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  auto regex = std::make_unique<re2::RE2>(text, options);
  if (!regex->ok()) {
    return Fail(absl::StatusCode::kInvalidArgument, "bad regular expression \"{}\": {}", text,
                regex->error());
  }
  return regex;
}

Result Match(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(const auto regex, Regex(a[0]));
  RONDA_ASSIGN_OR_RETURN(const std::string text, ToText(a[1]));
  return Value(re2::RE2::PartialMatch(text, *regex));
}

Result ReReplaceAll(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(const auto regex, Regex(a[0]));
  RONDA_ASSIGN_OR_RETURN(const std::string form, ToText(a[1]));
  RONDA_ASSIGN_OR_RETURN(const std::string text, ToText(a[2]));
  std::vector<re2::StringPiece> groups(static_cast<size_t>(regex->NumberOfCapturingGroups()) + 1);
  std::string out;
  size_t copied = 0;
  for (size_t at = 0; at <= text.size();) {
    if (!regex->Match(text, at, text.size(), re2::RE2::UNANCHORED, groups.data(),
                      static_cast<int>(groups.size()))) {
      break;
    }
    const auto begin = static_cast<size_t>(groups[0].data() - text.data());
    const size_t end = begin + groups[0].size();
    out.append(text, copied, begin - copied);
    // An empty match right behind the one before is none.
    if (end > copied || begin == 0) {
      out += ExpandGroups(form, *regex, groups);
    }
    copied = end;
    at = end > at ? end : at + 1;
  }
  out.append(text, std::min(copied, text.size()));
  return Value(std::move(out));
}

// --- links ---

Result GraphLink(std::string_view tab, Arguments a) {
  const Value expr = a[0];
  RONDA_ASSIGN_OR_RETURN(const Value escaped,
                         FindFunction("urlquery")->call(Arguments(&expr, 1), Environment{}));
  return Value(fmt::format("/graph?g0.expr={}&g0.tab={}", escaped.Print(), tab));
}

Result GraphLinkOf(Arguments a, const Environment&) { return GraphLink("0", a); }
Result TableLinkOf(Arguments a, const Environment&) { return GraphLink("1", a); }
Result ExternalUrl(Arguments, const Environment& environment) {
  return Value(environment.external_url);
}

Result PathPrefix(Arguments, const Environment& environment) {
  std::string_view url = environment.external_url;
  if (const size_t scheme = url.find("://"); scheme != std::string_view::npos) {
    url.remove_prefix(scheme + 3);
  }
  const size_t slash = url.find('/');
  return Value(std::string(slash == std::string_view::npos ? "" : url.substr(slash)));
}

Result SafeHtml(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(std::string text, ToText(a[0]));
  return Value(std::move(text));
}

// arg0, arg1, ...: for what {{ template }} and tmpl call.
Result Args(Arguments a, const Environment&) {
  Dict dict;
  dict.open = true;
  for (size_t i = 0; i < a.size(); ++i) {
    dict.entries.emplace(fmt::format("arg{}", i), a[i]);
  }
  return Value(std::move(dict));
}

// Whoever runs the template does it: it knows the defined ones.
Result Tmpl(Arguments, const Environment&) {
  return absl::InvalidArgumentError("tmpl is not possible here");
}

constexpr Function kFunctions[] = {
    {"query", 1, 1, QueryOf},
    {"first", 1, 1, First},
    {"label", 2, 2, LabelOf},
    {"value", 1, 1, ValueOf},
    {"strvalue", 1, 1, StrValue},
    {"sortByLabel", 2, 2, SortByLabel},
    {"humanize", 1, 1, Number<Humanize>},
    {"humanize1024", 1, 1, Number<Humanize1024>},
    {"humanizeDuration", 1, 1, Number<HumanizeDuration>},
    {"humanizePercentage", 1, 1, Number<HumanizePercentage>},
    {"humanizeTimestamp", 1, 1, Number<HumanizeTimestamp>},
    {"toTime", 1, 1, ToTime},
    {"toDuration", 1, 1, ToDuration},
    {"now", 0, 0, Now},
    {"parseDuration", 1, 1, ParseDuration},
    {"title", 1, 1, Title},
    {"toUpper", 1, 1, Case<std::toupper>},
    {"toLower", 1, 1, Case<std::tolower>},
    {"stripPort", 1, 1, StripPort},
    {"stripDomain", 1, 1, StripDomain},
    {"match", 2, 2, Match},
    {"reReplaceAll", 3, 3, ReReplaceAll},
    {"graphLink", 1, 1, GraphLinkOf},
    {"tableLink", 1, 1, TableLinkOf},
    {"externalURL", 0, 0, ExternalUrl},
    {"pathPrefix", 0, 0, PathPrefix},
    {"safeHtml", 1, 1, SafeHtml},
    {"args", 0, kAny, Args},
    {"tmpl", 2, 2, Tmpl},
};

}  // namespace

std::span<const Function> PrometheusFunctions() { return kFunctions; }

}  // namespace ronda::tmpl
