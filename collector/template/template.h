// The templates of labels, annotations and messages: Go's text/template with Prometheus' functions.
//
//   {{ $value | humanize }} of {{ $labels.node }}
//   {{ range query "up == 0" }}{{ .Labels.instance }} {{ end }}
//   {{ if gt $value 90.0 }}nearly full{{ else }}filling{{ end }}
//
// if, else if, range (with break and continue), with, define, block, template, variables, comments,
// trim markers, pipelines, and the functions of functions_go.cc and functions_prometheus.cc.
//
// Semantics: https://pkg.go.dev/text/template and
// https://prometheus.io/docs/prometheus/latest/configuration/template_reference/. Methods of Go's
// types (as .Format of a time) are not there.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "collector/template/functions.h"
#include "common/model/labels.h"

namespace ronda::tmpl {

struct Tree;

// What an alert's text is about: $labels, $externalLabels, $externalURL and $value, also as
// .Labels, .ExternalLabels, .ExternalURL and .Value.
struct AlertData {
  Labels labels;
  double value = 0;
  Labels external_labels;
};

// Immutable, cheap to copy, thread-safe.
class Template {
 public:
  Template() = default;  // no text

  // kInvalidArgument, "line N: ...", for what is not closed, an unknown function or variable.
  static absl::StatusOr<Template> Parse(std::string_view text);

  // kInvalidArgument and what query() gives, with "line N: "; kResourceExhausted for too much.
  absl::StatusOr<std::string> Expand(const AlertData& data, const Environment& environment) const;
  // The same; an error becomes the text "<error expanding template: ...>", as in Prometheus.
  std::string ExpandOrSay(const AlertData& data, const Environment& environment) const;

  const std::string& text() const { return text_; }
  bool has_actions() const;  // or comments
  // Whether it reads $value or .Value.
  bool uses_value() const;
  bool uses_query() const;

 private:
  std::string text_;
  std::shared_ptr<const Tree> tree_;
};

}  // namespace ronda::tmpl
