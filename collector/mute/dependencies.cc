// Tested by tests/unit/collector/mute/dependencies_test.cc.
#include "collector/mute/dependencies.h"

#include <algorithm>
#include <utility>

namespace ronda::mute {
namespace {

std::string_view TextOf(const rules::Alert& alert) {
  const auto found = std::find_if(
      alert.annotations.begin(), alert.annotations.end(),
      [](const Label& annotation) { return annotation.name == rules::kDependsOnAnnotation; });
  return found == alert.annotations.end() ? std::string_view() : std::string_view(found->value);
}

}  // namespace

void Dependencies::Learn(const rules::Alert& alert, Firing firing) {
  const std::string_view text = TextOf(alert);
  if (text.empty() || known_.contains(text)) {
    return;
  }
  Known& known = known_[std::string(text)];
  // Not understood: of a rule file that a newer version read. It depends on nothing then.
  known.all = rules::ParseDependsOn(text).value_or(std::vector<rules::Dependency>());
  std::vector<InhibitRule> rules;
  for (const rules::Dependency& dependency : known.all) {
    if (dependency.node_up) {
      on_nodes_ = true;
    } else {
      rules.push_back({dependency.not_firing, {}, dependency.equal});
    }
  }
  known.firing = std::make_unique<Inhibitor>(std::move(rules));
  firing(
      [&known](const std::string& key, const Labels& labels) { known.firing->Add(key, labels); });
}

bool Dependencies::Add(const std::string& key, const Labels& labels) {
  bool matters = false;
  for (auto& [text, known] : known_) {
    matters = known.firing->Add(key, labels) || matters;
  }
  return matters;
}

bool Dependencies::Remove(const std::string& key, const Labels& labels) {
  bool matters = false;
  for (auto& [text, known] : known_) {
    matters = known.firing->Remove(key, labels) || matters;
  }
  return matters;
}

bool Dependencies::SetNode(std::string_view node, bool is_up) {
  const auto found = down_.find(node);
  if (is_up == (found == down_.end())) {
    return false;
  }
  if (is_up) {
    down_.erase(found);
  } else {
    down_.emplace(node);
  }
  return on_nodes_;
}

const Dependencies::Known* Dependencies::Find(const rules::Alert& alert) const {
  const std::string_view text = TextOf(alert);
  const auto found = text.empty() ? known_.end() : known_.find(text);
  return found == known_.end() ? nullptr : &found->second;
}

Dependencies::Missing Dependencies::MissingOf(const rules::Alert& alert) const {
  const Known* known = Find(alert);
  if (known == nullptr) {
    return {};
  }
  const bool on_node =
      std::any_of(known->all.begin(), known->all.end(),
                  [](const rules::Dependency& dependency) { return dependency.node_up; });
  if (on_node && down_.contains(alert.labels.Get("node"))) {
    return {.node = true, .alert = ""};
  }
  std::vector<std::string> sources = known->firing->SourcesOf(alert.labels);
  return {.node = false, .alert = sources.empty() ? "" : std::move(sources.front())};
}

}  // namespace ronda::mute
