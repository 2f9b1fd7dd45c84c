// yaml-cpp throws; its exceptions end in ParseRuleFile(). All else here returns a Status.
#include "collector/rules/rule_file.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <set>
#include <span>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "collector/promql/number_text.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/config/yaml.h"

namespace ronda::rules {
namespace {

constexpr std::string_view kClearAnnotation = "ronda_clear";

constexpr std::string_view kFileKeys[] = {"groups"};
constexpr std::string_view kGroupKeys[] = {"name", "interval", "limit", "rules"};
constexpr std::string_view kRuleKeys[] = {"alert",           "record", "expr",       "for",
                                          "keep_firing_for", "labels", "annotations"};
// Prometheus knows these too; Ronda does not yet.
constexpr std::string_view kLaterGroupKeys[] = {"query_offset", "labels"};

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t swap = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({swap, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string NearestKey(std::string_view key, std::span<const std::string_view> known) {
  const auto nearest =
      std::min_element(known.begin(), known.end(), [key](std::string_view a, std::string_view b) {
        return EditDistance(key, a) < EditDistance(key, b);
      });
  return std::string(*nearest);
}

template <size_t N>
bool Contains(const std::string_view (&list)[N], std::string_view key) {
  return std::find(std::begin(list), std::end(list), key) != std::end(list);
}

class Reader {
 public:
  explicit Reader(std::string_view path) : path_(path) {}

  absl::StatusOr<RuleFile> File(const YAML::Node& root) {
    RuleFile file;
    file.path = path_;
    if (!root || root.IsNull()) {
      return file;
    }
    RONDA_RETURN_IF_ERROR(CheckKeys(root, "the file", kFileKeys));
    const YAML::Node groups = root["groups"];
    if (!groups || groups.IsNull()) {
      return file;
    }
    RONDA_RETURN_IF_ERROR(CheckSequence(groups, "groups"));
    std::set<std::string> names;
    for (const YAML::Node& node : groups) {
      RONDA_ASSIGN_OR_RETURN(RuleGroup group, Group(node));
      if (!names.insert(group.name).second) {
        return Error(node["name"], fmt::format("the group \"{}\" is there twice", group.name));
      }
      file.groups.push_back(std::move(group));
    }
    return file;
  }

 private:
  absl::Status Error(const YAML::Node& node, std::string_view message) const {
    return Fail(absl::StatusCode::kInvalidArgument, "{}:{}:{}: {}", path_, node.Mark().line + 1,
                node.Mark().column + 1, message);
  }

  absl::Status CheckSequence(const YAML::Node& node, std::string_view key) const {
    return node.IsSequence() ? absl::OkStatus()
                             : Error(node, fmt::format("\"{}\" must be a list", key));
  }

  // `where` is a map with keys out of `known` only, each once.
  absl::Status CheckKeys(const YAML::Node& map, std::string_view where,
                         std::span<const std::string_view> known) const {
    if (!map.IsMap()) {
      return Error(map, fmt::format("{} must be a map of {}", where, fmt::join(known, ", ")));
    }
    std::set<std::string> seen;
    for (const auto& entry : map) {
      if (!entry.first.IsScalar()) {
        return Error(entry.first, fmt::format("a key in {} is not a word", where));
      }
      const std::string& key = entry.first.Scalar();
      if (known.data() == std::data(kGroupKeys) && Contains(kLaterGroupKeys, key)) {
        return Error(entry.first,
                     fmt::format("\"{}\" in {} is not supported in this version", key, where));
      }
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        return Error(entry.first, fmt::format("unknown key \"{}\" in {}, did you mean \"{}\"?", key,
                                              where, NearestKey(key, known)));
      }
      if (!seen.insert(key).second) {
        return Error(entry.first, fmt::format("the key \"{}\" is there twice in {}", key, where));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Text(const YAML::Node& map, const char* key,
                                   std::string_view where) const {
    const YAML::Node node = map[key];
    if (!node) {
      return Error(map, fmt::format("{} has no \"{}\"", where, key));
    }
    if (!node.IsScalar() || node.Scalar().empty()) {
      return Error(node, fmt::format("\"{}\" in {} must be a text", key, where));
    }
    return node.Scalar();
  }

  absl::StatusOr<int64_t> Duration(const YAML::Node& map, const char* key) const {
    const YAML::Node node = map[key];
    if (!node || node.IsNull()) {
      return 0;
    }
    const auto ms = node.IsScalar() ? promql::ParseDurationMs(node.Scalar()) : std::nullopt;
    if (!ms) {
      return Error(node, fmt::format("\"{}\" must be a duration such as 30s or 1h30m", key));
    }
    return *ms;
  }

  absl::StatusOr<RuleGroup> Group(const YAML::Node& node) const {
    RONDA_RETURN_IF_ERROR(CheckKeys(node, "a group", kGroupKeys));
    RuleGroup group;
    RONDA_ASSIGN_OR_RETURN(group.name, Text(node, "name", "the group"));
    RONDA_ASSIGN_OR_RETURN(group.interval_ms, Duration(node, "interval"));
    if (const YAML::Node limit = node["limit"]; limit && !limit.IsNull()) {
      const std::string text = limit.IsScalar() ? limit.Scalar() : "";
      const auto [p, error] = std::from_chars(text.data(), text.data() + text.size(), group.limit);
      if (error != std::errc() || p != text.data() + text.size() || group.limit < 0) {
        return Error(limit, "\"limit\" must be a whole number from 0 on");
      }
    }
    const YAML::Node rules = node["rules"];
    if (!rules || rules.IsNull()) {
      return group;
    }
    RONDA_RETURN_IF_ERROR(CheckSequence(rules, "rules"));
    std::set<std::string> seen;
    for (const YAML::Node& rule_node : rules) {
      RONDA_ASSIGN_OR_RETURN(Rule rule, OneRule(rule_node));
      std::string identity = rule.name;
      for (const TemplatedLabel& label : rule.labels) {
        identity += fmt::format("\n{}={}", label.name, QuoteLabelValue(label.value.text()));
      }
      if (!seen.insert(identity).second) {
        return Error(rule_node,
                     fmt::format("the group \"{}\" has the rule \"{}\" with these labels "
                                 "twice",
                                 group.name, rule.name));
      }
      group.rules.push_back(std::move(rule));
    }
    return group;
  }

  absl::StatusOr<Rule> OneRule(const YAML::Node& node) const {
    RONDA_RETURN_IF_ERROR(CheckKeys(node, "a rule", kRuleKeys));
    if (const YAML::Node record = node["record"]) {
      return Error(record,
                   "recording rules (\"record\") are not supported in this version: they "
                   "need all of PromQL");
    }
    Rule rule;
    rule.line = node.Mark().line + 1;
    RONDA_ASSIGN_OR_RETURN(rule.name, Text(node, "alert", "the rule"));
    const std::string where = fmt::format("the rule \"{}\"", rule.name);
    RONDA_ASSIGN_OR_RETURN(const std::string expr, Text(node, "expr", where));
    auto condition = promql::ParseThreshold(expr);
    if (!condition.ok()) {
      return Error(node["expr"], fmt::format("expr of {}: {}", where, Message(condition.status())));
    }
    rule.condition = *std::move(condition);
    RONDA_ASSIGN_OR_RETURN(rule.for_ms, Duration(node, "for"));
    RONDA_ASSIGN_OR_RETURN(rule.keep_firing_for_ms, Duration(node, "keep_firing_for"));
    RONDA_ASSIGN_OR_RETURN(rule.labels, Texts(node, "labels", where));
    RONDA_ASSIGN_OR_RETURN(rule.annotations, Texts(node, "annotations", where));
    RONDA_RETURN_IF_ERROR(CheckRuleLabels(node, rule, where));
    RONDA_RETURN_IF_ERROR(TakeClear(node, where, &rule));
    return rule;
  }

  absl::StatusOr<std::vector<TemplatedLabel>> Texts(const YAML::Node& rule, const char* key,
                                                    std::string_view where) const {
    std::vector<TemplatedLabel> out;
    const YAML::Node map = rule[key];
    if (!map || map.IsNull()) {
      return out;
    }
    if (!map.IsMap()) {
      return Error(map, fmt::format("\"{}\" of {} must be a map", key, where));
    }
    for (const auto& entry : map) {
      const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
      if (!IsLabelName(name)) {
        return Error(entry.first, fmt::format("\"{}\" in {} of {} is not a name: letters, digits "
                                              "and _ are allowed",
                                              name, key, where));
      }
      if (std::any_of(out.begin(), out.end(), [&](const auto& l) { return l.name == name; })) {
        return Error(entry.first,
                     fmt::format("\"{}\" is there twice in {} of {}", name, key, where));
      }
      if (!entry.second.IsScalar()) {
        return Error(entry.second,
                     fmt::format("\"{}\" in {} of {} must be a text", name, key, where));
      }
      auto value = tmpl::Template::Parse(entry.second.Scalar());
      if (!value.ok()) {
        return Error(entry.second, fmt::format("\"{}\" in {} of {}: {}", name, key, where,
                                               Message(value.status())));
      }
      if (value->uses_query()) {
        return Error(entry.second, fmt::format("\"{}\" in {} of {} uses query(), which is not supported "
                                               "in this version",
                                               name, key, where));
      }
      out.push_back({name, *std::move(value)});
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return out;
  }

  absl::Status CheckRuleLabels(const YAML::Node& node, const Rule& rule,
                               std::string_view where) const {
    for (const TemplatedLabel& label : rule.labels) {
      if (label.name == "alertname" || label.name.compare(0, 2, "__") == 0) {
        return Error(node["labels"],
                     fmt::format("the label \"{}\" of {} is reserved", label.name, where));
      }
      if (label.value.uses_value()) {
        return Error(
            node["labels"],
            fmt::format("the label \"{}\" of {} uses $value: labels say which alert it is, "
                        "so each new value would be a new alert; put it in an annotation",
                        label.name, where));
      }
    }
    return absl::OkStatus();
  }

  absl::Status TakeClear(const YAML::Node& node, std::string_view where, Rule* rule) const {
    const YAML::Node annotations = node["annotations"];
    if (!annotations || !annotations.IsMap() || !annotations[std::string(kClearAnnotation)]) {
      return absl::OkStatus();
    }
    const YAML::Node text = annotations[std::string(kClearAnnotation)];
    auto clear = promql::ParseThreshold(text.Scalar());
    if (!clear.ok()) {
      return Error(text,
                   fmt::format("{} of {}: {}", kClearAnnotation, where, Message(clear.status())));
    }
    const std::string wanted = promql::FormatSelector(rule->condition.matchers);
    if (promql::FormatSelector(clear->matchers) != wanted) {
      return Error(text, fmt::format("{} of {} must be about the selector of its expr, {}",
                                     kClearAnnotation, where, wanted));
    }
    rule->clear = *std::move(clear);
    return absl::OkStatus();
  }

  const std::string path_;
};

}  // namespace

absl::StatusOr<RuleFile> ParseRuleFile(std::string_view path, std::string_view content) {
  // Bounded and checked first: yaml-cpp 0.7 builds nodes without end from some texts that are
  // damaged by a byte or two.
  RONDA_RETURN_IF_ERROR(config::ParseYaml(content, path).status());
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(content));
    if (documents.size() > 1) {
      return Fail(absl::StatusCode::kInvalidArgument, "{}: more than one YAML document", path);
    }
    return Reader(path).File(documents.empty() ? YAML::Node() : documents[0]);
  } catch (const YAML::Exception& e) {
    return Fail(absl::StatusCode::kInvalidArgument, "{}:{}:{}: {}", path, e.mark.line + 1,
                e.mark.column + 1, e.msg);
  } catch (const std::exception& e) {
    return Fail(absl::StatusCode::kInvalidArgument, "{}: not valid YAML: {}", path, e.what());
  }
}

absl::StatusOr<RuleFile> LoadRuleFile(const std::string& path) {
  RONDA_ASSIGN_OR_RETURN(const std::string content, ReadFile(path, config::kMaxYamlBytes));
  return ParseRuleFile(path, content);
}

}  // namespace ronda::rules
