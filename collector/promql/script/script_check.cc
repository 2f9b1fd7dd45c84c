#include "collector/promql/script/script_check.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <vector>

#include "collector/promql/eval/almost_equal.h"
#include "collector/promql/eval/go_format.h"
#include "collector/promql/number_text.h"
#include "common/base/status.h"

namespace ronda::promql {
namespace {

constexpr double kTolerance = 1e-6;

std::string Show(double value) { return IsStale(value) ? "stale" : FormatNumber(value); }

// The values at their times.
std::string Show(const Series& series) {
  std::string text = GoLabels(series.labels);
  for (size_t i = 0; i < series.values.size(); ++i) {
    text += fmt::format(" {}@{}", Show(series.values[i]), FormatDurationMs(series.t_ms[i]));
  }
  return text;
}

bool Holds(const Expectation& expectation, const std::string& text) {
  switch (expectation.match) {
    case Expectation::Match::kAny:
      return true;
    case Expectation::Match::kText:
      return expectation.text == text;
    case Expectation::Match::kRegex:
      return re2::RE2::PartialMatch(text, expectation.text);
  }
  return false;
}

std::string Show(const Expectation& expectation) {
  switch (expectation.match) {
    case Expectation::Match::kAny:
      return "any";
    case Expectation::Match::kText:
      return fmt::format("\"{}\"", expectation.text);
    case Expectation::Match::kRegex:
      return fmt::format("one like /{}/", expectation.text);
  }
  return "";
}

// Each expected one must be there; if any is expected, each one that is there must be expected.
std::string CheckAnnotations(std::string_view kind, const std::vector<Expectation>& expected,
                             bool none, const std::vector<std::string>& got) {
  if (none && !got.empty()) {
    return fmt::format("expected no {}, got \"{}\"", kind, got[0]);
  }
  for (const Expectation& want : expected) {
    if (std::none_of(got.begin(), got.end(),
                     [&](const std::string& text) { return Holds(want, text); })) {
      return fmt::format("expected {} {}, got {}", kind, Show(want),
                         got.empty() ? "none" : fmt::format("\"{}\"", fmt::join(got, "\", \"")));
    }
  }
  for (const std::string& text : got) {
    if (!expected.empty() &&
        std::none_of(expected.begin(), expected.end(),
                     [&](const Expectation& want) { return Holds(want, text); })) {
      return fmt::format("did not expect {} \"{}\"", kind, text);
    }
  }
  return "";
}

// The series that a script expects, with times.
std::vector<Series> ExpectedSeries(const EvalCommand& eval, int64_t start_ms, int64_t step_ms) {
  std::vector<Series> expected;
  for (const ScriptSeries& script : eval.series) {
    Series series;
    series.labels = script.labels;
    for (size_t i = 0; i < script.points.size(); ++i) {
      if (script.points[i].has_value()) {
        series.t_ms.push_back(start_ms + static_cast<int64_t>(i) * step_ms);
        series.values.push_back(*script.points[i]);
      }
    }
    if (!series.values.empty()) {
      expected.push_back(std::move(series));
    }
  }
  return expected;
}

bool SameValues(const Series& a, const Series& b, bool times) {
  return (!times || a.t_ms == b.t_ms) && a.values.size() == b.values.size() &&
         std::equal(a.values.begin(), a.values.end(), b.values.begin(),
                    [](double x, double y) { return AlmostEqual(x, y, kTolerance); });
}

// Each expected series is there with its values, and no other.
std::string CheckSeries(const std::vector<Series>& expected, const std::vector<Series>& got,
                        bool ordered, bool times) {
  for (size_t i = 0; i < expected.size(); ++i) {
    const Series& want = expected[i];
    const auto found = std::find_if(
        got.begin(), got.end(), [&](const Series& series) { return series.labels == want.labels; });
    if (found == got.end()) {
      std::string all;
      for (const Series& series : got) all += "\n      " + Show(series);
      return fmt::format("expected {}, got no such series{}{}", Show(want),
                         all.empty() ? "" : " but", all);
    }
    if (!SameValues(want, *found, times)) {
      return fmt::format("expected {}, got {}", Show(want), Show(*found));
    }
    if (ordered && static_cast<size_t>(found - got.begin()) != i) {
      return fmt::format("expected {} in place {}, got it in place {}", GoLabels(want.labels),
                         i + 1, found - got.begin() + 1);
    }
  }
  for (const Series& series : got) {
    if (std::none_of(expected.begin(), expected.end(),
                     [&](const Series& want) { return want.labels == series.labels; })) {
      return fmt::format("did not expect {}", Show(series));
    }
  }
  return "";
}

std::string CheckScalar(const EvalCommand& eval, double got) {
  if (!eval.scalar.has_value()) {
    return fmt::format("expected series, got the scalar {}", Show(got));
  }
  return AlmostEqual(*eval.scalar, got, kTolerance)
             ? ""
             : fmt::format("expected {}, got {}", Show(*eval.scalar), Show(got));
}

std::string CheckFailure(const EvalCommand& eval, const absl::Status& status) {
  const std::string text(Message(status));
  if (!eval.fail) {
    return fmt::format("expected an answer, got the error \"{}\"", text);
  }
  return Holds(eval.failure, text)
             ? ""
             : fmt::format("expected the error {}, got \"{}\"", Show(eval.failure), text);
}

}  // namespace

std::string CheckInstantValues(const EvalCommand& eval, const QueryResult& result) {
  switch (result.type) {
    case ValueType::kString:
      if (!eval.text.has_value()) {
        return fmt::format("expected series, got the string \"{}\"", result.text);
      }
      return *eval.text == result.text
                 ? ""
                 : fmt::format("expected \"{}\", got \"{}\"", *eval.text, result.text);
    case ValueType::kScalar:
      return CheckScalar(eval, result.series[0].values[0]);
    case ValueType::kMatrix:
      if (!eval.range_vector) {
        return "expected an instant vector, got a range vector";
      }
      return CheckSeries(ExpectedSeries(eval, eval.vector_start_ms, eval.vector_step_ms),
                         result.series, false, true);
    case ValueType::kVector:
      if (eval.scalar.has_value() || eval.text.has_value() || eval.range_vector) {
        return "expected no instant vector, got one";
      }
      return CheckSeries(ExpectedSeries(eval, eval.start_ms, 0), result.series, eval.ordered, false);
  }
  return "";
}

std::string CheckStep(const EvalCommand& eval, const QueryResult& result, int64_t t_ms) {
  std::vector<Series> at_step;
  for (const Series& series : result.series) {
    const auto found = std::find(series.t_ms.begin(), series.t_ms.end(), t_ms);
    if (found != series.t_ms.end()) {
      at_step.push_back({series.labels,
                         {t_ms},
                         {series.values[static_cast<size_t>(found - series.t_ms.begin())]}});
    }
  }
  if (eval.scalar.has_value()) {
    return at_step.size() == 1 ? CheckScalar(eval, at_step[0].values[0])
                               : "expected a scalar, got none";
  }
  return CheckSeries(ExpectedSeries(eval, eval.start_ms, 0), at_step, false, false);
}

std::string CheckAnswer(const EvalCommand& eval, const absl::StatusOr<QueryResult>& answer) {
  if (!answer.ok()) {
    return CheckFailure(eval, answer.status());
  }
  if (eval.fail) {
    return "expected an error, got an answer";
  }
  std::string problem = CheckAnnotations("warning", eval.warnings, eval.no_warn, answer->warnings);
  if (problem.empty()) {
    problem = CheckAnnotations("info", eval.infos, eval.no_info, answer->infos);
  }
  if (!problem.empty()) {
    return problem;
  }
  if (!eval.range) {
    return CheckInstantValues(eval, *answer);
  }
  if (eval.scalar.has_value()) {
    return "expected a scalar of a range query, which answers with series";
  }
  return CheckSeries(ExpectedSeries(eval, eval.start_ms, eval.step_ms), answer->series, false,
                     true);
}

}  // namespace ronda::promql
