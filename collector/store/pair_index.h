// The label index: which series match, from what is in memory.
//
// Series are not listed one by one: they are pairs of a source and a schema. A fleet of ten
// thousand nodes has ten thousand sources, but few schemas, and what matches in a schema is found
// once.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "collector/store/source_schema.h"
#include "common/model/matcher.h"

namespace ronda::store {

// A pair of a catalogue, with the time of its samples: none is outside, but there may be none at
// the ends.
struct IndexedPair {
  IndexedPair(SourceSchema of, int64_t first_ms, int64_t last_ms)
      : pair(std::move(of)), t_min_ms(first_ms), t_max_ms(last_ms) {}

  const SourceSchema pair;
  const int64_t t_min_ms;
  std::atomic<int64_t> t_max_ms;  // grows in the store's catalogue
};

// Indices of series in their schema, ascending.
using SeriesList = std::shared_ptr<const std::vector<uint32_t>>;

// One set of matchers over many pairs. Not thread-safe.
class PairMatcher {
 public:
  // `matchers` must outlive it. None: every series matches.
  explicit PairMatcher(const std::vector<Matcher>& matchers);

  // The only node whose series can match; null: any.
  const std::string* node() const { return node_; }
  // Null: none matches.
  SeriesList Match(const SourceSchema& pair);

 private:
  // Neighbours mostly have the same value: its answer is remembered.
  struct Remembering {
    const Matcher* matcher = nullptr;
    std::string value{};
    bool matches = false;
    bool is_set = false;

    bool Matches(std::string_view next);
  };

  std::vector<uint32_t> MatchSchema(const SchemaEntry& schema, const std::string& fallback) const;

  const std::string* node_ = nullptr;
  const std::string* metric_ = nullptr;
  std::vector<Remembering> of_source_;  // of target labels
  std::vector<const Matcher*> of_metric_;
  std::vector<Remembering> of_series_;  // the others
  // By schema, and by which of of_series_ a series matches that has not such a label of its own.
  absl::flat_hash_map<std::pair<SchemaHash, std::string>, SeriesList> found_;
};

// The pairs of a catalogue at one moment. Immutable, cheap to copy.
class PairIndex {
 public:
  using Pair = std::shared_ptr<const IndexedPair>;

  PairIndex() : PairIndex(std::vector<Pair>()) {}
  // `pairs` must be ascending by the nodes' names.
  explicit PairIndex(std::vector<Pair> pairs)
      : pairs_(std::make_shared<const std::vector<Pair>>(std::move(pairs))) {}

  auto begin() const { return pairs_->begin(); }
  auto end() const { return pairs_->end(); }
  std::span<const Pair> OfNode(std::string_view node) const;

  // Calls `visit` for each pair with series that match and may have samples in the time.
  using Visit = absl::FunctionRef<void(const Pair& pair, const SeriesList& series)>;
  void Find(PairMatcher* matcher, int64_t start_ms, int64_t end_ms, Visit visit) const;
  // The same for the pairs of one node.
  void FindOfNode(std::string_view node, PairMatcher* matcher, int64_t start_ms, int64_t end_ms,
                  Visit visit) const;

 private:
  std::shared_ptr<const std::vector<Pair>> pairs_;
};

}  // namespace ronda::store
