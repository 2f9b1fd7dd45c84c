#include "agent/config.h"

#include <re2/re2.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/config/address.h"
#include "common/config/log_options.h"
#include "common/config/secret.h"
#include "common/model/labels.h"

namespace ronda::agent {
namespace {

using config::Bool;
using config::Duration;
using config::Errors;
using config::Int;
using config::List;
using config::Object;
using config::OneOf;
using config::OptionalString;
using config::PositionOf;
using config::Size;
using config::String;
using config::Type;
using config::Value;

constexpr size_t kMaxNodeBytes = 253;  // of a DNS name (RFC 1035)
constexpr int64_t kSecond = 1'000;
constexpr int64_t kHour = 3'600 * kSecond;
constexpr int64_t kMiB = 1 << 20;

// These are the collector's, or belong to histograms and summaries.
constexpr std::array<std::string_view, 5> kReservedLabels{"node", "instance", "job", "le",
                                                          "quantile"};

bool IsNodeCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

std::string CheckNode(std::string_view node) {
  if (node.size() > kMaxNodeBytes || !std::all_of(node.begin(), node.end(), IsNodeCharacter)) {
    return fmt::format("\"{}\" is not a node's name: letters, digits, '.', '-' and '_', at most {}",
                       node.substr(0, kMaxNodeBytes), kMaxNodeBytes);
  }
  return "";
}

std::string CheckLabel(std::string_view name) {
  if (std::find(kReservedLabels.begin(), kReservedLabels.end(), name) != kReservedLabels.end()) {
    return fmt::format("the label \"{}\" is Ronda's own, take another name", name);
  }
  if (!IsLabelName(name) || name.starts_with("__")) {
    return fmt::format(
        "\"{}\" is not a label's name: letters, digits and '_', not first a digit or \"__\"", name);
  }
  return "";
}

std::string CheckRegex(std::string_view pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  const RE2 regex(re2::StringPiece(pattern.data(), pattern.size()), options);
  return regex.ok() ? "" : fmt::format("not a regular expression (RE2): {}", regex.error());
}

std::string HostName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') {
    return "localhost";
  }
  std::string text(name.data());
  std::replace_if(
      text.begin(), text.end(), [](char c) { return !IsNodeCharacter(c); }, '-');
  return text;
}

Type<HostConfig> HostType() {
  const auto regex = String(CheckRegex, "regular expression");
  const auto filesystem =
      Object<FilesystemConfig>()
          .Add("mount_points_exclude", &FilesystemConfig::mount_points_exclude, regex,
               "mount points to leave out; \"\" leaves out those of containers and the kernel")
          .Add("fs_types_exclude", &FilesystemConfig::fs_types_exclude, regex,
               "types of file system to leave out; \"\" leaves out those without a disk")
          .Build();
  return Object<HostConfig>()
      .Add("enabled", &HostConfig::enabled, Bool(), "watch this machine itself")
      .Add("procfs", &HostConfig::procfs, String(nullptr, "path"), "where /proc is mounted")
      .Add("sysfs", &HostConfig::sysfs, String(nullptr, "path"), "where /sys is mounted")
      .Add("rootfs", &HostConfig::rootfs, String(nullptr, "path"),
           "where the machine's root is mounted, for an agent in a container")
      .Add("disabled_samplers", &HostConfig::disabled_samplers, List(String(nullptr, "names")),
           "samplers that do not run; ronda-agent --print-metrics names them")
      .Add("filesystem", &HostConfig::filesystem, filesystem, "which file systems are watched")
      .Build();
}

// Sets password from the one source that is given.
void FindPassword(const Value& value, const std::string& path, Errors* errors,
                  PostgresConfig* out) {
  const int sources =
      !out->password_file.empty() + !out->password_env.empty() + !out->inline_password.empty();
  if (sources > 1) {
    return errors->Add(value.position, path,
                       "give only one of password_file, password_env and password");
  }
  absl::StatusOr<std::string> password = out->inline_password;
  std::string key = "password";
  if (!out->password_file.empty()) {
    key = "password_file";
    out->password_file = errors->Resolve(out->password_file);
    password = config::ReadSecretFile(out->password_file);
  } else if (!out->password_env.empty()) {
    key = "password_env";
    password = config::ReadSecretFromEnvironment(out->password_env);
  }
  if (!password.ok()) {
    return errors->Add(PositionOf(value, key), config::ChildPath(path, key),
                       Message(password.status()));
  }
  out->password = *std::move(password);
}

void CheckPostgres(const Value& value, const std::string& path, Errors* errors,
                   PostgresConfig* out) {
  if (!out->dsn.empty()) {
    const PostgresConfig unset;
    const std::pair<std::string_view, bool> parts[] = {{"host", out->host != unset.host},
                                                       {"port", out->port != unset.port},
                                                       {"user", out->user != unset.user},
                                                       {"dbname", out->dbname != unset.dbname},
                                                       {"sslmode", out->sslmode != unset.sslmode}};
    for (const auto& [key, is_set] : parts) {
      if (is_set) {
        errors->Add(PositionOf(value, key), config::ChildPath(path, key),
                    "belongs into the dsn, which is given too");
      }
    }
  }
  FindPassword(value, path, errors, out);
}

Type<PostgresConfig> PostgresType() {
  return Object<PostgresConfig>()
      .Add("name", &PostgresConfig::name, OptionalString(),
           "the server's name in the label instance", "HOST:PORT of the connection")
      .Add("dsn", &PostgresConfig::dsn, config::StringWithSecrets(),
           "libpq connection string or URI, in place of host to sslmode", "none")
      .Add("host", &PostgresConfig::host, OptionalString(),
           "name, address, or folder of the socket", "the local socket")
      .Add("port", &PostgresConfig::port, Int(1, 65'535), "TCP port, or number of the socket")
      .Add("user", &PostgresConfig::user, OptionalString(), "role to connect as",
           "the user the agent runs as")
      .Add("dbname", &PostgresConfig::dbname, String(), "database to connect to")
      .Add("password_file", &PostgresConfig::password_file, OptionalString(nullptr, "path"),
           "file with the password and nothing else, readable by the agent alone", "none")
      .Add("password_env", &PostgresConfig::password_env,
           OptionalString(nullptr, "variable's name"), "environment variable with the password",
           "none")
      .Add("password", &PostgresConfig::inline_password, config::Secret(),
           "the password itself; better one of the two above", "none")
      .Add("sslmode", &PostgresConfig::sslmode,
           OneOf<std::string>({{"disable", "disable"},
                               {"allow", "allow"},
                               {"prefer", "prefer"},
                               {"require", "require"},
                               {"verify-ca", "verify-ca"},
                               {"verify-full", "verify-full"}}),
           "as libpq's", "prefer")
      .Add("interval", &PostgresConfig::interval_ms, Duration(kSecond, kHour),
           "time between two looks")
      .Add("timeout", &PostgresConfig::timeout_ms, Duration(100, 60 * kSecond),
           "a statement that takes longer is cancelled")
      .Add("connect_timeout", &PostgresConfig::connect_timeout_ms, Duration(kSecond, 60 * kSecond),
           "a connection that takes longer is given up")
      .Also(CheckPostgres)
      .Build();
}

// Why that collector may not be spoken to in plain text; "" if it may, or is not.
std::string CheckPlain(const AgentConfig& config, const std::string& collector) {
  const auto address = config::ParseAddress(collector);
  if (!config.insecure || config.insecure_anywhere || !address.ok() ||
      config::IsLoopback(address->host)) {
    return "";
  }
  return fmt::format(
      "sending to {} in plain text is refused, it is another machine; enrol this node instead or, "
      "in a network that you trust, set insecure_anywhere: true (--insecure-anywhere)",
      collector);
}

void CheckAgent(const Value& value, const std::string& /*path*/, Errors* errors, AgentConfig* out) {
  if (out->node.empty()) {
    out->node = HostName();
  }
  if (out->collectors.empty()) {
    errors->Add(PositionOf(value, "collectors"), "collectors", "at least one is needed");
  }
  if (out->spool.path != "none") {
    out->spool.path = errors->Resolve(out->spool.path);
  }
  for (std::string* path : {&out->tls.ca, &out->tls.cert, &out->tls.key}) {
    *path = errors->Resolve(*path);
  }
  for (const std::string& collector : out->collectors) {
    if (const std::string what = CheckPlain(*out, collector); !what.empty()) {
      errors->Add(PositionOf(value, "insecure"), "insecure", what);
    }
  }
  std::set<std::string> names;
  for (size_t i = 0; i < out->postgres.size(); ++i) {
    const std::string& name = out->postgres[i].name;
    if (!name.empty() && !names.insert(name).second) {
      const Value& item = value.Find("postgres")->items[i];
      errors->Add(PositionOf(item, "name"), fmt::format("postgres[{}].name", i),
                  fmt::format("the name \"{}\" is there twice", name));
    }
  }
}

Type<AgentConfig> AgentType() {
  return Object<AgentConfig>()
      .Add("node", &AgentConfig::node, String(CheckNode), "the node's name in all its series",
           "the host's name")
      .Add("labels", &AgentConfig::labels, config::Table(CheckLabel),
           "labels on all series of this node, such as role or env")
      .Add("collectors", &AgentConfig::collectors, List(config::AddressText(), 16),
           "where to send to, in order of preference; an IPv6 address stands in brackets")
      .Add("tls", &AgentConfig::tls,
           Object<TlsConfig>()
               .Add("ca", &TlsConfig::ca, String(nullptr, "path"),
                    "the authority that collectors are believed by, PEM")
               .Add("cert", &TlsConfig::cert, String(nullptr, "path"),
                    "this node's certificate, PEM; renewed in time")
               .Add("key", &TlsConfig::key, String(nullptr, "path"),
                    "its key, readable by the agent alone")
               .Build(),
           "the files that ronda-agent enroll writes")
      .Add("insecure", &AgentConfig::insecure, Bool(),
           "speak plain text, to collectors on this machine")
      .Add("insecure_anywhere", &AgentConfig::insecure_anywhere, Bool(),
           "with insecure: to collectors on other machines too")
      .Add("host", &AgentConfig::host, HostType(), "the machine itself")
      .Add("postgres", &AgentConfig::postgres, List(PostgresType(), 64),
           "PostgreSQL servers to watch", "none")
      .Add(
          "spool", &AgentConfig::spool,
          Object<SpoolConfig>()
              .Add("path", &SpoolConfig::path, String(nullptr, "path"),
                   "file that keeps what is not acknowledged over restarts and long outages; it is "
                   "there only while it holds something; \"none\" keeps all in memory")
              .Add("max_age", &SpoolConfig::max_age_ms, Duration(60 * kSecond, 30 * 24 * kHour),
                   "what is older goes, and a gap is recorded")
              .Add("max_bytes", &SpoolConfig::max_bytes, Size(kMiB, 1024 * 1024 * kMiB),
                   "what the file may hold; then the oldest goes, and a gap is recorded")
              .Add("max_memory", &SpoolConfig::max_memory_bytes, Size(kMiB, 1024 * kMiB),
                   "the same for what is in memory, when the disk is full or fails")
              .Build(),
          "what waits for the collector")
      .Add("failover", &AgentConfig::failover,
           Object<FailoverConfig>()
               .Add("after", &FailoverConfig::after_ms, Duration(kSecond, kHour),
                    "a collector that acknowledges nothing for so long is left for the next one")
               .Add("return_after", &FailoverConfig::return_after_ms, Duration(kSecond, 24 * kHour),
                    "back to the first when it answers for so long, and up to half as long more")
               .Build(),
           "with more than one collector")
      .Add("log", &AgentConfig::log, config::LogType(), "the agent's own log")
      .Also(CheckAgent)
      .Build();
}

}  // namespace

absl::StatusOr<AgentConfig> ParseAgentConfig(std::string_view text, const std::string& file_name) {
  return config::Parse(text, file_name, AgentType());
}

absl::StatusOr<AgentConfig> LoadAgentConfig(const std::string& path) {
  return config::Load(path, std::string(kDefaultConfigPath), AgentType());
}

absl::Status Validate(const AgentConfig& config) {
  Errors errors("configuration");
  if (config.node.empty()) {
    errors.Add({}, "node", "the name is empty");
  } else if (const std::string what = CheckNode(config.node); !what.empty()) {
    errors.Add({}, "node", what);
  }
  if (config.collectors.empty()) {
    errors.Add({}, "collectors", "at least one is needed");
  }
  for (const std::string& collector : config.collectors) {
    if (const auto address = config::ParseAddress(collector); !address.ok()) {
      errors.Add({}, "collectors", Message(address.status()));
    }
  }
  for (const std::string& collector : config.collectors) {
    if (const std::string what = CheckPlain(config, collector); !what.empty()) {
      errors.Add({}, "insecure", what);
    }
  }
  return errors.ToStatus();
}

tls::Files TlsFiles(const AgentConfig& config) {
  return {config.tls.ca, config.tls.cert, config.tls.key};
}

std::string Describe(const AgentConfig& config) { return AgentType().print(config) + "\n"; }

std::vector<config::KeyInfo> AgentConfigKeys() { return AgentType().keys; }

}  // namespace ronda::agent
