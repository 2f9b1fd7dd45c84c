// Tested by tests/unit/collector/mute/inhibitor_test.cc.
#include "collector/mute/inhibitor.h"

#include <algorithm>
#include <utility>

#include "common/codec/varint.h"

namespace ronda::mute {

Inhibitor::Inhibitor(std::vector<InhibitRule> rules) {
  for (InhibitRule& rule : rules) {
    rules_.push_back({std::move(rule), {}});
  }
}

std::string Inhibitor::EqualKey(const InhibitRule& rule, const Labels& labels) {
  std::string key;
  for (const std::string& name : rule.equal) {
    codec::PutBytes(&key, labels.Get(name));
  }
  return key;
}

bool Inhibitor::Add(const std::string& key, const Labels& labels) {
  bool is_source = false;
  for (Indexed& indexed : rules_) {
    if (MatchesAll(labels, indexed.rule.source)) {
      indexed.sources[EqualKey(indexed.rule, labels)][key] =
          MatchesAll(labels, indexed.rule.target);
      is_source = true;
    }
  }
  return is_source;
}

bool Inhibitor::Remove(const std::string& key, const Labels& labels) {
  bool was_source = false;
  for (Indexed& indexed : rules_) {
    const auto found = indexed.sources.find(EqualKey(indexed.rule, labels));
    if (found == indexed.sources.end() || found->second.erase(key) == 0) {
      continue;
    }
    was_source = true;
    if (found->second.empty()) {
      indexed.sources.erase(found);
    }
  }
  return was_source;
}

std::vector<std::string> Inhibitor::SourcesOf(const Labels& labels) const {
  std::vector<std::string> keys;
  for (const Indexed& indexed : rules_) {
    if (indexed.sources.empty() || !MatchesAll(labels, indexed.rule.target)) {
      continue;
    }
    const auto found = indexed.sources.find(EqualKey(indexed.rule, labels));
    if (found == indexed.sources.end()) {
      continue;
    }
    const bool is_source = MatchesAll(labels, indexed.rule.source);
    const auto first =
        std::find_if(found->second.begin(), found->second.end(),
                     [&](const auto& source) { return !(is_source && source.second); });
    if (first != found->second.end()) {
      keys.push_back(first->first);
    }
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

}  // namespace ronda::mute
