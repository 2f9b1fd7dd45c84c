#include "collector/template/template.h"

#include <utility>

#include <fmt/format.h>

#include "collector/template/exec.h"
#include "collector/template/parser.h"
#include "collector/template/tree.h"
#include "common/base/status.h"

namespace ronda::tmpl {
namespace {

constexpr std::string_view kVariables[] = {"$labels", "$externalLabels", "$externalURL", "$value"};

}  // namespace

absl::StatusOr<Template> Template::Parse(std::string_view text) {
  Template out;
  RONDA_ASSIGN_OR_RETURN(out.tree_, ParseTree(text, kVariables));
  out.text_ = text;
  return out;
}

absl::StatusOr<std::string> Template::Expand(const AlertData& data,
                                             const Environment& environment) const {
  if (!has_actions()) {
    return text_;
  }
  const Value labels(data.labels);
  const Value external(data.external_labels);
  const Value url(environment.external_url);
  const Value value(data.value);
  const Value dot(Dict{
      {{"Labels", labels}, {"ExternalLabels", external}, {"ExternalURL", url}, {"Value", value}},
      /*open=*/false});
  const Variable variables[] = {
      {"$labels", labels}, {"$externalLabels", external}, {"$externalURL", url}, {"$value", value}};
  return Execute(*tree_, dot, variables, environment);
}

std::string Template::ExpandOrSay(const AlertData& data, const Environment& environment) const {
  auto text = Expand(data, environment);
  return text.ok() ? *std::move(text)
                   : fmt::format("<error expanding template: {}>", Message(text.status()));
}

bool Template::has_actions() const { return text_.find("{{") != std::string::npos; }
bool Template::uses_query() const { return tree_ != nullptr && tree_->uses_query; }
bool Template::uses_value() const { return tree_ != nullptr && tree_->uses_value; }

}  // namespace ronda::tmpl
