#include "collector/store/pair_index.h"

#include <algorithm>

namespace ronda::store {
namespace {

void FindIn(std::span<const PairIndex::Pair> pairs, PairMatcher* matcher, int64_t start_ms,
            int64_t end_ms, PairIndex::Visit visit) {
  for (const PairIndex::Pair& pair : pairs) {
    if (pair->t_min_ms > end_ms || pair->t_max_ms < start_ms) {
      continue;
    }
    const SeriesList series = matcher->Match(pair->pair);
    if (series != nullptr) {
      visit(pair, series);
    }
  }
}

}  // namespace

PairMatcher::PairMatcher(const std::vector<Matcher>& matchers) {
  for (const Matcher& matcher : matchers) {
    const bool is_equal = matcher.type() == Matcher::Type::kEqual;
    if (IsTargetName(matcher.name())) {
      of_source_.push_back({&matcher});
      node_ = is_equal && matcher.name() == "node" ? &matcher.value() : node_;
    } else if (matcher.name() == kMetricName) {
      of_metric_.push_back(&matcher);
      metric_ = is_equal ? &matcher.value() : metric_;
    } else {
      of_series_.push_back({&matcher});
    }
  }
}

bool PairMatcher::Remembering::Matches(std::string_view next) {
  if (!is_set || next != value) {
    value = next;
    matches = matcher->Matches(next);
    is_set = true;
  }
  return matches;
}

SeriesList PairMatcher::Match(const SourceSchema& pair) {
  const Labels& target = pair.source->target;
  for (Remembering& of_source : of_source_) {
    if (!of_source.Matches(target.Get(of_source.matcher->name()))) {
      return nullptr;
    }
  }
  std::string fallback;
  for (Remembering& of_series : of_series_) {
    fallback.push_back(of_series.Matches(target.Get(of_series.matcher->name())) ? 'y' : 'n');
  }
  const auto [it, is_new] = found_.try_emplace({pair.schema->hash, std::move(fallback)});
  if (is_new) {
    std::vector<uint32_t> series = MatchSchema(*pair.schema, it->first.second);
    if (!series.empty()) {
      it->second = std::make_shared<const std::vector<uint32_t>>(std::move(series));
    }
  }
  return it->second;
}

std::vector<uint32_t> PairMatcher::MatchSchema(const SchemaEntry& schema,
                                               const std::string& fallback) const {
  std::vector<uint32_t> out;
  const auto consider = [&](uint32_t i) {
    const Labels& own = schema.schema->series[i].labels;
    for (const Matcher* const matcher : of_metric_) {
      if (!matcher->Matches(schema.schema->metric_of(i).name)) {
        return;
      }
    }
    for (size_t m = 0; m < of_series_.size(); ++m) {
      const std::string_view value = own.Get(of_series_[m].matcher->name());
      if (value.empty() ? fallback[m] == 'n' : !of_series_[m].matcher->Matches(value)) {
        return;
      }
    }
    out.push_back(i);
  };
  if (metric_ != nullptr) {
    const auto it = schema.by_metric.find(*metric_);
    if (it != schema.by_metric.end()) {
      std::for_each(it->second.begin(), it->second.end(), consider);
    }
    return out;
  }
  for (uint32_t i = 0; i < schema.schema->series.size(); ++i) {
    consider(i);
  }
  return out;
}

std::span<const PairIndex::Pair> PairIndex::OfNode(std::string_view node) const {
  const auto first = std::partition_point(pairs_->begin(), pairs_->end(), [&](const Pair& pair) {
    return pair->pair.source->row.node_name < node;
  });
  const auto last = std::find_if(first, pairs_->end(), [&](const Pair& pair) {
    return pair->pair.source->row.node_name != node;
  });
  return {first, last};
}

void PairIndex::Find(PairMatcher* matcher, int64_t start_ms, int64_t end_ms, Visit visit) const {
  FindIn(matcher->node() != nullptr ? OfNode(*matcher->node()) : std::span<const Pair>(*pairs_),
         matcher, start_ms, end_ms, visit);
}

void PairIndex::FindOfNode(std::string_view node, PairMatcher* matcher, int64_t start_ms,
                           int64_t end_ms, Visit visit) const {
  FindIn(OfNode(node), matcher, start_ms, end_ms, visit);
}

}  // namespace ronda::store
