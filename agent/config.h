// What /etc/ronda/agent.yml says. Every key with its default is in deploy/agent.yml.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/config/spec.h"
#include "common/obs/log.h"
#include "common/tls/files.h"

namespace ronda::agent {

inline constexpr std::string_view kDefaultConfigPath = "/etc/ronda/agent.yml";

struct FilesystemConfig {
  // RE2, matched against the whole text; "" is the sampler's own list.
  std::string mount_points_exclude;
  std::string fs_types_exclude;
};

struct HostConfig {
  bool enabled = true;
  std::string procfs = "/proc";
  std::string sysfs = "/sys";
  std::string rootfs = "/";
  std::vector<std::string> disabled_samplers;
  FilesystemConfig filesystem;
};

// One server. Either `dsn` (a libpq connection string or URI) or the single parts are given.
struct PostgresConfig {
  std::string name;  // the instance; "" is the HOST:PORT of the connection
  std::string dsn;
  std::string host;  // "" is the local socket
  int64_t port = 5432;
  std::string user;
  std::string dbname = "postgres";
  std::string password_file;
  std::string password_env;
  std::string inline_password;
  std::string password;  // what one of the three above gave; "" if none is set
  std::string sslmode;   // "" is libpq's default
  int64_t interval_ms = 1'000;
  int64_t timeout_ms = 2'000;
  int64_t connect_timeout_ms = 3'000;
};

struct SpoolConfig {
  std::string path = "/var/lib/ronda-agent/spool.db";  // "none": nothing is kept on disk
  int64_t max_age_ms = int64_t{24} * 3600 * 1000;
  int64_t max_bytes = 256 << 20;
  int64_t max_memory_bytes = 16 << 20;
};

struct FailoverConfig {
  int64_t after_ms = 10'000;
  int64_t return_after_ms = 60'000;
};

// Where `ronda-agent enroll` puts them.
struct TlsConfig {
  std::string ca = "/var/lib/ronda-agent/tls/ca.pem";
  std::string cert = "/var/lib/ronda-agent/tls/node.pem";
  std::string key = "/var/lib/ronda-agent/tls/node.key";
};

struct AgentConfig {
  std::string node;  // after Parse/Load never empty: the host's name if the file has none
  std::map<std::string, std::string> labels;
  std::vector<std::string> collectors{"127.0.0.1:7710"};  // in order of preference
  TlsConfig tls;
  bool insecure = false;           // plain text, to collectors on this machine
  bool insecure_anywhere = false;  // plain text to any
  HostConfig host;
  std::vector<PostgresConfig> postgres;
  SpoolConfig spool;
  FailoverConfig failover;
  obs::LogOptions log;
};

// Reads `path`; "" means kDefaultConfigPath if that file exists, else the defaults.
// kInvalidArgument with one line "file:line:column: key: what is wrong" for each error; kNotFound,
// kPermissionDenied if the file cannot be read.
absl::StatusOr<AgentConfig> LoadAgentConfig(const std::string& path);
// The same of `text`; paths in it that are relative start at the folder of `file_name`.
absl::StatusOr<AgentConfig> ParseAgentConfig(std::string_view text, const std::string& file_name);

// What must hold once more after options of the command line have been put in: the names and
// addresses. kInvalidArgument otherwise.
absl::Status Validate(const AgentConfig& config);

// The certificate's files, for common/tls.
tls::Files TlsFiles(const AgentConfig& config);

// The effective configuration as YAML, without a secret; what --check-config prints.
std::string Describe(const AgentConfig& config);

// Every key that the file may have.
std::vector<config::KeyInfo> AgentConfigKeys();

}  // namespace ronda::agent
