#include "collector/promql/script/script.h"

#include <re2/re2.h>

#include <cctype>
#include <utility>

#include "collector/promql/lexer.h"
#include "collector/promql/script/script_series.h"
#include "common/base/status.h"

namespace ronda::promql {
namespace {

constexpr std::string_view kHistogramPoint = "{{";

std::string_view Trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

struct Line {
  int number;
  std::string_view text;
};

absl::Status BadLine(int number, std::string_view what) {
  return Fail(absl::StatusCode::kInvalidArgument, "{}: {}", number, what);
}

bool Match(std::string_view text, const re2::RE2& form, std::vector<std::string>* groups) {
  const int count = form.NumberOfCapturingGroups();
  groups->assign(static_cast<size_t>(count), "");
  std::vector<re2::RE2::Arg> args;
  std::vector<const re2::RE2::Arg*> pointers;
  args.reserve(groups->size());
  for (std::string& group : *groups) {
    args.emplace_back(&group);
    pointers.push_back(&args.back());
  }
  return re2::RE2::FullMatchN(re2::StringPiece(text.data(), text.size()), form, pointers.data(),
                              count);
}

absl::StatusOr<int64_t> TimeOf(int line, std::string_view text) {
  const std::optional<int64_t> ms = ParseScriptTime(text);
  if (!ms.has_value()) {
    return BadLine(line, fmt::format("bad time \"{}\"", text));
  }
  return *ms;
}

class ScriptParser {
 public:
  explicit ScriptParser(std::string_view text) {
    for (int number = 1; !text.empty(); ++number) {
      const size_t end = text.find('\n');
      std::string_view line = Trimmed(text.substr(0, end));
      if (line.starts_with('#')) {
        line = "";
      }
      lines_.push_back({number, line});
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
  }

  absl::StatusOr<std::vector<ScriptCommand>> Run() {
    std::vector<ScriptCommand> commands;
    while (next_ < lines_.size()) {
      const Line& line = lines_[next_++];
      if (line.text.empty()) {
        continue;
      }
      std::string word(line.text.substr(0, line.text.find_first_of(" \t")));
      for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      ScriptCommand& command = commands.emplace_back();
      if (word == "clear") {
        command.kind = ScriptCommand::Kind::kClear;
      } else if (word.starts_with("load")) {
        command.kind = ScriptCommand::Kind::kLoad;
        RONDA_RETURN_IF_ERROR(Load(line, &command.load));
      } else if (word.starts_with("eval")) {
        command.kind = ScriptCommand::Kind::kEval;
        RONDA_RETURN_IF_ERROR(Eval(line, &command.eval));
      } else {
        return BadLine(line.number, fmt::format("unknown command \"{}\"", word));
      }
    }
    return commands;
  }

 private:
  // The next line of the block, or null at its end.
  const Line* NextOfBlock() {
    if (next_ == lines_.size() || lines_[next_].text.empty()) {
      return nullptr;
    }
    return &lines_[next_++];
  }

  absl::Status Load(const Line& head, LoadCommand* load) {
    static const re2::RE2 kForm("(?i)load(_with_nhcb)?\\s+(.+)");
    std::vector<std::string> groups;
    if (!Match(head.text, kForm, &groups)) {
      return BadLine(head.number, "expected \"load STEP\"");
    }
    load->line = head.number;
    RONDA_ASSIGN_OR_RETURN(load->step_ms, TimeOf(head.number, groups[1]));
    if (load->step_ms <= 0) {
      return BadLine(head.number, "the step of load must be greater than 0");
    }
    while (const Line* line = NextOfBlock()) {
      RONDA_RETURN_IF_ERROR(LoadSeries(*line, !groups[0].empty(), load));
    }
    return absl::OkStatus();
  }

  static absl::Status LoadSeries(const Line& line, bool with_nhcb, LoadCommand* load) {
    std::string_view rest = line.text;
    absl::StatusOr<Labels> labels = TakeScriptLabels(&rest);
    if (!labels.ok()) {
      return BadLine(line.number, Message(labels.status()));
    }
    if (rest.starts_with("@st") || rest.find(kHistogramPoint) != std::string_view::npos) {
      load->left_out.push_back(*std::move(labels));
      return absl::OkStatus();
    }
    absl::StatusOr<ScriptSeries> series = ParseScriptSeries(line.text);
    if (!series.ok()) {
      return BadLine(line.number, Message(series.status()));
    }
    series->line = line.number;
    if (with_nhcb) {
      LeaveOutNative(series->labels, load);
    }
    load->series.push_back(*std::move(series));
    return absl::OkStatus();
  }

  // The native histogram that load_with_nhcb makes of classic series.
  static void LeaveOutNative(const Labels& labels, LoadCommand* load) {
    for (const std::string_view suffix : {"_bucket", "_count", "_sum"}) {
      const std::string_view name = labels.Get(kMetricName);
      if (name.ends_with(suffix)) {
        Labels native = labels;
        native.Set(kMetricName, name.substr(0, name.size() - suffix.size()));
        native.Set("le", "");
        load->left_out.push_back(std::move(native));
        return;
      }
    }
  }

  absl::Status Eval(const Line& head, EvalCommand* eval) {
    static const re2::RE2 kInstant(
        "(?is)eval(?:_(fail|warn|ordered|info))?\\s+instant\\s+(?:at\\s+(.+?)\\s+)?(.+)");
    static const re2::RE2 kRange(
        "(?is)eval(?:_(fail|warn|info))?\\s+range\\s+from\\s+(.+?)\\s+to\\s+(.+?)\\s+step\\s+(.+?)"
        "\\s+(.+)");
    std::vector<std::string> groups;
    eval->line = head.number;
    std::string kind;
    if (Match(head.text, kInstant, &groups)) {
      kind = groups[0];
      if (!groups[1].empty()) {
        RONDA_ASSIGN_OR_RETURN(eval->start_ms, TimeOf(head.number, groups[1]));
      }
      eval->expr = groups[2];
    } else if (Match(head.text, kRange, &groups)) {
      kind = groups[0];
      eval->range = true;
      RONDA_ASSIGN_OR_RETURN(eval->start_ms, TimeOf(head.number, groups[1]));
      RONDA_ASSIGN_OR_RETURN(eval->end_ms, TimeOf(head.number, groups[2]));
      RONDA_ASSIGN_OR_RETURN(eval->step_ms, TimeOf(head.number, groups[3]));
      eval->expr = groups[4];
      if (eval->end_ms < eval->start_ms || eval->step_ms <= 0) {
        return BadLine(head.number, "the range ends before it starts, or has no step");
      }
    } else {
      return BadLine(
          head.number,
          "expected \"eval instant at TIME EXPR\" or \"eval range from TIME to TIME step "
          "DURATION EXPR\"");
    }
    eval->fail = kind == "fail";
    eval->ordered = kind == "ordered";
    if (kind == "warn") {
      eval->warnings.emplace_back();
    } else if (kind == "info") {
      eval->infos.emplace_back();
    }
    if (eval->expr.find(kHistogramPoint) != std::string::npos) {
      eval->skip = "native histograms";
    }
    while (const Line* line = NextOfBlock()) {
      RONDA_RETURN_IF_ERROR(EvalLine(*line, eval));
    }
    if ((eval->no_warn && !eval->warnings.empty()) || (eval->no_info && !eval->infos.empty())) {
      return BadLine(head.number, "expects an annotation and none of its kind");
    }
    return absl::OkStatus();
  }

  absl::Status EvalLine(const Line& line, EvalCommand* eval) {
    if (line.text.find(kHistogramPoint) != std::string_view::npos) {
      eval->skip = "native histograms";
      return absl::OkStatus();
    }
    static const re2::RE2 kOldFailure("expected_fail_(message|regexp)\\s+(.+)");
    std::vector<std::string> groups;
    if (Match(line.text, kOldFailure, &groups)) {
      eval->failure = {
          groups[0] == "regexp" ? Expectation::Match::kRegex : Expectation::Match::kText,
          groups[1]};
      return CheckRegex(line, eval->failure);
    }
    if (line.text.starts_with("expect ") || line.text.starts_with("expect\t")) {
      return ExpectLine(line, eval);
    }
    if (const auto number = ParseScriptNumber(line.text)) {
      eval->scalar = number;
      return absl::OkStatus();
    }
    absl::StatusOr<ScriptSeries> series = ParseScriptSeries(line.text);
    if (!series.ok()) {
      return BadLine(line.number, Message(series.status()));
    }
    series->line = line.number;
    if (!eval->range && !eval->range_vector && series->points.size() != 1) {
      return BadLine(line.number, "expected one value of a series of an instant vector");
    }
    eval->series.push_back(*std::move(series));
    return absl::OkStatus();
  }

  static absl::Status CheckRegex(const Line& line, const Expectation& expectation) {
    if (expectation.match == Expectation::Match::kRegex) {
      re2::RE2::Options options;
      options.set_log_errors(false);
      if (!re2::RE2(expectation.text, options).ok()) {
        return BadLine(line.number, "bad regular expression");
      }
    }
    return absl::OkStatus();
  }

  static absl::Status ExpectLine(const Line& line, EvalCommand* eval) {
    static const re2::RE2 kText("expect\\s+string(?:\\s(.*))?");
    static const re2::RE2 kVector(
        "expect\\s+range\\s+vector\\s+from\\s+(.+?)\\s+to\\s+(.+?)\\s+step\\s+(.+?)");
    static const re2::RE2 kAnnotation(
        "expect\\s+(ordered|fail|warn|no_warn|info|no_info)(?:\\s+(regex|msg):\\s*(.+))?");
    std::vector<std::string> groups;
    if (Match(line.text, kText, &groups)) {
      // Without quotes: all that follows one space.
      eval->text = groups[0];
      if (const auto tokens = Lex(groups[0]);
          tokens.ok() && tokens->size() == 2 && (*tokens)[0].kind == TokenKind::kString) {
        eval->text = (*tokens)[0].text;
      }
      return absl::OkStatus();
    }
    if (Match(line.text, kVector, &groups)) {
      eval->range_vector = true;
      RONDA_ASSIGN_OR_RETURN(eval->vector_start_ms, TimeOf(line.number, groups[0]));
      RONDA_RETURN_IF_ERROR(TimeOf(line.number, groups[1]).status());
      RONDA_ASSIGN_OR_RETURN(eval->vector_step_ms, TimeOf(line.number, groups[2]));
      return absl::OkStatus();
    }
    if (!Match(line.text, kAnnotation, &groups)) {
      return BadLine(line.number, fmt::format("unknown expectation \"{}\"", line.text));
    }
    const Expectation expectation{groups[1].empty()    ? Expectation::Match::kAny
                                  : groups[1] == "msg" ? Expectation::Match::kText
                                                       : Expectation::Match::kRegex,
                                  groups[2]};
    RONDA_RETURN_IF_ERROR(CheckRegex(line, expectation));
    if (groups[0] == "ordered") {
      eval->ordered = true;
    } else if (groups[0] == "fail") {
      if (eval->fail) {
        return BadLine(line.number, "more than one failure is expected");
      }
      eval->fail = true;
      eval->failure = expectation;
    } else if (groups[0] == "warn") {
      eval->warnings.push_back(expectation);
    } else if (groups[0] == "info") {
      eval->infos.push_back(expectation);
    } else if (groups[0] == "no_warn") {
      eval->no_warn = true;
    } else {
      eval->no_info = true;
    }
    return absl::OkStatus();
  }

  std::vector<Line> lines_;
  size_t next_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<ScriptCommand>> ParseScript(std::string_view text) {
  return ScriptParser(text).Run();
}

}  // namespace ronda::promql
