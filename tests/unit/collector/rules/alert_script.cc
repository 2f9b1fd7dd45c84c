#include "tests/unit/collector/rules/alert_script.h"

#include <algorithm>
#include <map>
#include <memory>
#include <sstream>
#include <vector>

#include <fmt/format.h>

#include "collector/promql/number_text.h"
#include "collector/promql/parser.h"
#include "collector/rules/durable.h"
#include "collector/rules/engine.h"
#include "common/base/status.h"
#include "common/model/sample.h"

namespace ronda::rules {
namespace {

constexpr int64_t kEpochMs = 1'795'132'800'000;

struct ScriptSource {
  uint64_t number = 0;
  Labels labels;
  std::shared_ptr<const Schema> schema;
  std::vector<double> values;  // of the last frame
  bool fresh = true;           // no frame with this schema yet, in this engine
};

struct ScriptError {
  std::string what;
};

void Check(bool good, std::string_view what) {
  if (!good) {
    throw ScriptError{std::string(what)};
  }
}

std::vector<std::string> Split(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) {
    words.push_back(word);
  }
  return words;
}

std::string Name(const Alert& alert) {
  Labels labels = alert.labels;
  for (const std::string_view name : {"node", "job", "instance", "alertname"}) {
    labels.Set(name, "");
  }
  labels.Set(kMetricName, alert.rule);
  return labels.ToString();
}

class Runner {
 public:
  explicit Runner(bool restarts) : restarts_(restarts) {}

  void Run(const std::string& text) {
    std::istringstream in(text);
    std::string line;
    std::string command;
    std::vector<std::string> expected;
    int number = 0;
    int command_line = 0;
    const auto finish = [&] {
      try {
        Command(command, std::move(expected));
      } catch (const ScriptError& error) {
        throw ScriptError{fmt::format("line {}: {}: {}", command_line, command, error.what)};
      }
      command.clear();
      expected.clear();
    };
    while (std::getline(in, line)) {
      ++number;
      const std::string trimmed = line.substr(std::min(line.find_first_not_of(' '), line.size()));
      if (in_rules_) {
        in_rules_ = trimmed != "end";
        if (in_rules_) {
          yaml_ += line + "\n";
        }
      } else if (trimmed.empty() || trimmed[0] == '#') {
        continue;
      } else if (trimmed[0] == '>') {
        expected.push_back(fmt::format("{}", fmt::join(Split(trimmed.substr(1)), " ")));
      } else {
        finish();
        command = trimmed;
        command_line = number;
        in_rules_ = command == "rules";
        yaml_.clear();
      }
    }
    finish();
    Check(commands_ > 0, "an empty script");
  }

 private:
  void Command(const std::string& line, std::vector<std::string> expected) {
    const std::vector<std::string> words = Split(line);
    if (words.empty()) {
      return;
    }
    ++commands_;
    std::vector<Transition> out;
    if (words[0] == "no-restarts") {
      restarts_ = false;
      return;
    }
    if (restarts_ && words[0] != "rules" && engine_ != nullptr) {
      Restart();
    }
    if (words[0] == "rules") {
      LoadRules();
    } else if (words[0] == "source") {
      AddSource(words);
    } else if (words[0] == "series") {
      SetSeries(line, words);
    } else if (words[0] == "tick" || words[0] == "silence") {
      Tick(words, words[0] == "silence", &out);
    } else if (words[0] == "silent") {
      engine_->OnNodeSilent(words.at(1), Time(words.at(2)), &out);
    } else if (words[0] == "forget") {
      engine_->OnNodeForgotten(words.at(1), Time(words.at(2)), words.at(3), &out);
    } else if (words[0] == "drop") {
      engine_->OnSourceForgotten(sources_.at(words.at(1)).number, Time(words.at(2)), words.at(3),
                                 &out);
    } else if (words[0] == "restart") {
      Restart();
    } else if (words[0] != "active") {
      Check(false, "unknown command");
    }
    std::vector<std::string> actual;
    for (const Transition& transition : out) {
      Keep(transition);
      if (transition.from != transition.alert.state) {
        actual.push_back(Describe(transition));
      }
    }
    if (words[0] == "active") {
      for (const Alert& alert : engine_->Active()) {
        actual.push_back(fmt::format("{} {}", Name(alert), ToString(alert.state)));
      }
    }
    std::sort(actual.begin(), actual.end());
    std::sort(expected.begin(), expected.end());
    Check(actual == expected, fmt::format("expected\n  {}\ngot\n  {}", fmt::join(expected, "\n  "),
                                          fmt::join(actual, "\n  ")));
    CheckDurable();
  }

  static int64_t Time(const std::string& word) {
    const auto ms = promql::ParseDurationMs(word);
    Check(ms.has_value(), "bad time " + word);
    return kEpochMs + *ms;
  }

  static std::string Describe(const Transition& t) {
    return fmt::format("{} {}->{}{}{}", Name(t.alert), ToString(t.from), ToString(t.alert.state),
                       t.notify ? " notify" : "",
                       t.reason.empty() ? "" : fmt::format(" ({})", t.reason));
  }

  void LoadRules() {
    auto file = ParseRuleFile("script.yml", yaml_);
    Check(file.ok(), file.ok() ? "" : Message(file.status()));
    rules_ = yaml_;
    if (engine_ == nullptr) {
      engine_ = *Engine::New({*file});
    } else {
      Check(engine_->Reload({*file}).ok(), "reload failed");
    }
  }

  void AddSource(const std::vector<std::string>& words) {
    ScriptSource source;
    source.number = sources_.size() + 1;
    for (size_t i = 2; i < words.size(); ++i) {
      const size_t equal = words[i].find('=');
      source.labels.Set(words[i].substr(0, equal), words[i].substr(equal + 1));
    }
    sources_[words.at(1)] = source;
  }

  void SetSeries(const std::string&, const std::vector<std::string>& words) {
    auto schema = std::make_shared<Schema>();
    for (size_t i = 2; i < words.size(); ++i) {
      const auto matchers = promql::ParseSelector(words[i]);
      Check(matchers.ok(), words[i]);
      Schema::Series series;
      series.metric = static_cast<uint32_t>(schema->metrics.size());
      for (const Matcher& matcher : *matchers) {
        if (matcher.name() == kMetricName) {
          schema->metrics.push_back({matcher.value(), MetricType::kGauge, "", ""});
        } else {
          series.labels.Set(matcher.name(), matcher.value());
        }
      }
      schema->series.push_back(series);
    }
    ScriptSource& source = sources_.at(words.at(1));
    source.schema = schema;
    source.fresh = true;
  }

  void Tick(const std::vector<std::string>& words, bool synthetic, std::vector<Transition>* out) {
    ScriptSource& source = sources_.at(words.at(1));
    std::vector<double> values;
    for (size_t i = 3; i < words.size(); ++i) {
      values.push_back(words[i] == "-" ? StaleMarker() : std::stod(words[i]));
    }
    std::vector<uint32_t> changed;
    for (uint32_t i = 0; i < values.size() && !source.fresh; ++i) {
      if (std::bit_cast<uint64_t>(values[i]) != std::bit_cast<uint64_t>(source.values[i])) {
        changed.push_back(i);
      }
    }
    const std::string node(source.labels.Get("node"));
    engine_->OnTick({source.number, node, source.labels, source.schema, Time(words.at(2)), values,
                     changed, source.fresh, synthetic},
                    out);
    source.values = values;
    source.fresh = false;
  }

  void Keep(const Transition& transition) {
    std::vector<store::StateWrite> writes;
    std::vector<Record> records;
    AppendDurable(transition, &writes, &records);
    for (const store::StateWrite& write : writes) {
      if (write.value) {
        durable_[write.key] = *write.value;
      } else {
        durable_.erase(write.key);
      }
    }
  }

  std::vector<Alert> Durable() const {
    std::vector<Alert> alerts;
    for (const auto& [key, bytes] : durable_) {
      auto alert = DecodeAlert(bytes);
      Check(alert.ok(), "a stored alert does not decode");
      alerts.push_back(*std::move(alert));
    }
    return alerts;
  }

  // What is stored is what is active, but for times that only the next step writes.
  void CheckDurable() const {
    if (engine_ == nullptr) {
      return;
    }
    for (const Alert& alert : engine_->Active()) {
      const auto found = durable_.find(AlertKey(alert));
      Check(found != durable_.end(), Name(alert) + " is not stored");
      Check(DecodeAlert(found->second)->state == alert.state, Name(alert) + " is stored otherwise");
    }
  }

  void Restart() {
    engine_ = *Engine::New({*ParseRuleFile("script.yml", rules_)});
    engine_->Restore(Durable());
    for (auto& [name, source] : sources_) {
      source.fresh = true;
      if (source.schema != nullptr) {
        source.schema = std::make_shared<const Schema>(*source.schema);
      }
    }
  }

  bool restarts_;
  bool in_rules_ = false;
  int commands_ = 0;
  std::string yaml_;
  std::string rules_;
  std::unique_ptr<Engine> engine_;
  std::map<std::string, ScriptSource> sources_;
  std::map<std::string, std::string> durable_;
};

}  // namespace

std::string RunAlertScript(const std::string& text, bool restart_each_step) {
  try {
    Runner(restart_each_step).Run(text);
    return "";
  } catch (const ScriptError& error) {
    return error.what;
  } catch (const std::exception& error) {
    return fmt::format("bad script: {}", error.what());
  }
}

}  // namespace ronda::rules
