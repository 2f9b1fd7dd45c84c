// The label names, and the values of one label, of many series, without making their label sets.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "collector/store/pair_index.h"
#include "collector/store/source_schema.h"

namespace ronda::store {

// Not thread-safe. Pairs that share a list of series share their schema: it is looked at once.
class LabelNameSet {
 public:
  void Add(const SourceSchema& pair, const SeriesList& series);
  std::vector<std::string> Take() const;  // sorted

 private:
  absl::flat_hash_set<SeriesList> seen_;
  absl::flat_hash_set<std::string> names_;
};

// As above.
class LabelValueSet {
 public:
  explicit LabelValueSet(std::string_view name) : name_(name) {}
  void Add(const SourceSchema& pair, const SeriesList& series);
  std::vector<std::string> Take() const;

 private:
  // Adds the values that the schema gives; true if it gives some series none.
  bool AddOfSchema(const SchemaEntry& schema, const SeriesList& series);

  const std::string name_;
  absl::flat_hash_set<SeriesList> seen_;
  absl::flat_hash_set<SeriesList> with_gaps_;  // some series have the source's value
  absl::flat_hash_set<std::string> values_;
};

}  // namespace ronda::store
