// The gRPC service Enrolment.
#pragma once

#include <memory>

#include "collector/trust/attempts.h"
#include "collector/trust/authority.h"
#include "collector/trust/ledger.h"
#include "common/base/clock.h"

namespace grpc {
class Service;
}

namespace ronda::trust {

// To be registered with a server whose credentials are of collector/access. All must outlive it.
std::unique_ptr<grpc::Service> NewEnrolmentService(Authority& authority, Ledger& ledger,
                                                   const Clock& clock,
                                                   const Attempts::Options& attempts = {});

}  // namespace ronda::trust
