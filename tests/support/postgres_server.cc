#include "tests/support/postgres_server.h"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include "common/base/files.h"
#include "common/base/status.h"
#include "tests/support/process.h"

namespace ronda {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(20);
constexpr auto kPatience = std::chrono::seconds(60);

// A child process that dies with this one; as the user postgres if this one is root. Its output
// goes to `log`.
pid_t Spawn(const std::vector<std::string>& command, const std::string& log) {
  std::vector<char*> argv;
  for (const std::string& word : command) {
    argv.push_back(const_cast<char*>(word.c_str()));
  }
  argv.push_back(nullptr);
  const passwd* user = geteuid() == 0 ? getpwnam("postgres") : nullptr;
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid != 0) {
    return pid;
  }
  // Only async-signal-safe calls from here: other threads may hold locks.
  setpgid(0, 0);
  if (chdir("/") != 0) {  // the user postgres may not read our folder
    _exit(126);
  }
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (out < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0) {
    _exit(126);
  }
  if (user != nullptr &&
      (setgroups(0, nullptr) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) {
    _exit(126);
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // after setuid(), which clears it
  if (getppid() != parent) {
    _exit(126);
  }
  execv(argv[0], argv.data());
  _exit(127);
}

absl::Status RunToEnd(const std::vector<std::string>& command, const std::string& log) {
  const pid_t pid = Spawn(command, log);
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
    const absl::StatusOr<std::string> said = ReadFile(log);
    return Fail(absl::StatusCode::kInternal, "running {}: exit status {}: {}", command[0], status,
                said.ok() ? *said : "");
  }
  return absl::OkStatus();
}

// Debian keeps each major version in its own folder; the newest wins.
absl::StatusOr<std::string> FindBinDir() {
  std::string found;
  int newest = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
    const int version = std::atoi(entry.path().filename().c_str());
    if (version > newest && std::filesystem::exists(entry.path() / "bin" / "initdb")) {
      newest = version;
      found = entry.path() / "bin";
    }
  }
  if (found.empty()) {
    return Fail(absl::StatusCode::kNotFound,
                "looking for /usr/lib/postgresql/*/bin/initdb: install the package postgresql");
  }
  return found;
}

}  // namespace

void PostgresSession::Finish::operator()(pg_conn* connection) const { PQfinish(connection); }

absl::StatusOr<PostgresSession> PostgresSession::Open(const std::string& connection) {
  PostgresSession session(PQconnectdb(connection.c_str()));
  pg_conn* const raw = session.connection_.get();
  if (PQstatus(raw) != CONNECTION_OK) {
    return Fail(absl::StatusCode::kUnavailable, "{}", PQerrorMessage(raw));
  }
  PQsetNoticeProcessor(
      raw, [](void*, const char*) {}, nullptr);
  return session;
}

absl::StatusOr<std::vector<std::vector<std::string>>> PostgresSession::Run(const std::string& sql) {
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection_.get(), sql.c_str()),
                                                             &PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    return Fail(absl::StatusCode::kInternal, "{}", PQerrorMessage(connection_.get()));
  }
  std::vector<std::vector<std::string>> rows;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    rows.emplace_back();
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      rows.back().emplace_back(PQgetvalue(result.get(), row, column));
    }
  }
  return rows;
}

absl::StatusOr<std::string> PostgresSession::Value(const std::string& sql) {
  RONDA_ASSIGN_OR_RETURN(const auto rows, Run(sql));
  if (rows.size() != 1 || rows[0].size() != 1) {
    return Fail(absl::StatusCode::kInternal, "{} rows where one value was expected", rows.size());
  }
  return rows[0][0];
}

PostgresServer::PostgresServer(Options options, std::string bin_dir)
    : options_(std::move(options)), bin_dir_(std::move(bin_dir)) {}

absl::StatusOr<std::unique_ptr<PostgresServer>> PostgresServer::Start(const Options& options) {
  RONDA_ASSIGN_OR_RETURN(std::string bin_dir, FindBinDir());
  std::unique_ptr<PostgresServer> server(new PostgresServer(options, std::move(bin_dir)));
  RONDA_RETURN_IF_ERROR(server->InitDb());
  for (int attempt = 0; attempt < 3; ++attempt) {  // the port may be taken
    server->port_ = FreePort();
    if (const absl::Status status = server->StartAgain(); status.ok() || attempt == 2) {
      RONDA_RETURN_IF_ERROR(status);
      break;
    }
  }
  return server;
}

PostgresServer::~PostgresServer() {
  if (pid_ > 0) {
    // SIGQUIT would be ignored by stopped processes; a killed postmaster's children see it gone.
    for (const pid_t pid : Processes()) {
      kill(pid, SIGKILL);
    }
    waitpid(pid_, nullptr, 0);
  }
}

absl::Status PostgresServer::InitDb() {
  const std::string log = dir_.File("initdb.log");
  if (const passwd* user = getpwnam("postgres"); geteuid() == 0 && user != nullptr) {
    if (chown(dir_.path().c_str(), user->pw_uid, user->pw_gid) != 0) {
      return ErrnoStatus(errno, "chown of " + dir_.path());
    }
  }
  RONDA_RETURN_IF_ERROR(
      RunToEnd({bin_dir_ + "/initdb", "--pgdata=" + dir_.File("data"), "--username=postgres",
                "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"},
               log));
  std::string rules;
  for (const std::string& user : options_.password_users) {
    rules += "host all " + user + " 127.0.0.1/32 scram-sha-256\n";
  }
  rules += "host all all 127.0.0.1/32 trust\nlocal all all trust\n";
  std::ofstream(dir_.File("data/pg_hba.conf"), std::ios::trunc) << rules;
  std::ofstream settings(dir_.File("data/postgresql.conf"), std::ios::app);
  settings << "fsync = off\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '"
           << dir_.path() << "'\nshared_buffers = 8MB\nautovacuum = off\nssl = off\n"
           << "max_connections = " << options_.max_connections
           << "\nsuperuser_reserved_connections = " << options_.superuser_reserved << "\n";
  for (const std::string& setting : options_.settings) {
    settings << setting << "\n";
  }
  return settings.flush() ? absl::OkStatus()
                          : Fail(absl::StatusCode::kInternal, "writing postgresql.conf");
}

absl::Status PostgresServer::StartAgain() {
  pid_ = Spawn({bin_dir_ + "/postgres", "-D", dir_.File("data"), "-p", std::to_string(port_)},
               dir_.File("server.log"));
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < end) {
    if (PostgresSession::Open(Connection()).ok()) {
      return absl::OkStatus();
    }
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = 0;
      return Fail(absl::StatusCode::kInternal, "the PostgreSQL server ended: {}", Log());
    }
    std::this_thread::sleep_for(kPoll);
  }
  return Fail(absl::StatusCode::kDeadlineExceeded, "starting PostgreSQL: {}", Log());
}

absl::Status PostgresServer::Stop() {
  const pid_t pid = std::exchange(pid_, 0);
  if (pid <= 0 || kill(pid, SIGINT) != 0 || waitpid(pid, nullptr, 0) != pid) {
    return Fail(absl::StatusCode::kFailedPrecondition, "stopping PostgreSQL: it does not run");
  }
  return absl::OkStatus();
}

std::vector<pid_t> PostgresServer::Processes() const {
  std::vector<pid_t> all = {pid_};
  const std::string pid = std::to_string(pid_);
  std::ifstream children("/proc/" + pid + "/task/" + pid + "/children");
  for (pid_t child = 0; children >> child;) {
    all.push_back(child);
  }
  return all;
}

void PostgresServer::Pause() {
  kill(pid_, SIGSTOP);  // first: it forks no more
  for (const pid_t pid : Processes()) {
    kill(pid, SIGSTOP);
  }
}

void PostgresServer::Resume() {
  std::vector<pid_t> all = Processes();
  std::for_each(all.rbegin(), all.rend(), [](pid_t pid) { kill(pid, SIGCONT); });
}

std::string PostgresServer::Connection(const std::string& user, const std::string& database) const {
  return fmt::format("host=127.0.0.1 port={} user={} dbname={}", port_, user, database);
}

absl::StatusOr<std::vector<std::vector<std::string>>> PostgresServer::Run(
    const std::string& sql) const {
  RONDA_ASSIGN_OR_RETURN(PostgresSession session, PostgresSession::Open(Connection()));
  return session.Run(sql);
}

absl::StatusOr<std::string> PostgresServer::Value(const std::string& sql) const {
  RONDA_ASSIGN_OR_RETURN(PostgresSession session, PostgresSession::Open(Connection()));
  return session.Value(sql);
}

absl::Status PostgresServer::RunFile(const std::string& path) const {
  RONDA_ASSIGN_OR_RETURN(const std::string sql, ReadFile(path));
  return Run(sql).status();
}

int PostgresServer::Backends() const {
  int n = 0;
  for (const pid_t pid : Processes()) {
    std::string title;  // "postgres: user database 127.0.0.1(port) idle", or "[local]"
    std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/cmdline"), title);
    n += title.find(" 127.0.0.1(") != std::string::npos ||
         title.find(" [local]") != std::string::npos;
  }
  return n;
}

std::string PostgresServer::Log() const {
  const absl::StatusOr<std::string> log = ReadFile(dir_.File("server.log"));
  return log.ok() ? *log : "";
}

}  // namespace ronda
