// Alert rules evaluated the slow way: every rule on every series in every tick, without plans,
// watches or changed columns. The engine must say the same.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ronda::rules {

class NaiveModel {
 public:
  struct Rule {
    std::string name;
    std::string metric;
    std::string op;  // ">", "<", "==", "!="
    double number = 0;
    int64_t for_ms = 0;
    int64_t keep_ms = 0;
    double clear_below = -1;  // ronda_clear: metric < clear_below; -1: none
  };
  struct Reading {
    std::string metric;
    std::string label;  // of the one label x, "" if it has none
    double value = 0;
    bool stale = false;
  };

  explicit NaiveModel(std::vector<Rule> rules) : rules_(std::move(rules)) {}

  // Both return lines "SOURCE RULE LABEL FROM->TO notify", sorted.
  std::vector<std::string> Tick(const std::string& node, const std::string& source, int64_t t_ms,
                                const std::vector<Reading>& readings);
  std::vector<std::string> Silent(const std::string& node, int64_t t_ms);

  // "SOURCE RULE LABEL STATE", sorted.
  std::vector<std::string> Active() const;

 private:
  struct Key {
    std::string node, source, rule, label;
    auto operator<=>(const Key&) const = default;
  };
  struct State {
    std::string now = "inactive";
    std::string before;
    int64_t active_at = 0;
    int64_t unknown_at = 0;
    int64_t false_since = -1;
  };

  void SeeValue(const Rule& rule, const Key& key, double value, int64_t t_ms);
  void SeeNothing(const Key& key, bool up, int64_t t_ms);
  void Go(const Key& key, const std::string& to, bool notify);

  const std::vector<Rule> rules_;
  std::map<Key, State> states_;
  std::vector<std::string> lines_;
};

}  // namespace ronda::rules
