// The gRPC service that agents stream to.
#pragma once

#include <memory>

#include "collector/access/live_streams.h"
#include "collector/ingest/pipeline.h"
#include "collector/ingest/session.h"
#include "common/rpc/async_service.h"

namespace ronda::ingest {

// Takes every call that no registered service takes; those that are not of Ingest.Stream end with
// UNIMPLEMENTED. The references must outlive the service. Streams with a certificate are in
// `streams` while they live.
std::unique_ptr<rpc::AsyncService> NewIngestService(Pipeline& pipeline, store::Store& store,
                                                    const Clock& clock, SessionLimits limits,
                                                    access::LiveStreams& streams);

}  // namespace ronda::ingest
