// The gRPC service that answers the CLI (proto/ronda/v1/query.proto).
#pragma once

#include <memory>

#include "collector/query/api.h"
#include "collector/query/gate.h"

namespace grpc {
class Service;
}

namespace ronda::query {

// A synchronous service: calls run in the server's threads, at most Gate's number at once. Register
// it at the server beside others; both `api` and the service must outlive the server. A client that
// went away ends its query. Who destroys the pointer includes grpcpp/impl/service_type.h.
std::unique_ptr<grpc::Service> NewQueryService(Api& api, const Gate::Options& gate = {});

}  // namespace ronda::query
