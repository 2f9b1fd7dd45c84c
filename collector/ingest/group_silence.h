// Many nodes that fall silent together: one cause, and one alert instead of one for each.
//
//   calm --a node is due, and with it many others are quiet--> a group is silent
//        <--most of them are heard again----------------------
//
// The group is all nodes, or those that share a label of agent.yml (a rack, a site).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "collector/store/store.h"
#include "common/model/labels.h"

namespace ronda::ingest {

// Not thread-safe.
class GroupSilence {
 public:
  // More than this share of a group, and not fewer nodes than kLeast.
  static constexpr double kShare = 0.2;
  static constexpr int kLeast = 5;

  struct Node {
    store::NodeId id = 0;
    const Labels* labels = nullptr;  // borrowed for the call
    int64_t quiet_ms = 0;            // not heard for so long
    bool told = false;               // its silence was told by itself
  };

  struct Group {
    std::string name;  // "all nodes", "rack=7"
    std::optional<Label> label;
    int64_t silent = 0;
    int64_t nodes = 0;
    double ratio() const {
      return nodes == 0 ? 0 : static_cast<double>(silent) / static_cast<double>(nodes);
    }
  };

  // All nodes that are watched. A node is due once it was quiet for `silence_after_ms`; those that
  // were for half of that fall silent with it.
  void Update(const std::vector<Node>& nodes, int64_t silence_after_ms);

  // The group that is silent now.
  const std::optional<Group>& active() const { return active_; }
  // Its silence is that of its group.
  bool Holds(store::NodeId id) const { return members_.contains(id); }
  const std::set<store::NodeId>& members() const { return members_; }

 private:
  void Begin(const std::vector<Node>& nodes, int64_t silence_after_ms);

  std::optional<Group> active_;
  std::set<store::NodeId> members_;
};

}  // namespace ronda::ingest
