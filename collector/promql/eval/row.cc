#include "collector/promql/eval/row.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"

namespace ronda::promql {
namespace {

// By labels, and by whether the name is still to go: it makes others of them.
struct RowHash {
  size_t operator()(const OwnedRow* row) const {
    return absl::Hash<Labels>()(row->labels) + (row->drop_name ? 1 : 0);
  }
};
struct RowEqual {
  bool operator()(const OwnedRow* a, const OwnedRow* b) const {
    return a->drop_name == b->drop_name && a->labels == b->labels;
  }
};

// False if both have a value at one step.
bool MergeInto(OwnedRow* to, const OwnedRow& from) {
  for (size_t i = 0; i < to->values.size(); ++i) {
    if (IsAbsent(from.values[i])) {
      continue;
    }
    if (!IsAbsent(to->values[i])) {
      return false;
    }
    to->values[i] = from.values[i];
  }
  return true;
}

}  // namespace

Labels WithoutMetadata(const Labels& labels) {
  std::vector<Label> kept;
  kept.reserve(labels.size());
  for (const Label& label : labels.all()) {
    if (!IsMetadata(label.name)) {
      kept.push_back(label);
    }
  }
  return Labels(std::move(kept));
}

Labels LabelsOf(const Row& row) { return row.nameless ? WithoutMetadata(row.labels) : row.labels; }

int64_t BytesOf(const Labels& labels) {
  int64_t bytes = 64;
  for (const Label& label : labels.all()) {
    bytes += static_cast<int64_t>(sizeof(Label) + label.name.size() + label.value.size());
  }
  return bytes;
}

bool AllAbsent(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), IsAbsent);
}

absl::Status MergeSameLabels(std::vector<OwnedRow>* rows) {
  if (rows->size() < 2) {
    return absl::OkStatus();
  }
  absl::flat_hash_map<const OwnedRow*, size_t, RowHash, RowEqual> first;
  first.reserve(rows->size());
  bool merged = false;
  for (size_t i = 0; i < rows->size(); ++i) {
    const auto [it, is_new] = first.emplace(&(*rows)[i], i);
    if (is_new) {
      continue;
    }
    if (!MergeInto(&(*rows)[it->second], (*rows)[i])) {
      return absl::FailedPreconditionError("vector cannot contain metrics with the same labelset");
    }
    (*rows)[i].values.clear();
    merged = true;
  }
  if (merged) {
    std::erase_if(*rows, [](const OwnedRow& row) { return row.values.empty(); });
  }
  return absl::OkStatus();
}

void SortByLabels(std::vector<OwnedRow>* rows) {
  std::stable_sort(rows->begin(), rows->end(),
                   [](const OwnedRow& a, const OwnedRow& b) { return a.labels < b.labels; });
}

}  // namespace ronda::promql
