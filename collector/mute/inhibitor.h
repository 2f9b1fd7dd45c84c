// Inhibition, as Alertmanager has it: while an alert of one kind fires, nobody is told of alerts of
// another kind that have certain labels in common with it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/strings.h"
#include "common/model/labels.h"
#include "common/model/matcher.h"

namespace ronda::mute {

struct InhibitRule {
  std::vector<Matcher> source;     // the alert that explains
  std::vector<Matcher> target;     // those that are explained by it
  std::vector<std::string> equal;  // labels that both have in common; absent ones are equal too
};

// Knows the alerts that fire and match a source. Looking one up costs a hash a rule. Not
// thread-safe.
class Inhibitor {
 public:
  explicit Inhibitor(std::vector<InhibitRule> rules);

  // An alert fires, or does no longer. True if it is a source of a rule: others may be affected.
  bool Add(const std::string& key, const Labels& labels);
  bool Remove(const std::string& key, const Labels& labels);

  // The keys of the alerts that inhibit this one, sorted, at most one a rule. As in Alertmanager an
  // alert that matches both sides of a rule is not inhibited by others that do.
  std::vector<std::string> SourcesOf(const Labels& labels) const;

 private:
  struct Indexed {
    InhibitRule rule;
    // By the values of `equal`, then by key: whether the source matches the target's side too.
    StringMap<std::map<std::string, bool>> sources;
  };

  static std::string EqualKey(const InhibitRule& rule, const Labels& labels);

  std::vector<Indexed> rules_;
};

}  // namespace ronda::mute
