// Where in a rule file a place in one of its expressions is.
#pragma once

#include <optional>
#include <string_view>

#include "collector/promql/lexer.h"
#include "common/config/yaml.h"

namespace ronda::rules {

// A message "LINE:COLUMN: what", as promql writes them; without those the position is 0:0.
struct InExpression {
  promql::Position position{0, 0};
  std::string_view what;
};
InExpression SplitMessage(std::string_view message);

// `begin` is where the scalar begins in the file. Nothing if that cannot be said: in folded text
// (">") and in quoted text of several lines lines are joined.
std::optional<config::Position> PlaceOf(std::string_view content, config::Position begin,
                                        promql::Position in_expression);

}  // namespace ronda::rules
