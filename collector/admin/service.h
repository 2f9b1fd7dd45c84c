// The gRPC service Admin: what people change. Who may call what is in collector/access/table.cc.
#pragma once

#include <memory>

#include "collector/access/live_streams.h"
#include "collector/admin/silencing.h"
#include "collector/ingest/pipeline.h"
#include "collector/store/store.h"
#include "collector/trust/audit.h"
#include "collector/trust/authority.h"
#include "collector/trust/ledger.h"
#include "common/base/clock.h"

namespace grpc {
class Service;
}

namespace ronda::admin {

// What it works on; all must outlive the service. `authority` is null where the collector speaks
// plain text alone: then it has no tokens and no certificates to give.
struct Parts {
  trust::Authority* authority = nullptr;
  trust::Ledger& ledger;
  trust::Audit& audit;
  ingest::Pipeline& pipeline;
  Silencing& silencing;
  access::LiveStreams& streams;
  store::Store& store;
  const Clock& clock;
};

std::unique_ptr<grpc::Service> NewAdminService(const Parts& parts);

}  // namespace ronda::admin
