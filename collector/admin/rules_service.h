// The gRPC service Rules. Who may call what is in collector/access/table.cc.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "collector/rules/engine.h"
#include "collector/rules/interval/evaluator.h"
#include "collector/trust/audit.h"

namespace grpc {
class Service;
}

namespace ronda::admin {

// What it works on; all must outlive the service. `reload` is all or nothing, and may be called by
// several threads.
struct RulesParts {
  const rules::Engine& engine;
  const rules::Evaluator& evaluator;
  trust::Audit& audit;
  std::function<absl::Status()> reload;
};

std::unique_ptr<grpc::Service> NewRulesService(RulesParts parts);

}  // namespace ronda::admin
