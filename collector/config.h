// What /etc/ronda/collector.yml says. Every key with its default is in deploy/collector.yml.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/config_mute.h"
#include "common/config/spec.h"
#include "common/obs/log.h"

namespace ronda::collector {

inline constexpr std::string_view kDefaultConfigPath = "/etc/ronda/collector.yml";

// How much is kept of one kind of records.
struct RecordKindConfig {
  std::string kind;
  int64_t keep_ms = -1;         // -1: as of the kinds that are not named
  int64_t max_size_bytes = -1;  // likewise
};

// Of each kind that is not in `kinds`.
struct RecordsConfig {
  int64_t keep_ms = 90LL * 24 * 3'600 * 1'000;
  int64_t max_size_bytes = 256LL << 20;  // of one kind; 0: no limit
  std::vector<RecordKindConfig> kinds;
};

struct RetentionConfig {
  int64_t raw_ms = 28LL * 24 * 3'600 * 1'000;
  int64_t minute_ms = 395LL * 24 * 3'600 * 1'000;
  int64_t hour_ms = 1826LL * 24 * 3'600 * 1'000;
  int64_t max_size_bytes = 0;  // of all history files; 0: no limit
  RecordsConfig records;
};

enum class ChannelType { kLog, kWebhook };

// Where notifications go.
struct ChannelConfig {
  std::string name;
  ChannelType type = ChannelType::kLog;
  std::string inline_url = {};
  std::string url_file = {};
  std::string url = {};  // of a webhook: what one of the two above gave. A secret: never log it
  std::map<std::string, std::string> headers = {};  // values are secrets
  int64_t timeout_ms = 10'000;
};

// The collector's own certificate, of an authority of the user's. Without files Ronda's own, which
// is made in the data folder.
struct TlsConfig {
  std::string ca;
  std::string cert;
  std::string key;
  std::vector<std::string> names;  // for Ronda's own: what else agents call this collector
  int64_t valid_for_ms = 90LL * 24 * 3'600 * 1'000;  // of what Ronda's own signs
};

enum class SocketOthers { kNone, kRead };

// Of one agent, but for the last.
struct LimitsConfig {
  int64_t max_message_bytes = 4 << 20;
  int64_t max_series = 10'000;
  int64_t max_new_series = 1'000;  // a minute
  int64_t max_labels = 32;         // of one series
  int64_t max_label_name_bytes = 128;
  int64_t max_label_value_bytes = 1024;
  int64_t max_samples = 50'000;  // a second
  int64_t max_ahead_ms = 10 * 60 * 1'000;
  int64_t max_agents = 20'000;
};

// The HTTP API.
struct HttpConfig {
  std::string listen;  // "": 127.0.0.1:7711, or port 0 if `listen` has it, or if it is taken
  std::string tls_certificate;  // PEM file; "" is plain text
  std::string tls_key;
  std::string token_file;  // "": http-tokens in the data folder
  int64_t max_queries = 4;
  int64_t max_waiting_queries = 128;
};

struct CollectorConfig {
  std::string data_dir = "/var/lib/ronda-collector";
  std::string listen = "127.0.0.1:7710";  // port 0 takes a free one
  TlsConfig tls;
  bool insecure = false;                             // plain text, to this machine alone
  bool insecure_anywhere = false;                    // plain text to other machines too
  std::string socket = "/run/ronda/collector.sock";  // "" is none
  SocketOthers socket_others = SocketOthers::kNone;
  int64_t silence_after_ms = 30'000;
  int64_t silence_grace_ms = 60'000;
  std::vector<std::string> expected_nodes;
  int64_t commit_interval_ms = 50;
  RetentionConfig retention;
  // Files, folders and globs, as in the file; collector/rule_paths.h makes files of them. Empty:
  // the default places there.
  std::vector<std::string> rules;
  std::vector<ChannelConfig> channels{{.name = "log", .type = ChannelType::kLog}};
  std::string external_url;             // where people reach the HTTP; without a slash at its end
  config::StringTable external_labels;  // in texts, and on alerts that are told
  std::vector<InhibitRuleConfig> inhibit_rules;
  FlappingConfig flapping;
  std::vector<MaintenanceConfig> maintenance;
  LimitsConfig limits;
  HttpConfig http;
  std::string timezone;  // IANA name; "" is the machine's
  obs::LogOptions log;   // its timezone is the one above
};

// Reads `path`; "" means kDefaultConfigPath if that file exists, else the defaults.
// kInvalidArgument with one line "file:line:column: key: what is wrong" for each error; kNotFound,
// kPermissionDenied if the file cannot be read.
absl::StatusOr<CollectorConfig> LoadCollectorConfig(const std::string& path);
// The same of `text`; paths in it that are relative start at the folder of `file_name`.
absl::StatusOr<CollectorConfig> ParseCollectorConfig(std::string_view text,
                                                     const std::string& file_name);

// What must hold once more after options of the command line have been put in: the addresses and
// paths. kInvalidArgument otherwise; kFailedPrecondition for listening to other machines without
// TLS and without `insecure_anywhere`.
absl::Status Validate(const CollectorConfig& config);

// What of it is for the gate. Of a configuration that was read without an error.
mute::Gate::Options MuteOptionsOf(const CollectorConfig& config);

// Where the tokens are: http.token_file, or its default in the data folder.
std::string HttpTokenFile(const CollectorConfig& config);

// The folder of Ronda's own authority.
std::string TrustFolder(const CollectorConfig& config);

// Reads and checks the files of TLS, if there are any by now. Returns a line for people.
absl::StatusOr<std::string> CheckTls(const CollectorConfig& config, int64_t now_ms);

// The effective configuration as YAML, without a secret; what --check-config prints.
std::string Describe(const CollectorConfig& config);

// Every key that the file may have.
std::vector<config::KeyInfo> CollectorConfigKeys();

}  // namespace ronda::collector
