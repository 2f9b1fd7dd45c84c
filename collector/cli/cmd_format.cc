#include <fmt/format.h>

#include <iostream>
#include <iterator>
#include <string>

#include "collector/cli/commands.h"
#include "collector/cli/expression.h"
#include "common/base/status.h"

namespace ronda::cli {

absl::StatusOr<int> RunFormat(Console& console, const FormatArgs& args) {
  std::string text = args.expr;
  if (text == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  }
  RONDA_ASSIGN_OR_RETURN(const promql::ExprPtr expr, ParseExpression(text));
  console.Out(promql::FormatPretty(*expr) + "\n");
  return kExitOk;
}

}  // namespace ronda::cli
