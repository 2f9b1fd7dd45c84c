#include "collector/collector.h"

#include <atomic>
#include <chrono>
#include <limits>
#include <thread>
#include <utility>

#include <grpcpp/impl/service_type.h>

#include "collector/access/live_streams.h"
#include "collector/admin/rules_service.h"
#include "collector/admin/service.h"
#include "collector/admin/silencing.h"
#include "collector/http/service.h"
#include "collector/ingest/expected_nodes.h"
#include "collector/ingest/pipeline.h"
#include "collector/ingest/service.h"
#include "collector/mute/gate.h"
#include "collector/notify/outbox.h"
#include "collector/query/gap_series.h"
#include "collector/query/local_api.h"
#include "collector/query/service.h"
#include "collector/remote/receiver.h"
#include "collector/rule_paths.h"
#include "collector/rules/engine.h"
#include "collector/rules/interval/evaluator.h"
#include "collector/rules/rule_file.h"
#include "collector/server.h"
#include "collector/store/store.h"
#include "collector/trust/audit.h"
#include "collector/trust/authority.h"
#include "collector/trust/enrolment_service.h"
#include "collector/trust/ledger.h"
#include "common/base/files.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/config/address.h"
#include "common/config/secret.h"
#include "common/obs/log.h"

namespace ronda::collector {
namespace {

constexpr int64_t kStopGraceMs = 2000;
constexpr int64_t kFlushMs = 5000;
constexpr int64_t kSweepSeconds = 5;
constexpr int64_t kRefreshSeconds = 60;

absl::StatusOr<std::vector<rules::RuleFile>> LoadRules(const CollectorConfig& config) {
  RONDA_ASSIGN_OR_RETURN(const std::vector<std::string> paths, FindRuleFiles(config.rules));
  std::vector<rules::RuleFile> files;
  for (const std::string& path : paths) {
    RONDA_ASSIGN_OR_RETURN(rules::RuleFile file, rules::LoadRuleFile(path));
    files.push_back(std::move(file));
  }
  for (const std::string& idle : rules::IdleDependencies(files)) {
    obs::Warn("collector", "{}", idle);
  }
  return files;
}

size_t CountRules(const std::vector<rules::RuleFile>& files) {
  size_t count = 0;
  for (const rules::RuleFile& file : files) {
    for (const rules::RuleGroup& group : file.groups) {
      count += group.rules.size();
    }
  }
  return count;
}

std::vector<notify::ChannelConfig> ChannelsOf(const CollectorConfig& config) {
  std::vector<notify::ChannelConfig> channels;
  for (const ChannelConfig& from : config.channels) {
    notify::ChannelConfig channel;
    channel.name = from.name;
    channel.type = from.type == ChannelType::kWebhook ? notify::ChannelType::kWebhook
                                                      : notify::ChannelType::kLog;
    channel.url = from.url;
    channel.headers = from.headers;
    channel.timeout_ms = from.timeout_ms;
    channel.external_url = config.external_url;
    channel.external_labels = {config.external_labels.begin(), config.external_labels.end()};
    channels.push_back(std::move(channel));
  }
  return channels;
}

rules::TextContext TextsOf(const CollectorConfig& config) {
  rules::TextContext texts;
  texts.environment.external_url = config.external_url;
  for (const auto& [name, value] : config.external_labels) {
    texts.external_labels.Set(name, value);
  }
  return texts;
}

// What time drives: silent nodes each second, certificates that are over or revoked each five,
// files of certificates that have changed each minute.
class Ticker {
 public:
  Ticker(ingest::Pipeline& pipeline, access::LiveStreams& streams, trust::Authority* authority)
      : pipeline_(pipeline), streams_(streams), authority_(authority) {
    thread_ = StartThread("ronda-tick", [this] { Run(); });
  }
  ~Ticker() {
    {
      MutexLock lock(&mu_);
      stop_ = true;
      cv_.SignalAll();
    }
    thread_.join();
  }

 private:
  void Run() {
    for (int64_t second = 1;; ++second) {
      {
        MutexLock lock(&mu_);
        if (!stop_) {
          cv_.WaitFor(&mu_, std::chrono::seconds(1));
        }
        if (stop_) {
          return;
        }
      }
      pipeline_.Tick();
      if (second % kSweepSeconds == 0) {
        streams_.Sweep();
      }
      if (second % kRefreshSeconds == 0 && authority_ != nullptr) {
        if (absl::Status status = authority_->Refresh(); !status.ok()) {
          obs::Error("collector", "the certificates stay as they were: {}", Message(status));
        }
      }
    }
  }

  ingest::Pipeline& pipeline_;
  access::LiveStreams& streams_;
  trust::Authority* const authority_;
  Mutex mu_;
  CondVar cv_;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

constexpr std::string_view kDefaultHttp = "127.0.0.1:7711";
constexpr std::string_view kAnyHttp = "127.0.0.1:0";

bool HasPortZero(const std::string& address) {
  const auto parsed = config::ParseAddress(address, true);
  return parsed.ok() && parsed->port == 0;
}

absl::StatusOr<http::Service::Options> HttpOptions(const CollectorConfig& config) {
  http::Service::Options options;
  options.server.listen = config.http.listen;
  options.token_file = HttpTokenFile(config);
  const auto address = config::ParseAddress(config.http.listen, true);
  options.anonymous_reads = !address.ok() || config::IsLoopback(address->host);
  options.max_queries = static_cast<size_t>(config.http.max_queries);
  options.max_waiting_queries = static_cast<size_t>(config.http.max_waiting_queries);
  if (!config.http.tls_certificate.empty()) {
    RONDA_ASSIGN_OR_RETURN(options.server.tls_certificate, ReadFile(config.http.tls_certificate));
    RONDA_ASSIGN_OR_RETURN(options.server.tls_key, config::ReadSecretFile(config.http.tls_key));
  }
  return options;
}

trust::Authority::Options AuthorityOptionsOf(const CollectorConfig& config) {
  trust::Authority::Options options;
  options.dir = TrustFolder(config);
  options.names = config.tls.names;
  options.files = {config.tls.ca, config.tls.cert, config.tls.key};
  options.valid_ms = config.tls.valid_for_ms;
  if (const auto listen = config::ParseAddress(config.listen, true); listen.ok()) {
    options.names.push_back(listen->host);
  }
  return options;
}

}  // namespace

// In the order of construction; destroyed the other way round.
struct Collector::Impl {
  CollectorConfig config;
  ReadConfig read_config;  // null: the configuration stays as it is
  Mutex reload_mu;
  std::atomic<bool> serves{false};  // all of it is there
  std::unique_ptr<store::Store> store;
  std::unique_ptr<rules::Engine> engine;
  std::unique_ptr<mute::Gate> gate;
  std::unique_ptr<notify::Outbox> outbox;
  std::unique_ptr<ingest::Pipeline> pipeline;
  std::unique_ptr<query::LocalApi> api;
  std::unique_ptr<query::WithGaps> rule_data;
  std::unique_ptr<rules::Evaluator> evaluator;
  std::unique_ptr<trust::Authority> authority;  // null: plain text
  std::unique_ptr<trust::Audit> audit;
  std::unique_ptr<trust::Ledger> ledger;
  std::unique_ptr<admin::Silencing> silencing;
  std::unique_ptr<access::LiveStreams> streams;
  std::unique_ptr<rpc::AsyncService> ingest_service;
  std::unique_ptr<grpc::Service> query_service;
  std::unique_ptr<grpc::Service> enrolment_service;
  std::unique_ptr<grpc::Service> admin_service;
  std::unique_ptr<grpc::Service> rules_service;
  std::unique_ptr<Server> server;
  std::unique_ptr<remote::Receiver> receiver;
  std::unique_ptr<http::Service> http;
  std::unique_ptr<Ticker> ticker;

  absl::Status Build(const Clock& clock);
  absl::Status BuildTrust(const Clock& clock);
  absl::Status Serve(const Clock& clock);
  absl::Status StartHttp(const Clock& clock);
  absl::Status Reload();
  absl::Status RestoreOutbox();
};

absl::Status Collector::Impl::RestoreOutbox() {
  std::vector<std::pair<std::string, std::string>> unsent;
  RONDA_RETURN_IF_ERROR(
      store->ScanState(notify::kOutboxSpace, [&](std::string_view key, std::string_view value) {
        unsent.emplace_back(std::string(key), std::string(value));
      }));
  outbox->Restore(std::move(unsent));
  return absl::OkStatus();
}

// A port that nobody chose is no reason not to start: another collector may have it.
absl::Status Collector::Impl::StartHttp(const Clock& clock) {
  RONDA_ASSIGN_OR_RETURN(http::Service::Options options, HttpOptions(config));
  http::Sources sources;
  sources.api = api.get();
  sources.store = store.get();
  sources.rules = engine.get();
  sources.evaluator = evaluator.get();
  sources.pipeline = pipeline.get();
  sources.outbox = outbox.get();
  sources.silencing = silencing.get();
  sources.receiver = receiver.get();
  sources.store_is_full = [this] { return store->DiskFull(); };
  sources.clock = &clock;
  sources.data_dir = config.data_dir;
  sources.config_text = Describe(config);
  sources.flags = {{"data", config.data_dir}, {"listen", config.listen}};
  sources.started_ms = clock.NowMs();
  sources.retention_ms = config.retention.raw_ms;
  sources.reload = [this] { return Reload(); };
  if (!config.http.listen.empty()) {
    RONDA_ASSIGN_OR_RETURN(http, http::Service::Start(options, sources));
    return absl::OkStatus();
  }
  options.server.listen = HasPortZero(config.listen) ? kAnyHttp : kDefaultHttp;
  auto started = http::Service::Start(options, sources);
  if (started.status().code() == absl::StatusCode::kUnavailable) {
    options.server.listen = kAnyHttp;
    const absl::Status why = started.status();
    started = http::Service::Start(options, sources);
    if (started.ok()) {
      obs::Warn("collector", "{} is taken, HTTP is served on {}; set http.listen to choose",
                kDefaultHttp, (*started)->address());
    }
  }
  RONDA_RETURN_IF_ERROR(started.status());
  http = *std::move(started);
  return absl::OkStatus();
}

// Rules, what is not told, tokens; the rest of the configuration holds until the next start.
absl::Status Collector::Impl::Reload() {
  if (!serves) {
    return Fail(absl::StatusCode::kUnavailable, "the collector is starting: try again");
  }
  MutexLock lock(&reload_mu);
  CollectorConfig fresh = config;
  if (read_config) {
    RONDA_ASSIGN_OR_RETURN(fresh, read_config());
  }
  RONDA_ASSIGN_OR_RETURN(std::vector<rules::RuleFile> files, LoadRules(fresh));
  if (authority != nullptr) {
    RONDA_RETURN_IF_ERROR(authority->Refresh());
  }
  const auto tokens = http::LoadTokens(HttpTokenFile(config));
  if (!tokens.ok() && tokens.status().code() != absl::StatusCode::kNotFound) {
    return tokens.status();
  }
  const size_t count = CountRules(files);
  std::vector<rules::Alert> to_evaluator;
  std::vector<rules::Alert> to_engine;
  RONDA_RETURN_IF_ERROR(engine->Reload(files, &to_evaluator));
  gate->Reload(MuteOptionsOf(fresh));
  evaluator->Reload(std::move(files), &to_engine);
  evaluator->Adopt(std::move(to_evaluator));
  engine->Adopt(std::move(to_engine));
  RONDA_RETURN_IF_ERROR(http->tokens().Reload());
  obs::Info("collector", "reloaded rules={} tokens={}", count, tokens.ok() ? tokens->size() : 0);
  return absl::OkStatus();
}

absl::Status Collector::Impl::Build(const Clock& clock) {
  RONDA_ASSIGN_OR_RETURN(std::vector<rules::RuleFile> files, LoadRules(config));
  obs::Info("collector", "rules loaded files={} rules={}", files.size(), CountRules(files));
  if (CountRules(files) == 0) {
    obs::Warn("collector",
              "there are no rules: nothing will ever alert; give some with --rules, with rules: in "
              "collector.yml, or in /etc/ronda/rules (the defaults are in deploy/rules)");
  }
  rules::EngineOptions engine_options;
  engine_options.texts = TextsOf(config);
  RONDA_ASSIGN_OR_RETURN(engine, rules::Engine::New(files, std::move(engine_options)));
  store::Store::Options options;
  options.dir = config.data_dir;
  options.commit_interval_ms = config.commit_interval_ms;
  options.retention_raw_ms = config.retention.raw_ms;
  options.retention_minute_ms = config.retention.minute_ms;
  options.retention_hour_ms = config.retention.hour_ms;
  options.max_history_bytes = config.retention.max_size_bytes;
  const RecordsConfig& records = config.retention.records;
  options.records.others = {records.keep_ms, records.max_size_bytes};
  for (const RecordKindConfig& kind : records.kinds) {
    options.records.kinds[kind.kind] = {kind.keep_ms, kind.max_size_bytes};
  }
  RONDA_ASSIGN_OR_RETURN(store, store::Store::Open(options, clock));
  RONDA_ASSIGN_OR_RETURN(
      outbox, notify::Outbox::New(ChannelsOf(config), clock, [this](store::StateWrite remove) {
        pipeline->Write(std::move(remove));
      }));
  ingest::Pipeline::Options pipeline_options;
  pipeline_options.silence_after_ms = config.silence_after_ms;
  pipeline_options.silence_grace_ms = config.silence_grace_ms;
  pipeline_options.max_nodes = static_cast<size_t>(config.limits.max_agents);
  gate = std::make_unique<mute::Gate>(MuteOptionsOf(config), clock);
  pipeline =
      std::make_unique<ingest::Pipeline>(pipeline_options, *store, *engine, *gate, *outbox, clock);
  std::vector<rules::Alert> at_interval;
  RONDA_RETURN_IF_ERROR(pipeline->Restore(&at_interval));
  RONDA_RETURN_IF_ERROR(ingest::ExpectNodes(config.expected_nodes, *pipeline, *store, clock));
  RONDA_RETURN_IF_ERROR(RestoreOutbox());
  query::LocalApi::Options api_options;
  api_options.data_dir = config.data_dir;
  api = std::make_unique<query::LocalApi>(*store, pipeline.get(), clock, api_options);
  // A gap that lasts does so as long as rules look.
  rule_data = std::make_unique<query::WithGaps>(
      *store, [this](int64_t start_ms, int64_t end_ms) { return api->Gaps(start_ms, end_ms, ""); },
      std::numeric_limits<int64_t>::max());
  rules::EvaluatorOptions evaluator_options;
  evaluator_options.texts = TextsOf(config);
  evaluator = std::make_unique<rules::Evaluator>(std::move(files), std::move(evaluator_options),
                                                 *pipeline, *rule_data, clock);
  evaluator->Restore(std::move(at_interval));
  RONDA_RETURN_IF_ERROR(BuildTrust(clock));
  outbox->Start();
  RONDA_RETURN_IF_ERROR(Serve(clock));
  RONDA_ASSIGN_OR_RETURN(receiver, remote::Receiver::New({}, *pipeline, *store, clock));
  RONDA_RETURN_IF_ERROR(StartHttp(clock));
  ticker = std::make_unique<Ticker>(*pipeline, *streams, authority.get());
  evaluator->Start();
  serves = true;
  return absl::OkStatus();
}

absl::Status Collector::Impl::BuildTrust(const Clock& clock) {
  RONDA_ASSIGN_OR_RETURN(audit, trust::Audit::Open(*store, clock));
  RONDA_ASSIGN_OR_RETURN(ledger, trust::Ledger::Open(*store, *audit, clock));
  silencing = std::make_unique<admin::Silencing>(*gate, *audit, clock);
  if (!config.insecure) {
    RONDA_ASSIGN_OR_RETURN(authority, trust::Authority::Open(AuthorityOptionsOf(config), clock));
  } else {
    obs::Warn("collector", "plain text: whoever reaches {} may write as any node", config.listen);
  }
  streams = std::make_unique<access::LiveStreams>(
      [ledger = ledger.get(), &clock](const access::Peer& peer) -> absl::Status {
        if (clock.NowMs() >= peer.not_after_ms) {
          return Fail(absl::StatusCode::kUnauthenticated, "the certificate of {} has expired",
                      access::Describe(peer));
        }
        return ledger->CheckRevoked(peer);
      });
  return absl::OkStatus();
}

absl::Status Collector::Impl::Serve(const Clock& clock) {
  ingest::SessionLimits limits;
  limits.max_series = static_cast<size_t>(config.limits.max_series);
  limits.max_message_bytes = static_cast<size_t>(config.limits.max_message_bytes);
  limits.max_new_series = static_cast<size_t>(config.limits.max_new_series);
  limits.max_labels = static_cast<size_t>(config.limits.max_labels);
  limits.max_label_name_bytes = static_cast<size_t>(config.limits.max_label_name_bytes);
  limits.max_label_value_bytes = static_cast<size_t>(config.limits.max_label_value_bytes);
  limits.max_samples = static_cast<double>(config.limits.max_samples);
  limits.max_ahead_ms = config.limits.max_ahead_ms;
  ingest_service = ingest::NewIngestService(*pipeline, *store, clock, limits, *streams);
  query_service = query::NewQueryService(*api);
  admin_service = admin::NewAdminService(
      {authority.get(), *ledger, *audit, *pipeline, *silencing, *streams, *store, clock});
  rules_service =
      admin::NewRulesService({*engine, *evaluator, *audit, [this] { return Reload(); }});
  std::vector<grpc::Service*> services = {query_service.get(), admin_service.get(),
                                          rules_service.get()};
  ServerOptions options;
  options.listen = config.listen;
  options.socket = config.socket;
  options.socket_others_read = config.socket_others == SocketOthers::kRead;
  options.max_message_bytes = config.limits.max_message_bytes;
  if (authority != nullptr) {
    enrolment_service = trust::NewEnrolmentService(*authority, *ledger, clock);
    services.push_back(enrolment_service.get());
    options.own_certificate = [authority = authority.get()] { return authority->own(); };
    options.identify = [authority = authority.get(), ledger = ledger.get()](
                           const std::string& chain) -> absl::StatusOr<access::Peer> {
      RONDA_ASSIGN_OR_RETURN(access::Peer peer, authority->Identify(chain));
      RONDA_RETURN_IF_ERROR(ledger->CheckRevoked(peer));
      return peer;
    };
  }
  RONDA_ASSIGN_OR_RETURN(server, Server::Start(options, services, ingest_service.get()));
  return absl::OkStatus();
}

Collector::Collector(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Collector::~Collector() { Stop(); }

absl::StatusOr<std::unique_ptr<Collector>> Collector::Start(const CollectorConfig& config,
                                                            const Clock& clock,
                                                            ReadConfig read_config) {
  std::unique_ptr<Collector> collector(new Collector(std::make_unique<Impl>()));
  collector->impl_->config = config;
  collector->impl_->read_config = std::move(read_config);
  RONDA_RETURN_IF_ERROR(collector->impl_->Build(clock));
  return collector;
}

const std::string& Collector::address() const { return impl_->server->address(); }
const std::string& Collector::http_address() const { return impl_->http->address(); }

absl::Status Collector::Reload() { return impl_->Reload(); }

void Collector::Stop() {
  Impl& impl = *impl_;
  impl.ticker.reset();
  if (impl.evaluator != nullptr) {
    impl.evaluator->Stop();
  }
  if (impl.http != nullptr) {
    impl.http->Stop(kStopGraceMs);
  }
  if (impl.server != nullptr) {
    impl.server->Stop(kStopGraceMs);
  }
  if (impl.outbox != nullptr) {
    impl.outbox->Stop();
  }
  if (impl.store != nullptr) {
    if (absl::Status flushed = impl.store->Flush(kFlushMs); !flushed.ok()) {
      obs::Error("collector", "what arrived last is not durable; agents will send it again: {}",
                 Message(flushed));
    }
    impl.store->Close();
  }
}

absl::StatusOr<std::string> CheckRules(const CollectorConfig& config) {
  RONDA_ASSIGN_OR_RETURN(std::vector<rules::RuleFile> files, LoadRules(config));
  const size_t count = CountRules(files);
  const size_t file_count = files.size();
  RONDA_RETURN_IF_ERROR(rules::Engine::New(std::move(files)).status());
  return fmt::format("{} rules in {} files are fine", count, file_count);
}

}  // namespace ronda::collector
