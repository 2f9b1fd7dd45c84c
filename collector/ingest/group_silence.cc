// Tested by tests/unit/collector/ingest/group_silence_test.cc.
#include "collector/ingest/group_silence.h"

#include <map>
#include <utility>

namespace ronda::ingest {
namespace {

bool IsIn(const GroupSilence::Node& node, const GroupSilence::Group& group) {
  return !group.label.has_value() || node.labels->Get(group.label->name) == group.label->value;
}

bool IsMany(const GroupSilence::Group& group) {
  return group.silent >= GroupSilence::kLeast && group.ratio() > GroupSilence::kShare;
}

}  // namespace

void GroupSilence::Begin(const std::vector<Node>& nodes, int64_t silence_after_ms) {
  const int64_t falling_ms = silence_after_ms / 2;
  Group all{"all nodes", std::nullopt, 0, 0};
  std::map<std::pair<std::string, std::string>, Group> by_label;
  bool due = false;
  for (const Node& node : nodes) {
    const bool falling = !node.told && node.quiet_ms >= falling_ms;
    due = due || (falling && node.quiet_ms >= silence_after_ms);
    all.nodes += 1;
    all.silent += falling ? 1 : 0;
  }
  if (!due || all.silent < kLeast) {
    return;
  }
  if (IsMany(all)) {
    active_ = std::move(all);
    return;
  }
  for (const Node& node : nodes) {
    const bool falling = !node.told && node.quiet_ms >= falling_ms;
    for (const Label& label : node.labels->all()) {
      Group& group = by_label[{label.name, label.value}];
      group.label = label;
      group.nodes += 1;
      group.silent += falling ? 1 : 0;
    }
  }
  // The one that explains most of it; of those the smallest.
  for (auto& [key, group] : by_label) {
    if (IsMany(group) && (!active_.has_value() || group.silent > active_->silent ||
                          (group.silent == active_->silent && group.nodes < active_->nodes))) {
      group.name = key.first + "=" + key.second;
      active_ = group;
    }
  }
}

void GroupSilence::Update(const std::vector<Node>& nodes, int64_t silence_after_ms) {
  if (!active_.has_value()) {
    Begin(nodes, silence_after_ms);
  }
  if (!active_.has_value()) {
    return;
  }
  std::set<store::NodeId> members;
  active_->nodes = 0;
  for (const Node& node : nodes) {
    if (!IsIn(node, *active_)) {
      continue;
    }
    ++active_->nodes;
    const bool was = members_.contains(node.id);
    if ((was || !node.told) && node.quiet_ms >= silence_after_ms / 2) {
      members.insert(node.id);
    }
  }
  members_ = std::move(members);
  active_->silent = static_cast<int64_t>(members_.size());
  // Half of what made it a group; what is silent then is told node by node.
  if (active_->silent < kLeast || active_->ratio() <= kShare / 2) {
    active_.reset();
    members_.clear();
  }
}

}  // namespace ronda::ingest
