#include "collector/http/service.h"

#include <utility>

#include "common/base/status.h"

namespace ronda::http {
namespace {

constexpr size_t kQuickWaiting = 64;
// They wait for the next commit, and cost little meanwhile.
constexpr size_t kWriters = 16;
constexpr size_t kWritesWaiting = 64;

}  // namespace

Service::Service(const Options& options, const Sources& sources)
    : sources_(sources),
      tokens_(options.token_file, *sources.clock),
      router_(tokens_, options.anonymous_reads),
      quick_({"http-quick", 1, kQuickWaiting}),
      query_({"http-query", options.max_queries, options.max_waiting_queries}),
      write_({"http-write", kWriters, kWritesWaiting}) {}

absl::StatusOr<std::unique_ptr<Service>> Service::Start(const Options& options,
                                                        const Sources& sources) {
  std::unique_ptr<Service> service(new Service(options, sources));
  const Lanes lanes{&service->quick_, &service->query_, &service->write_};
  Router* const router = &service->router_;
  AddHealth(sources, lanes, router);
  AddStatus(sources, lanes, router);
  AddMetadata(sources, lanes, router);
  AddRules(sources, lanes, router);
  AddAlertmanager(sources, lanes, router);
  AddQuery(sources, lanes, router);
  AddFederate(sources, lanes, router);
  AddGraph(sources, lanes, router);
  AddWrite(sources, lanes, router);
  AddTargets(sources, lanes, router);
  AddOwnMetrics(sources,
                {[raw = service.get()] {
                   return raw->server_ != nullptr ? raw->server_->counters() : ServerCounters{};
                 },
                 router, lanes},
                router);
  RONDA_ASSIGN_OR_RETURN(service->server_, Server::Start(options.server, *router, *sources.clock));
  return service;
}

Service::~Service() { Stop(0); }

void Service::Stop(int64_t grace_ms) {
  if (server_ != nullptr) {
    server_->Stop(grace_ms);
  }
  quick_.Stop();
  query_.Stop();
  write_.Stop();
}

}  // namespace ronda::http
