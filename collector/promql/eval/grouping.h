// by (...) and without (...): which series belong together.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "collector/promql/ast.h"
#include "collector/promql/eval/row.h"
#include "common/base/strings.h"
#include "common/model/labels.h"

namespace ronda::promql {

class Grouping {
 public:
  // `extra` is a label that belongs to the group whatever `aggregate` says ("": none).
  explicit Grouping(const AggregateExpr& aggregate, std::string_view extra = "");

  // The group of a series, numbered as they appear. `nameless`: its labels are to be taken without
  // metadata.
  size_t IndexOf(const Labels& labels, bool nameless);

  size_t size() const { return labels_.size(); }
  const Labels& LabelsOf(size_t index) const { return labels_[index]; }

 private:
  bool Belongs(std::string_view label, bool nameless) const;

  const bool without_;
  std::vector<std::string> names_;  // sorted
  std::string key_;                 // scratch
  StringMap<size_t> index_;
  std::vector<Labels> labels_;
};

}  // namespace ronda::promql
