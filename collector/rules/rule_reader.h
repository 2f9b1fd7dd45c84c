// Reads a rule file's YAML to rules and collects all that is wrong with it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collector/rules/rule_file.h"
#include "common/config/yaml.h"

namespace ronda::rules {

// For one Read(). The texts must outlive it.
class RuleReader {
 public:
  RuleReader(std::string_view path, std::string_view content) : path_(path), content_(content) {}

  RuleFileReport Read();

 private:
  // A place in the file.
  using Position = config::Position;

  void Error(Position at, std::string text) { Note(false, at, std::move(text)); }
  void Warn(Position at, std::string text) { Note(true, at, std::move(text)); }
  void Note(bool warning, Position at, std::string text);
  // An error with "LINE:COLUMN: " of an expression in front, at its place in the file.
  void ExpressionError(const config::Value& at, std::string_view where, std::string_view message);

  // `map` is one, with keys out of `known` only.
  bool CheckKeys(const config::Value& map, std::string_view where,
                 std::span<const std::string_view> known);
  // "" with an error if there is no such text.
  std::string Text(const config::Value& map, std::string_view key, std::string_view where);
  int64_t Duration(const config::Value& map, std::string_view key);
  int Limit(const config::Value& group);

  void Group(const config::Value& value, RuleFile* file);
  void OneRule(const config::Value& value, RuleGroup* group);
  void Alerting(const config::Value& value, std::string_view where, Rule* rule);
  void Recording(const config::Value& value, std::string_view where, const RuleGroup& group,
                 Rule* rule);
  void Expression(const config::Value& value, std::string_view where, Rule* rule);
  void Extensions(const config::Value& value, std::string_view where, Rule* rule);
  void Clear(const config::Value& text, std::string_view where, Rule* rule);
  void DependsOn(const config::Value& text, std::string_view where, Rule* rule);
  void WarnOf(const config::Value& value, std::string_view where, const Rule& rule);
  // Name and value of each; `templates` says whether {{ }} means something in them.
  std::vector<TemplatedLabel> Texts(const config::Value& map, std::string_view key,
                                    std::string_view where, bool templates);
  void CheckLabels(const config::Value& map, std::string_view where,
                   std::vector<TemplatedLabel>* labels);

  const std::string_view path_;
  const std::string_view content_;
  RuleFileReport report_;
};

}  // namespace ronda::rules
