// What Ronda understands in a rule beyond Prometheus: annotations whose names begin with ronda_.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/matcher.h"

namespace ronda::rules {

inline constexpr std::string_view kExtensionPrefix = "ronda_";
inline constexpr std::string_view kClearAnnotation = "ronda_clear";
inline constexpr std::string_view kDependsOnAnnotation = "ronda_depends_on";

// Something without which an alert is no news: while it does not hold, people are not told that the
// alert fires.
struct Dependency {
  std::string text;      // as it was written, for people
  bool node_up = false;  // the node that the alert's label `node` names is heard
  // Else: no alert fires that matches these (the alert's name is the label alertname) and has the
  // same values of the labels in `equal` as the alert itself.
  std::vector<Matcher> not_firing = {};
  std::vector<std::string> equal = {};
};

// The text of ronda_depends_on: one or more of these, with commas between them.
//
//   node up
//   not SwitchDown on (rack)
//   not DatabaseDown{severity="critical"}      on (node) is what is meant
//   not {alertname=~"Backup.*"} on ()          whatever their labels are
//
// kInvalidArgument: which of them is wrong, and what was expected.
absl::StatusOr<std::vector<Dependency>> ParseDependsOn(std::string_view text);

// What is wrong with another annotation of that prefix, as it stands in the file, to come after its
// name: none has this name, ronda_runbook is no link, ronda_owner is no line of text,
// ronda_escalation is no name. "" if nothing is.
std::string CheckExtension(std::string_view name, std::string_view value);

}  // namespace ronda::rules
