// How series that rules record are stored.
#pragma once

#include <string_view>

namespace ronda {

// The names of groups that hold what rules record begin with this. Their series have the labels that
// the rules gave them and no other: not those of the node.
inline constexpr std::string_view kRuleGroups = "rules/";

// The node under which that is kept whose labels name no node; its series have no label `node`. No
// agent can have this name.
inline constexpr std::string_view kNoNode = "/rules";

// The agent's version of a node that is known from what rules recorded alone: it is no node that
// anybody has.
inline constexpr std::string_view kOfRulesAlone = "(rules)";

}  // namespace ronda
