// The annotations of a rule that Ronda understands.
// Tested by tests/unit/collector/rules/extensions_test.cc and rule_file_test.cc.
#include <fmt/format.h>

#include <utility>

#include "collector/promql/parser.h"
#include "collector/rules/extensions.h"
#include "collector/rules/rule_reader.h"
#include "common/base/status.h"

namespace ronda::rules {
namespace {

using config::Member;
using config::Value;

bool IsComparison(const promql::Expr& expr) {
  if (expr.kind != promql::NodeKind::kBinary || expr.type != promql::ValueType::kVector) {
    return false;
  }
  const auto& binary = static_cast<const promql::BinaryExpr&>(expr);
  return promql::IsComparison(binary.op) && !binary.return_bool;
}

}  // namespace

void RuleReader::Extensions(const Value& value, std::string_view where, Rule* rule) {
  const Value* annotations = value.Find("annotations");
  if (annotations == nullptr || annotations->kind != Value::Kind::kMap) {
    return;
  }
  for (const Member& member : annotations->members) {
    if (!member.key.starts_with(kExtensionPrefix) || member.value.kind != Value::Kind::kScalar) {
      continue;
    }
    if (member.key == kClearAnnotation) {
      Clear(member.value, where, rule);
    } else if (member.key == kDependsOnAnnotation) {
      DependsOn(member.value, where, rule);
    } else if (const std::string wrong = CheckExtension(member.key, member.value.text);
               !wrong.empty()) {
      Error(member.position, fmt::format("\"{}\" of {} {}", member.key, where, wrong));
    }
  }
}

void RuleReader::DependsOn(const Value& text, std::string_view where, Rule* rule) {
  auto dependencies = ParseDependsOn(text.text);
  if (!dependencies.ok()) {
    Error(text.position,
          fmt::format("{} of {}: {}", kDependsOnAnnotation, where, Message(dependencies.status())));
    return;
  }
  rule->depends_on = *std::move(dependencies);
}

void RuleReader::Clear(const Value& text, std::string_view where, Rule* rule) {
  if (rule->expression == nullptr) {
    return;
  }
  const std::string of = fmt::format("{} of {}", kClearAnnotation, where);
  auto tree = promql::Parse(text.text);
  if (!tree.ok()) {
    ExpressionError(text, of, Message(tree.status()));
    return;
  }
  if (!IsComparison(promql::WithoutParens(**tree))) {
    Error(text.position, fmt::format("{} must compare a vector with something, as in "
                                     "`node_load1 < 3`",
                                     of));
    return;
  }
  rule->clear_expression = std::shared_ptr<const promql::Expr>(*std::move(tree));
  auto clear = promql::ParseThreshold(text.text);
  if (clear.ok() && rule->condition &&
      promql::FormatSelector(clear->matchers) ==
          promql::FormatSelector(rule->condition->matchers)) {
    rule->clear = *std::move(clear);
  }
}

}  // namespace ronda::rules
