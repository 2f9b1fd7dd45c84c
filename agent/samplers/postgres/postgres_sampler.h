// P1 and P2: is a PostgreSQL server reachable, how fast does it answer, and who uses its
// connections.
//
// Names, labels and units are postgres_exporter's where it has the metric, except for its label
// `server`, whose part `instance` plays. usename and application_name are labels of
// pg_stat_activity_count as in its later versions; those of 0.11 are the sums over them.
//
// What it promises the server, so that watching does no harm:
//  * one connection, kept. While an answer is overdue it is waited for on that connection and no
//    other is made, so that a server that hung finds one session of ours when it wakes up. Only
//    after `abandon_ms` is it given up.
//  * read-only, with statement_timeout and lock_timeout, and a limit on our own side, since a
//    stopped server keeps no time.
//  * two statements a tick: "SELECT 1", which is timed, and one that reads everything else.
//  * never one of the last two slots of ordinary roles: if a new connection finds fewer free, it is
//    closed after one reading, and tried again after `full_retry_ms`.
//  * what fails is tried again after 1 s, then 2 s ... 30 s, with jitter.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/samplers/postgres/activity.h"
#include "agent/samplers/postgres/pg_connection.h"
#include "agent/samplers/postgres/pg_error.h"
#include "agent/samplers/postgres/pg_target.h"
#include "agent/samplers/sampler.h"
#include "common/base/clock.h"
#include "common/base/strings.h"

namespace ronda::agent {

struct PostgresOptions {
  // libpq's connection string (pg_target.h).
  std::string connection = "host=localhost dbname=postgres user=ronda";
  // Goes before one in `connection`; "" leaves it to the string, PGPASSWORD and ~/.pgpass.
  std::string password;
  int interval_s = 1;

  int timeout_ms = 3000;            // of one Sample(), connecting included
  int statement_timeout_ms = 2000;  // kept by the server
  int lock_timeout_ms = 500;        // kept by the server
  int backoff_min_ms = 1000;
  int backoff_max_ms = 30000;
  int full_retry_ms = 10000;  // when the server has no slot to spare
  int abandon_ms = 300000;    // when an answer stays out; dead machines are found by keep-alives
  size_t max_activity_series = 500;
};

// Not thread-safe, except for Interrupt(). Sample() blocks up to `timeout_ms` (and where the
// system's resolver does), so run it on a thread of its own.
class PostgresSampler : public Sampler {
 public:
  struct Counters {
    uint64_t connects = 0;  // sessions established
    uint64_t failures = 0;  // attempts that ended in an error; going on waiting is no attempt
    uint64_t folded = 0;    // activity rows that were added up under "other"
  };

  // kInvalidArgument if the connection string or an option is wrong. Does not connect. `clock` must
  // outlive the sampler.
  static absl::StatusOr<std::unique_ptr<PostgresSampler>> New(PostgresOptions options,
                                                              const Clock& clock);

  ~PostgresSampler() override;

  // Breaks off what Sample() waits for, now and from now on, so that its thread can be stopped. The
  // one call that may come from another thread.
  void Interrupt();

  // "HOST:PORT", for GroupIdentity; see PgTarget.
  const std::string& instance() const { return target_.instance; }

  std::string_view name() const override { return "postgres"; }
  std::span<const MetricDescriptor> metrics() const override;
  int interval_s() const override { return options_.interval_s; }

  // A server that says it is full is up: pg_up is 1, ronda_postgres_connections_usage_percent 100,
  // the rest is not set, and the status is OK. An error says what is wrong with which server and
  // what to do (pg_error.h); it is logged when it changes. Between attempts the last outcome is
  // given again.
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

  // pg_up: 1 if the server answered SELECT 1 at least, and only what came after it failed.
  void SetDown(SeriesTable& table) override;

  Counters counters() const {
    Counters all = counters_;
    all.folded = names_.folded();
    return all;
  }

 private:
  // What one attempt found out; what is not set is not known.
  struct Reading {
    bool up = false;
    std::optional<double> response_s;
    std::optional<ConnectionLimits> limits;
    std::optional<double> connections;
    std::optional<double> usage_percent;
    std::vector<ActivityRow> activity;
    std::vector<std::string> databases;
  };
  struct ActivitySeries {
    SeriesRef count;
    SeriesRef max_tx;
  };

  PostgresSampler(PostgresOptions options, PgTarget target, int interrupt_fd, const Clock& clock);

  // One attempt: fills `reading_`.
  PgFailure Observe();
  PgFailure Reach(PgConnection::Deadline deadline);
  PgFailure SetUpSession(PgConnection::Deadline deadline);
  PgFailure Ping(PgConnection::Deadline deadline);
  PgFailure ReadActivity(PgConnection::Deadline deadline);

  // Decide about status, connection, next attempt and log.
  void Conclude(const PgFailure& failure);
  void ConcludeReading();
  // True if it goes on waiting for the answer that is out.
  bool GoOnWaiting(const PgFailure& failure);
  void RetryIn(int64_t ms);
  void Report(std::string concern);

  void Emit(SeriesTable& table);
  void FollowGeneration(const SeriesTable& table);
  void SetGauge(size_t metric, std::optional<double> value, SeriesTable& table);
  void EmitActivity(SeriesTable& table);

  const PostgresOptions options_;
  const PgTarget target_;
  const Clock& clock_;
  const std::string session_sql_;
  const int interrupt_fd_;  // an eventfd

  std::unique_ptr<PgConnection> connection_;
  bool fresh_ = false;                      // no reading yet on this connection
  std::optional<ConnectionLimits> limits_;  // of the connected server
  std::optional<int64_t> hanging_since_ns_;
  int64_t backoff_ms_;
  int64_t retry_at_ns_ = 0;

  // The last outcome.
  Reading reading_;
  absl::Status status_;
  std::optional<std::string> reported_;  // what the log says is wrong; "" if all is well

  // Names and series of table generation `generation_`.
  uint64_t generation_ = 0;
  std::array<std::optional<SeriesRef>, 6> gauges_;  // the metrics without labels
  ActivityNames names_;
  StringMap<ActivitySeries> activity_series_;

  Counters counters_;
};

}  // namespace ronda::agent
