#include "collector/ingest/service.h"

#include <grpcpp/generic/async_generic_service.h>

#include <utility>

#include "collector/ingest/call_loop.h"

namespace ronda::ingest {
namespace {

class IngestService : public rpc::AsyncService {
 public:
  IngestService(Pipeline& pipeline, store::Store& store, const Clock& clock, SessionLimits limits,
                access::LiveStreams& streams)
      : loop_([&pipeline, &store, &clock, limits, &streams](
                  const grpc::GenericServerContext& context, Session::Outlet outlet) {
          const access::Peer who = access::PeerOf(context);
          std::shared_ptr<const void> listed = streams.Add(who, outlet.close);
          return std::make_shared<Session>(pipeline, store, clock, limits, context.peer(),
                                           std::move(outlet), who, std::move(listed));
        }) {}

  void Register(grpc::ServerBuilder* builder) override { loop_.Register(builder); }
  void Start() override { loop_.Start(); }
  void EndCalls() override { loop_.EndCalls(); }
  void Stop() override { loop_.Stop(); }

 private:
  CallLoop loop_;
};

}  // namespace

std::unique_ptr<rpc::AsyncService> NewIngestService(Pipeline& pipeline, store::Store& store,
                                                    const Clock& clock, SessionLimits limits,
                                                    access::LiveStreams& streams) {
  return std::make_unique<IngestService>(pipeline, store, clock, limits, streams);
}

}  // namespace ronda::ingest
