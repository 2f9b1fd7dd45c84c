// The gRPC service that agents stream to.
#pragma once

#include <memory>

#include "collector/ingest/pipeline.h"
#include "collector/ingest/session.h"

namespace grpc {
class Service;
}

namespace ronda::ingest {

// To be registered with a grpc::ServerBuilder. The references must outlive the service.
std::unique_ptr<grpc::Service> NewIngestService(Pipeline& pipeline, store::Store& store,
                                                const Clock& clock, SessionLimits limits);

}  // namespace ronda::ingest
