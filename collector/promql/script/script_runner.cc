#include "collector/promql/script/script_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "collector/promql/engine.h"
#include "collector/promql/functions.h"
#include "collector/promql/parser.h"
#include "collector/promql/script/memory_series.h"
#include "collector/promql/script/pinned.h"
#include "collector/promql/script/script.h"
#include "collector/promql/script/script_check.h"
#include "collector/promql/visit.h"
#include "common/base/status.h"

namespace ronda::promql {
namespace {

constexpr int64_t kMinuteMs = 60'000;

class ScriptRunner {
 public:
  ScriptRunner(std::string_view file, ScriptReport* report) : file_(file), report_(*report) {
    options_.delayed_name_removal = true;
  }

  void Run(const ScriptCommand& command) {
    switch (command.kind) {
      case ScriptCommand::Kind::kClear:
        series_.Clear();
        left_out_.clear();
        return;
      case ScriptCommand::Kind::kLoad:
        Load(command.load);
        return;
      case ScriptCommand::Kind::kEval:
        Eval(command.eval);
        return;
    }
  }

 private:
  void Load(const LoadCommand& load) {
    // Of lines for one series the last counts.
    std::set<Labels> loaded;
    for (auto line = load.series.rbegin(); line != load.series.rend(); ++line) {
      const ScriptSeries& series = *line;
      if (!loaded.insert(series.labels).second) {
        continue;
      }
      for (size_t i = 0; i < series.points.size(); ++i) {
        if (series.points[i].has_value()) {
          series_.Add(series.labels, static_cast<int64_t>(i) * load.step_ms, *series.points[i]);
        }
      }
    }
    left_out_.insert(left_out_.end(), load.left_out.begin(), load.left_out.end());
  }

  // Why the case cannot be run here; "" if it can.
  std::string ReasonToSkip(const EvalCommand& eval, const Expr& expr) const {
    if (!eval.skip.empty()) {
      return eval.skip;
    }
    for (const VectorSelector* selector : SelectorsOf(expr)) {
      for (const Labels& labels : left_out_) {
        if (MatchesAll(labels, selector->matchers)) {
          return fmt::format("{} is a series of native histograms or start times",
                             labels.ToString());
        }
      }
    }
    return "";
  }

  void Eval(const EvalCommand& eval) {
    const absl::StatusOr<ExprPtr> expr = Parse(eval.expr);
    const std::string skip = expr.ok() ? ReasonToSkip(eval, **expr) : eval.skip;
    if (!skip.empty()) {
      ++report_.skipped;
      report_.skips.push_back(fmt::format("{}:{}: skipped: {}", file_, eval.line, skip));
      return;
    }
    const std::string problem = expr.ok() ? Check(eval, **expr) : CheckAnswer(eval, expr.status());
    if (problem.empty()) {
      ++report_.passed;
    } else {
      ++report_.failed;
      report_.failures.push_back(
          fmt::format("{}:{}: {}\n    {}", file_, eval.line, eval.expr, problem));
    }
  }

  std::string Check(const EvalCommand& eval, const Expr& expr) const {
    if (eval.range) {
      return CheckAnswer(eval,
                         engine_.Range(expr, eval.start_ms, eval.end_ms, eval.step_ms, options_));
    }
    const absl::StatusOr<QueryResult> answer = engine_.Instant(expr, eval.start_ms, options_);
    std::string problem = CheckAnswer(eval, answer);
    if (problem.empty()) {
      problem = CheckPinned(eval, expr);
    }
    if (problem.empty() && answer.ok()) {
      problem = CheckAsStep(eval, expr, *answer);
    }
    return problem;
  }

  std::string CheckPinned(const EvalCommand& eval, const Expr& expr) const {
    const int64_t t_ms = eval.start_ms;
    const ExprPtr pinned = Pinned(expr, t_ms);
    if (pinned == nullptr) {
      return "";
    }
    for (const int64_t at : {-10 * t_ms, int64_t{0}, t_ms / 5, t_ms, 10 * t_ms}) {
      const absl::StatusOr<QueryResult> answer = engine_.Instant(*pinned, at, options_);
      const std::string problem =
          !answer.ok() || eval.fail ? CheckAnswer(eval, answer) : CheckInstantValues(eval, *answer);
      if (!problem.empty()) {
        return fmt::format("as {}, asked at {} ms: {}", Format(*pinned), at, problem);
      }
    }
    return "";
  }

  std::string CheckAsStep(const EvalCommand& eval, const Expr& expr,
                          const QueryResult& answer) const {
    if (eval.ordered || UsesQueryTimes(expr) || answer.type == ValueType::kString ||
        answer.type == ValueType::kMatrix) {
      return "";
    }
    const absl::StatusOr<QueryResult> range = engine_.Range(
        expr, eval.start_ms - kMinuteMs, eval.start_ms + kMinuteMs, kMinuteMs, options_);
    const std::string problem =
        range.ok() ? CheckStep(eval, *range, eval.start_ms) : CheckAnswer(eval, range);
    return problem.empty() ? "" : fmt::format("as a step of a range query: {}", problem);
  }

  const std::string file_;
  ScriptReport& report_;
  MemorySeries series_;
  Engine engine_{series_};
  QueryOptions options_;
  std::vector<Labels> left_out_;
};

}  // namespace

void RunScript(std::string_view file, std::string_view text, ScriptReport* report) {
  const absl::StatusOr<std::vector<ScriptCommand>> commands = ParseScript(text);
  if (!commands.ok()) {
    ++report->failed;
    report->failures.push_back(fmt::format("{}:{}", file, Message(commands.status())));
    return;
  }
  ScriptRunner runner(file, report);
  for (const ScriptCommand& command : *commands) {
    runner.Run(command);
  }
}

}  // namespace ronda::promql
