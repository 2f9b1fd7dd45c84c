// The templates of labels and annotations: the part of Go's text/template that alert texts use.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/labels.h"

namespace ronda::rules {

// Text with actions in {{ }}:
//
//   {{ $value }}  {{ $labels.mountpoint }}  {{ $labels }}      also .Value, .Labels.x
//   {{ $value | humanize }}          1.235k       humanize1024: 1.206ki
//   {{ $value | humanizePercentage }} 0.5 -> 50%
//   {{ humanizeDuration $value }}    3700 -> 1h 1m 40s
//   {{ printf "%.2f" $value }}       also $value | printf "%.2f"; verbs f e g s q v %
//   {{- ... -}}                      trims the blanks outside
//
// A label that is absent expands to "". Immutable, cheap to copy, thread-safe.
class Template {
 public:
  Template() = default;

  // kInvalidArgument, naming the action, for what is not in the list above (an unknown function or
  // variable, if and range, an unclosed action).
  static absl::StatusOr<Template> Parse(std::string_view text);

  std::string Expand(const Labels& labels, double value) const;

  const std::string& text() const { return text_; }
  bool has_actions() const { return !actions_.empty(); }
  bool uses_value() const { return uses_value_; }

  struct Action;  // in template.cc

 private:
  std::string text_;
  std::vector<std::shared_ptr<const Action>> actions_;
  std::vector<std::string> between_;  // literal text before action i, and after the last
  bool uses_value_ = false;
};

}  // namespace ronda::rules
