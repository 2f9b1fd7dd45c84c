// A real PostgreSQL server of our own, for one test.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/temp_dir.h"

struct pg_conn;

namespace ronda {

// One session, for tests that need many. Not thread-safe.
class PostgresSession {
 public:
  // A libpq connection string. kUnavailable with libpq's message.
  static absl::StatusOr<PostgresSession> Open(const std::string& connection);

  // Runs one or more statements; the rows of the last, as text ("" for NULL). kInternal with the
  // server's message.
  absl::StatusOr<std::vector<std::vector<std::string>>> Run(const std::string& sql);
  // The only value of the only row.
  absl::StatusOr<std::string> Value(const std::string& sql);

 private:
  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  explicit PostgresSession(pg_conn* connection) : connection_(connection) {}

  std::unique_ptr<pg_conn, Finish> connection_;
};

// A fresh cluster in a folder of its own, on a free port of 127.0.0.1 and a socket in the folder
// sockets(). Everyone is trusted, except the users of `password_users`, who need a password; the
// superuser is postgres. If this process is root, the server runs as the system's user postgres. It
// is killed by the destructor, and by the kernel when this process dies. Not thread-safe.
class PostgresServer {
 public:
  struct Options {
    int max_connections = 100;
    int superuser_reserved = 3;
    std::vector<std::string> password_users = {};
    std::vector<std::string> settings = {};  // "log_statement=all"
  };

  // kNotFound, with the package to install, if there is no PostgreSQL.
  static absl::StatusOr<std::unique_ptr<PostgresServer>> Start(const Options& options);
  static absl::StatusOr<std::unique_ptr<PostgresServer>> Start() { return Start(Options()); }
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  int port() const { return port_; }
  std::string sockets() const { return dir_.path(); }
  // "host=127.0.0.1 port=... user=... dbname=..."
  std::string Connection(const std::string& user = "postgres",
                         const std::string& database = "postgres") const;

  // Runs it as postgres on a session of its own.
  absl::StatusOr<std::vector<std::vector<std::string>>> Run(const std::string& sql) const;
  absl::StatusOr<std::string> Value(const std::string& sql) const;
  // A file of SQL, as `psql -v ON_ERROR_STOP=1 -f` does.
  absl::Status RunFile(const std::string& path) const;

  // Ends all sessions and the server ("fast" shutdown), and waits for it.
  absl::Status Stop();
  // Starts it again, on the same port and data; returns when it takes connections.
  absl::Status StartAgain();
  // SIGSTOP to the postmaster and all its children; SIGCONT.
  void Pause();
  void Resume();

  // Processes that serve a session now: a connection's slot is free once its process is gone, a
  // little after its row in pg_stat_activity.
  int Backends() const;

  // What the server has logged.
  std::string Log() const;

 private:
  PostgresServer(Options options, std::string bin_dir);

  absl::Status InitDb();
  std::vector<pid_t> Processes() const;  // the postmaster first

  const Options options_;
  const std::string bin_dir_;
  TempDir dir_;
  int port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace ronda
