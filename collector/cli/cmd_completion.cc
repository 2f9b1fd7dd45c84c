// Completion in shells. The scripts are small: all that is known of words is asked of
// `ronda __complete WORDS...`, so that metrics and labels come from the collector as they are now.
#include <algorithm>
#include <cctype>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collector/cli/commands.h"
#include "collector/promql/functions.h"
#include "collector/query/local_api.h"
#include "collector/query/remote_api.h"
#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/base/status.h"

namespace ronda::cli {
namespace {

constexpr std::string_view kBash =
    R"(# Completion of ronda for bash: source <(ronda completion bash)
_ronda() {
  local cur=${COMP_WORDS[COMP_CWORD]} line=${COMP_LINE:0:COMP_POINT} word quote=
  local -a words=() split
  # The words as the shell will see them: COMP_WORDS is cut at = and : too.
  word=
  local i c
  for ((i = 0; i < ${#line}; ++i)); do
    c=${line:i:1}
    if [[ -n $quote ]]; then
      if [[ $c == "$quote" ]]; then quote=; else word+=$c; fi
    elif [[ $c == \' || $c == \" ]]; then quote=$c
    elif [[ $c == ' ' ]]; then
      [[ -n $word ]] && words+=("$word")
      word=
    else word+=$c
    fi
  done
  words+=("$word")
  mapfile -t COMPREPLY < <(command ronda __complete "${words[@]:1}" 2>/dev/null)
  ((${#COMPREPLY[@]})) || return 0
  # Readline replaces what stands after its last break only.
  local bare=$cur
  [[ $bare == [\'\"]* ]] && bare=${bare:1}
  local keep=${word%"$bare"}
  if [[ -n $keep && $word != "$bare" ]]; then
    COMPREPLY=("${COMPREPLY[@]#"$keep"}")
  fi
  if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[\{\(,\"=] ]]; then
    compopt -o nospace
  fi
}
complete -o default -F _ronda ronda
)";

constexpr std::string_view kZsh = R"(#compdef ronda
# Completion of ronda for zsh: source <(ronda completion zsh)
_ronda() {
  local -a found
  found=("${(@f)$(command ronda __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  found=(${found:#})
  (( $#found )) || { _files; return }
  compadd -S '' -- "${found[@]}"
}
compdef _ronda ronda
)";

constexpr std::string_view kFish =
    R"(# Completion of ronda for fish: ronda completion fish > ~/.config/fish/completions/ronda.fish
function __ronda_complete
  set -l words (commandline -opc)
  command ronda __complete $words[2..-1] (commandline -ct | string unescape) 2>/dev/null
end
complete -c ronda -a '(__ronda_complete)'
)";

// What a person who presses a key will wait for.
constexpr int64_t kPatienceMs = 500;
constexpr size_t kMostWords = 2'000;
constexpr int64_t kRecentMs = int64_t{86'400'000};

bool IsNameCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == ':';
}

// Where in an expression that is not whole its end stands.
struct Cursor {
  enum class In { kName, kLabel, kValue, kElsewhere };
  In in = In::kElsewhere;
  size_t begin = 0;    // of the word that is being typed
  std::string metric;  // in front of the braces
  std::string label;   // of a value
};

Cursor CursorIn(std::string_view text) {
  Cursor cursor;
  bool in_braces = false;
  bool in_string = false;
  std::string name;  // the last one, and in braces the label
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      in_string = c != '"';
      cursor.begin = in_string ? cursor.begin : i + 1;
    } else if (c == '"') {
      in_string = true;
      cursor.begin = i + 1;
      cursor.label = name;
    } else if (IsNameCharacter(c)) {
      if (i == 0 || !IsNameCharacter(text[i - 1])) {
        name.clear();
        cursor.begin = i;
      }
      name += c;
    } else {
      if (c == '{') {
        in_braces = true;
        cursor.metric = name;
      } else if (c == '}') {
        in_braces = false;
      }
      if (c == '{' || c == ',' || c == '(') {
        name.clear();
      }
      cursor.begin = i + 1;
    }
  }
  const bool after_name = cursor.begin < text.size() || text.empty() || text.back() == '{' ||
                          text.back() == ',' || text.back() == '(' || text.back() == ' ' ||
                          in_string;
  cursor.in = in_string     ? (in_braces ? Cursor::In::kValue : Cursor::In::kElsewhere)
              : !after_name ? Cursor::In::kElsewhere
              : in_braces   ? Cursor::In::kLabel
                            : Cursor::In::kName;
  return cursor;
}

struct Source {
  std::unique_ptr<store::Store> store;
  std::unique_ptr<query::Api> api;
};

absl::StatusOr<Source> Open(const Settings& settings, const Clock& clock) {
  Source source;
  if (settings.data.empty()) {
    query::RemoteOptions options = RemoteOptionsOf(settings);
    options.connect_timeout_ms = kPatienceMs;
    options.timeout_ms = kPatienceMs;
    source.api = query::NewRemoteApi(options);
    return source;
  }
  RONDA_ASSIGN_OR_RETURN(source.store, store::Store::OpenReadOnly(settings.data, clock));
  query::LocalApi::Options options;
  options.data_dir = settings.data;
  source.api = std::make_unique<query::LocalApi>(*source.store, nullptr, clock, options);
  return source;
}

absl::StatusOr<std::vector<std::string>> ValuesOf(query::Api& api, const std::string& label,
                                                  const std::string& metric) {
  RONDA_ASSIGN_OR_RETURN(const query::TimeBase time, api.Time());
  std::vector<Matcher> matchers;
  if (!metric.empty()) {
    matchers.push_back(Matcher::Equal(std::string(kMetricName), metric));
  }
  return api.LabelValues(label, matchers, time.now_ms - kRecentMs, time.now_ms);
}

std::vector<std::string> CallableNames() {
  std::vector<std::string> names = {"sum",  "avg",     "count",        "min",
                                    "max",  "group",   "stddev",       "stdvar",
                                    "topk", "bottomk", "count_values", "quantile"};
  for (const promql::FunctionSpec& function : promql::AllFunctions()) {
    names.emplace_back(function.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// What may come at the end of an expression, as whole expressions.
std::vector<std::string> ExpressionChoices(query::Api& api, const std::string& text,
                                           bool with_functions) {
  const Cursor cursor = CursorIn(text);
  const std::string before = text.substr(0, cursor.begin);
  const std::string typed = text.substr(cursor.begin);
  std::vector<std::string> found;
  const auto take = [&](const absl::StatusOr<std::vector<std::string>>& names,
                        std::string_view after) {
    for (const std::string& name : names.ok() ? *names : std::vector<std::string>()) {
      if (name.starts_with(typed) && found.size() < kMostWords) {
        found.push_back(before + name + std::string(after));
      }
    }
  };
  switch (cursor.in) {
    case Cursor::In::kName: {
      const absl::StatusOr<std::vector<query::MetricStatus>> metrics = api.Metrics("", false);
      std::vector<std::string> names;
      for (const query::MetricStatus& metric :
           metrics.ok() ? *metrics : std::vector<query::MetricStatus>()) {
        names.push_back(metric.info.name);
      }
      take(names, "");
      if (with_functions && !typed.empty()) {
        take(CallableNames(), "(");
      }
      break;
    }
    case Cursor::In::kLabel:
      take(ValuesOf(api, "", cursor.metric), "=\"");
      break;
    case Cursor::In::kValue:
      take(ValuesOf(api, cursor.label, cursor.metric), "\"");
      break;
    case Cursor::In::kElsewhere:
      break;
  }
  return found;
}

// What stands at the command's own word number `position`, if the collector knows such.
std::vector<std::string> DataChoices(query::Api& api, const WordChoices& choices,
                                     const std::string& word) {
  const std::string& command = choices.command;
  std::vector<std::string> found;
  if (choices.option == "--node" || (command == "nodes" && choices.option.empty())) {
    found = ValuesOf(api, "node", "").value_or(found);
  } else if (!choices.option.empty()) {
    return found;
  } else if (command == "query" || command == "explain" || command == "format") {
    return ExpressionChoices(api, word, true);
  } else if (command == "series" || command == "labels" || command == "export" ||
             (command == "values" && choices.position > 0)) {
    return ExpressionChoices(api, word, false);
  } else if (command == "values") {
    found = ValuesOf(api, "", "").value_or(found);
  } else if (command == "metrics") {
    return ExpressionChoices(api, word, false);
  }
  std::erase_if(found, [&](const std::string& one) { return !one.starts_with(word); });
  return found;
}

}  // namespace

absl::StatusOr<int> RunCompletion(Console& console, const CompletionArgs& args) {
  console.Out(args.shell == "zsh" ? kZsh : args.shell == "fish" ? kFish : kBash);
  return kExitOk;
}

void RunComplete(Console& console, const std::vector<std::string>& words) {
  const std::string word = words.empty() ? "" : words.back();
  const WordChoices choices = ChoicesFor(words.empty() ? std::vector<std::string>{""} : words);
  std::vector<std::string> found = choices.words;
  if (!choices.command.empty() && !word.starts_with("-")) {
    const SystemClock clock;
    const absl::StatusOr<Source> source = Open(choices.settings, clock);
    if (source.ok()) {
      const std::vector<std::string> more = DataChoices(*source->api, choices, word);
      found.insert(found.end(), more.begin(), more.end());
    }
  }
  std::string text;
  for (const std::string& one : found) {
    if (one.find('\n') == std::string::npos) {
      text += one + "\n";
    }
  }
  console.Out(text);
}

}  // namespace ronda::cli
