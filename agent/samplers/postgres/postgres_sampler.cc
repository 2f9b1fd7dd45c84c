#include "agent/samplers/postgres/postgres_sampler.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <iterator>
#include <utility>

#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::agent {
namespace {

enum MetricIndex : size_t {
  kUp,
  kResponse,
  kMaxConnections,
  kSuperuserReserved,
  kConnections,
  kUsagePercent,
  kActivityCount,
  kActivityMaxTx,
};

constexpr std::string_view kActivityLabels = "datname,usename,application_name,state";

constexpr MetricDescriptor kMetrics[] = {
    {"pg_up", MetricType::kGauge, "", "", "1 if the PostgreSQL server answered, 0 if not."},
    {"ronda_postgres_response_seconds", MetricType::kGauge, "seconds", "",
     "Round trip of SELECT 1 on a connection that was open already."},
    {"pg_settings_max_connections", MetricType::kGauge, "", "",
     "Setting max_connections: slots for sessions, reserved ones included."},
    {"pg_settings_superuser_reserved_connections", MetricType::kGauge, "", "",
     "Setting superuser_reserved_connections: slots that only superusers get."},
    {"ronda_postgres_connections", MetricType::kGauge, "", "",
     "Sessions that count against max_connections, this agent's included."},
    {"ronda_postgres_connections_usage_percent", MetricType::kGauge, "percent", "",
     "Share of the slots open to ordinary roles (max_connections less the reserved) in use."},
    {"pg_stat_activity_count", MetricType::kGauge, "", kActivityLabels,
     "Sessions by database, user, application and state."},
    {"pg_stat_activity_max_tx_duration", MetricType::kGauge, "seconds", kActivityLabels,
     "Age of the oldest open transaction among these sessions."},
};
static_assert(std::size(kMetrics) == kActivityMaxTx + 1);

// Row kinds of kActivitySql.
constexpr std::string_view kTotalRow = "0";
constexpr std::string_view kActivityRow = "1";

// One statement for everything that changes while the server runs. The first row also says whether
// we may see other users' sessions: without pg_read_all_stats their state is NULL and the counts
// would be wrong without a sign of it. Walsenders took slots of max_connections until
// PostgreSQL 12.
constexpr char kActivitySql[] = R"(
WITH a AS (SELECT datname, usename, application_name, state, backend_type, xact_start
           FROM pg_catalog.pg_stat_activity)
SELECT 0 AS kind, NULL::text, NULL::text, NULL::text, NULL::text,
       count(*) FILTER (WHERE backend_type = 'client backend' OR (backend_type = 'walsender'
         AND current_setting('server_version_num')::int < 120000)),
       pg_has_role('pg_read_all_stats', 'USAGE')::int::float8
FROM a
UNION ALL
SELECT 1, datname::text, usename::text, application_name, state, count(*),
       coalesce(max(extract(epoch FROM now() - xact_start)), 0)::float8
FROM a WHERE datname IS NOT NULL AND state IS NOT NULL GROUP BY 1, 2, 3, 4, 5
UNION ALL
(SELECT 2, datname::text, NULL, NULL, NULL, 0, 0 FROM pg_catalog.pg_database ORDER BY oid LIMIT 500)
)";

// The first with pg_monitor and backend_type.
constexpr int kOldestVersion = 100000;

// Ordinary slots that are left to others when we connect.
constexpr double kSparedSlots = 2;

// While an answer is overdue, later ticks look for it for this long only, and so stay on time.
constexpr auto kOverdueWait = std::chrono::milliseconds(10);

std::string SessionSql(const PostgresOptions& options) {
  return fmt::format(
      "SELECT set_config('search_path', 'pg_catalog', false), "
      "set_config('statement_timeout', '{}', false), set_config('lock_timeout', '{}', false), "
      "set_config('idle_in_transaction_session_timeout', '10000', false), "
      "set_config('default_transaction_read_only', 'on', false), "
      "current_setting('max_connections'), current_setting('superuser_reserved_connections'), "
      "coalesce(current_setting('reserved_connections', true), '0')",
      options.statement_timeout_ms, options.lock_timeout_ms);
}
constexpr int kFirstLimitColumn = 5;

}  // namespace

absl::StatusOr<std::unique_ptr<PostgresSampler>> PostgresSampler::New(PostgresOptions options,
                                                                      const Clock& clock) {
  RONDA_ASSIGN_OR_RETURN(PgTarget target, ParsePgTarget(options.connection, options.password));
  const int times[] = {options.timeout_ms,      options.statement_timeout_ms,
                       options.lock_timeout_ms, options.backoff_min_ms,
                       options.full_retry_ms,   options.abandon_ms};
  if (options.interval_s < 1 || *std::min_element(std::begin(times), std::end(times)) < 1 ||
      options.backoff_max_ms < options.backoff_min_ms || options.max_activity_series < 100) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "options of the PostgreSQL sampler for {}: intervals and time-outs must be "
                "positive, backoff_max at least backoff_min, max_activity_series at least 100",
                target.instance);
  }
  const int interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (interrupt_fd < 0) {
    return ErrnoStatus(errno, "making an eventfd");
  }
  return std::unique_ptr<PostgresSampler>(
      new PostgresSampler(std::move(options), std::move(target), interrupt_fd, clock));
}

PostgresSampler::PostgresSampler(PostgresOptions options, PgTarget target, int interrupt_fd,
                                 const Clock& clock)
    : options_(std::move(options)),
      target_(std::move(target)),
      clock_(clock),
      session_sql_(SessionSql(options_)),
      interrupt_fd_(interrupt_fd),
      backoff_ms_(options_.backoff_min_ms),
      names_(options_.max_activity_series) {}

PostgresSampler::~PostgresSampler() {
  connection_.reset();
  close(interrupt_fd_);
}

void PostgresSampler::Interrupt() { eventfd_write(interrupt_fd_, 1); }

std::span<const MetricDescriptor> PostgresSampler::metrics() const { return kMetrics; }

absl::Status PostgresSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  if (clock_.MonotonicNs() >= retry_at_ns_) {
    reading_ = Reading();
    Conclude(Observe());
  }
  if (status_.ok()) {
    Emit(table);
  }
  return status_;
}

void PostgresSampler::SetDown(SeriesTable& table) {
  FollowGeneration(table);
  SetGauge(kUp, reading_.up ? 1 : 0, table);
}

PgFailure PostgresSampler::Observe() {
  const auto start = std::chrono::steady_clock::now();
  const std::chrono::milliseconds limit(options_.timeout_ms);
  PgFailure failure = Reach(start + (hanging_since_ns_ ? std::min(limit, kOverdueWait) : limit));
  for (const auto step :
       {&PostgresSampler::SetUpSession, &PostgresSampler::Ping, &PostgresSampler::ReadActivity}) {
    if (failure.ok()) {
      failure = (this->*step)(start + limit);
    }
  }
  return failure;
}

// Gets to where a statement can be sent, going on where the last attempt was left hanging.
PgFailure PostgresSampler::Reach(PgConnection::Deadline deadline) {
  if (connection_ == nullptr) {
    connection_ = std::make_unique<PgConnection>(target_, interrupt_fd_);
    fresh_ = true;
    limits_.reset();
  }
  if (!connection_->connected()) {
    PgFailure failure = connection_->Connect(deadline);
    counters_.connects += failure.ok() ? 1 : 0;
    return failure;
  }
  return connection_->owes_answer() ? connection_->Drain(deadline) : PgFailure{};
}

PgFailure PostgresSampler::SetUpSession(PgConnection::Deadline deadline) {
  if (limits_.has_value()) {
    return {};
  }
  if (connection_->server_version() < kOldestVersion) {
    return {PgTrouble::kUnsupported, "", ""};
  }
  PgResult result;
  PgFailure failure = connection_->Query(session_sql_.c_str(), deadline, &result);
  if (failure.ok()) {
    limits_ = ConnectionLimits{.max_connections = result.Number(0, kFirstLimitColumn),
                               .superuser_reserved = result.Number(0, kFirstLimitColumn + 1),
                               .reserved = result.Number(0, kFirstLimitColumn + 2)};
  }
  return failure;
}

PgFailure PostgresSampler::Ping(PgConnection::Deadline deadline) {
  const int64_t start_ns = clock_.MonotonicNs();
  PgFailure failure = connection_->Query("SELECT 1", deadline, nullptr);
  if (failure.ok()) {
    reading_.response_s = static_cast<double>(clock_.MonotonicNs() - start_ns) / 1e9;
    reading_.up = true;
    reading_.limits = limits_;
  }
  return failure;
}

PgFailure PostgresSampler::ReadActivity(PgConnection::Deadline deadline) {
  PgResult result;
  if (PgFailure failure = connection_->Query(kActivitySql, deadline, &result); !failure.ok()) {
    return failure;
  }
  for (int row = 0; row < result.rows(); ++row) {
    const std::string_view kind = result.Text(row, 0);
    if (kind == kTotalRow) {
      if (result.Number(row, 6) == 0) {
        return {PgTrouble::kPermission, "",
                "it is not a member of pg_monitor and cannot see the sessions of others"};
      }
      reading_.connections = result.Number(row, 5);
      reading_.usage_percent = UsagePercent(*reading_.connections, *limits_);
    } else if (kind == kActivityRow) {
      reading_.activity.push_back({.datname = std::string(result.Text(row, 1)),
                                   .usename = std::string(result.Text(row, 2)),
                                   .application_name = std::string(result.Text(row, 3)),
                                   .state = std::string(result.Text(row, 4)),
                                   .count = result.Number(row, 5),
                                   .max_tx_seconds = result.Number(row, 6)});
    } else {
      reading_.databases.emplace_back(result.Text(row, 1));
    }
  }
  if (!reading_.connections.has_value()) {  // is it a proxy that answers by itself?
    return {PgTrouble::kOther, "", "the answer about its sessions lacks their number"};
  }
  return {};
}

void PostgresSampler::Conclude(const PgFailure& failure) {
  status_ = ToStatus(failure, target_);
  if (failure.ok()) {
    ConcludeReading();
    return;
  }
  Report(std::string(Message(status_)));
  if (GoOnWaiting(failure)) {
    return;
  }
  hanging_since_ns_.reset();
  const bool usable =
      failure.trouble == PgTrouble::kStatementLimit || failure.trouble == PgTrouble::kPermission;
  if (!usable || !connection_->connected()) {
    connection_.reset();
  }
  if (failure.trouble == PgTrouble::kServerFull) {
    // No failure of the source: it is the answer to the question how full the server is.
    reading_.up = true;
    reading_.usage_percent = 100;
    status_ = absl::OkStatus();
    RetryIn(options_.full_retry_ms);
    return;
  }
  ++counters_.failures;
  RetryIn(backoff_ms_);
  backoff_ms_ = std::min<int64_t>(backoff_ms_ * 2, options_.backoff_max_ms);
}

void PostgresSampler::ConcludeReading() {
  hanging_since_ns_.reset();
  backoff_ms_ = options_.backoff_min_ms;
  const bool crowded = limits_->ordinary() - *reading_.connections < kSparedSlots;
  if (!std::exchange(fresh_, false) || !crowded) {
    Report("");
    return;
  }
  connection_.reset();
  RetryIn(options_.full_retry_ms);
  Report(fmt::format(
      "PostgreSQL at {}: fewer than {} ordinary connection slots are free; leaving them to others "
      "and looking again each {} s",
      target_.instance, kSparedSlots, options_.full_retry_ms / 1000));
}

bool PostgresSampler::GoOnWaiting(const PgFailure& failure) {
  if (failure.trouble != PgTrouble::kHanging) {
    return false;
  }
  const int64_t now_ns = clock_.MonotonicNs();
  if (!hanging_since_ns_.has_value()) {
    hanging_since_ns_ = now_ns;
    ++counters_.failures;
  }
  return now_ns - *hanging_since_ns_ < options_.abandon_ms * int64_t{1'000'000};
}

// Half fixed, half random, so that the agents of a fleet do not come back in the same instant.
void PostgresSampler::RetryIn(int64_t ms) {
  const int64_t half_us = ms * 1000 / 2;
  const auto jitter_us =
      static_cast<int64_t>(RandomBits() % static_cast<uint64_t>(std::max<int64_t>(half_us, 1)));
  retry_at_ns_ = clock_.MonotonicNs() + (half_us + jitter_us) * 1000;
}

void PostgresSampler::Report(std::string concern) {
  if (reported_ == concern) {
    return;
  }
  if (!concern.empty()) {
    obs::Warn("postgres", "{}", concern);
  } else {
    obs::Info("postgres", "watching PostgreSQL {} at {} as {}{}",
              connection_->server_version() / 10000, target_.instance, target_.user,
              connection_->is_superuser() ? ", a superuser, which is more than needed: see "
                                            "deploy/postgres/setup.sql"
                                          : "");
  }
  reported_ = std::move(concern);
}

void PostgresSampler::FollowGeneration(const SeriesTable& table) {
  if (table.generation() != generation_) {
    generation_ = table.generation();
    gauges_.fill(std::nullopt);
    activity_series_.clear();
    names_.Forget();
  }
}

void PostgresSampler::SetGauge(size_t metric, std::optional<double> value, SeriesTable& table) {
  if (!value.has_value()) {
    return;
  }
  if (!gauges_[metric].has_value()) {
    gauges_[metric] = table.Declare(kMetrics[metric]);
  }
  table.Set(*gauges_[metric], *value);
}

void PostgresSampler::Emit(SeriesTable& table) {
  FollowGeneration(table);
  SetGauge(kUp, reading_.up ? 1 : 0, table);
  SetGauge(kResponse, reading_.response_s, table);
  SetGauge(kConnections, reading_.connections, table);
  SetGauge(kUsagePercent, reading_.usage_percent, table);
  if (reading_.limits.has_value()) {
    SetGauge(kMaxConnections, reading_.limits->max_connections, table);
    SetGauge(kSuperuserReserved, reading_.limits->superuser_reserved, table);
  }
  EmitActivity(table);
}

void PostgresSampler::EmitActivity(SeriesTable& table) {
  std::string key;
  for (const ActivityRow& row : names_.Fold(reading_.activity, reading_.databases)) {
    const std::string_view values[] = {row.datname, row.usename, row.application_name, row.state};
    key.clear();
    for (const std::string_view value : values) {
      key.append(value).push_back('\0');
    }
    auto it = activity_series_.find(key);
    if (it == activity_series_.end()) {
      const ActivitySeries series{table.Declare(kMetrics[kActivityCount], values),
                                  table.Declare(kMetrics[kActivityMaxTx], values)};
      it = activity_series_.emplace(key, series).first;
    }
    table.Set(it->second.count, row.count);
    table.Set(it->second.max_tx, row.max_tx_seconds);
  }
}

}  // namespace ronda::agent
