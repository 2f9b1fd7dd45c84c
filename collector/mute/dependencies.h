// What the alerts that fire depend on (ronda_depends_on), and what of it does not hold.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "collector/mute/inhibitor.h"
#include "collector/rules/alert.h"
#include "collector/rules/extensions.h"
#include "common/base/strings.h"

namespace ronda::mute {

// Dependencies are known by their text, which each alert carries in its annotations: so they
// outlive a restart, and a reload that changes the rule. Alerts of one rule share them. Not
// thread-safe.
class Dependencies {
 public:
  // Calls back with the key and the labels of each alert that fires.
  using Firing =
      absl::FunctionRef<void(absl::FunctionRef<void(const std::string&, const Labels&)>)>;

  // The alert may be asked about from now on. `firing` is used if its text is new.
  void Learn(const rules::Alert& alert, Firing firing);

  // An alert fires, or does no longer. True if another one depends on it.
  bool Add(const std::string& key, const Labels& labels);
  bool Remove(const std::string& key, const Labels& labels);

  // A node is heard, or not. True if it was otherwise until now, and something depends on nodes.
  bool SetNode(std::string_view node, bool is_up);

  // What the alert depends on and does not hold.
  struct Missing {
    bool node = false;  // its node is not heard
    std::string alert;  // else the key of an alert that fires; "" if all holds
  };
  Missing MissingOf(const rules::Alert& alert) const;

 private:
  struct Known {
    std::vector<rules::Dependency> all;
    std::unique_ptr<Inhibitor> firing;  // of those that name alerts, a rule each in their order
  };

  const Known* Find(const rules::Alert& alert) const;

  StringMap<Known> known_;  // by text
  std::set<std::string, std::less<>> down_;
  bool on_nodes_ = false;  // some dependency is "node up"
};

}  // namespace ronda::mute
