// Label sets: what names a series.
#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ronda {

inline constexpr std::string_view kMetricName = "__name__";

struct Label {
  std::string name;
  std::string value;
  auto operator<=>(const Label&) const = default;
};

// A set of labels, sorted by name, without empty values and without doubles. The metric's name is
// the label __name__. A value type.
class Labels {
 public:
  Labels() = default;
  // Sorts; of two with one name the last wins; empty values are dropped.
  explicit Labels(std::vector<Label> labels);
  // Labels::Of("up", {{"job", "node"}}).
  static Labels Of(std::string_view metric, std::vector<Label> labels = {});

  // The value, or "" if there is no such label (the two mean the same).
  std::string_view Get(std::string_view name) const;
  // Sets, or with an empty value removes.
  void Set(std::string_view name, std::string_view value);

  const std::vector<Label>& all() const { return labels_; }
  bool empty() const { return labels_.empty(); }
  size_t size() const { return labels_.size(); }

  // name{a="b",c="d"} with values escaped as in the Prometheus text format; "{}" if empty. Names
  // that are not plain are quoted, that of the metric within the braces: {"a.b","c.d"="e"}.
  std::string ToString() const;

  auto operator<=>(const Labels&) const = default;

  template <typename H>
  friend H AbslHashValue(H h, const Labels& l) {
    for (const Label& label : l.labels_) {
      h = H::combine(std::move(h), label.name, label.value);
    }
    return h;
  }

 private:
  std::vector<Label> labels_;
};

// `value` with \, " and newline escaped, in double quotes.
std::string QuoteLabelValue(std::string_view value);

// What names may be since Prometheus 3: any UTF-8 that is not empty. Such a name stands in quotes
// where a plain one would not: {"http.status",code="200"}.
bool IsName(std::string_view name);

// Plain names, as they always were: [a-zA-Z_][a-zA-Z0-9_]*; metric names may also hold ':'.
bool IsLabelName(std::string_view name);
bool IsMetricName(std::string_view name);

}  // namespace ronda
