// Tested by tests/unit/collector/ingest/node_life_test.cc.
#include "collector/ingest/expected_nodes.h"

#include <algorithm>

#include "collector/store/node_life.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::ingest {

using store::LifeState;
using store::NodeLife;

absl::Status ExpectNodes(const std::vector<std::string>& names, Pipeline& pipeline,
                         const store::Store& store, const Clock& clock) {
  std::vector<NodeLife> no_longer;
  RONDA_RETURN_IF_ERROR(
      store.ScanState(store::kNodeLifeSpace, [&](std::string_view, std::string_view value) {
        auto life = store::DecodeNodeLife(value);
        if (life.ok() && life->state == LifeState::kExpected && life->by == kByConfig &&
            std::find(names.begin(), names.end(), life->node) == names.end()) {
          no_longer.push_back(*std::move(life));
        }
      }));
  for (const NodeLife& life : no_longer) {
    pipeline.Write({std::string(store::kNodeLifeSpace), life.node, std::nullopt});
    pipeline.Apply(life, NodeChange::kForget);
  }
  for (const std::string& name : names) {
    const absl::Status may = pipeline.CheckChange(name, NodeChange::kExpect);
    if (may.ok()) {
      const NodeLife life{name, LifeState::kExpected, clock.NowMs(), std::string(kByConfig)};
      pipeline.Write({std::string(store::kNodeLifeSpace), name, life.Encode()});
      pipeline.Apply(life, NodeChange::kExpect);
    } else if (may.code() != absl::StatusCode::kAlreadyExists) {
      obs::Warn("ingest", "a node of expected_nodes is not expected node={} reason=\"{}\"", name,
                Message(may));
    }
  }
  return absl::OkStatus();
}

}  // namespace ronda::ingest
