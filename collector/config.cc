#include "collector/config.h"

#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "common/base/status.h"
#include "common/config/address.h"
#include "common/config/log_options.h"
#include "common/config/secret.h"
#include "common/config/time_zone.h"
#include "common/model/node_checks.h"
#include "common/tls/files.h"

namespace ronda::collector {
namespace {

using config::Bool;
using config::ChildPath;
using config::Duration;
using config::Errors;
using config::Int;
using config::List;
using config::Object;
using config::OneOf;
using config::PositionOf;
using config::Size;
using config::String;
using config::Type;
using config::Value;

constexpr int64_t kSecond = 1'000;
constexpr int64_t kHour = 3'600 * kSecond;
constexpr int64_t kYear = 365 * 24 * kHour;
constexpr int64_t kKiB = 1 << 10;
constexpr int64_t kMiB = 1 << 20;

std::string CheckSocket(std::string_view path) {
  // The kernel's limit (unix(7)), with the closing zero.
  const size_t limit = sizeof(sockaddr_un::sun_path) - 1;
  return path.size() <= limit
             ? ""
             : fmt::format("a socket's path has at most {} bytes, this one {}", limit, path.size());
}

std::string CheckPath(std::string_view path) { return path.empty() ? "the path is empty" : ""; }

std::string CheckUrl(std::string_view url) {
  const bool http = url.starts_with("http://") && url.size() > 7;
  const bool https = url.starts_with("https://") && url.size() > 8;
  const bool clean = std::none_of(url.begin(), url.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
  });
  return (http || https) && clean ? "" : "expected a URL that begins with http:// or https://";
}

std::string CheckHeader(std::string_view name) {
  const auto is_token = [](char c) {  // RFC 9110, 5.6.2
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), is_token)
             ? ""
             : "not the name of an HTTP header";
}

// Why `listen` may not be used, or OK.
absl::Status CheckListen(const CollectorConfig& config) {
  RONDA_ASSIGN_OR_RETURN(const config::Address address, config::ParseAddress(config.listen, true));
  if (config.insecure && !config.insecure_anywhere && !config::IsLoopback(address.host)) {
    return Fail(absl::StatusCode::kFailedPrecondition,
                "listening on {}, which other machines can reach, is refused in plain text; take "
                "insecure: true away, listen on 127.0.0.1 or, in a network that you trust, set "
                "insecure_anywhere: true as well (--insecure-anywhere)",
                config.listen);
  }
  return absl::OkStatus();
}

std::string CheckHttpListen(std::string_view listen) {
  const auto address = config::ParseAddress(listen, true);
  return address.ok() ? "" : std::string(Message(address.status()));
}

// What is wrong with the HTTP part, and under which key; "" if it is fine.
std::pair<std::string_view, std::string> CheckHttp(const HttpConfig& http, bool insecure) {
  if (http.tls_certificate.empty() != http.tls_key.empty()) {
    return {http.tls_key.empty() ? "tls_certificate" : "tls_key",
            "tls_certificate and tls_key belong together"};
  }
  if (http.listen.empty()) {
    return {};
  }
  const auto address = config::ParseAddress(http.listen, true);
  if (!address.ok()) {
    return {"listen", std::string(Message(address.status()))};
  }
  if (config::IsLoopback(address->host)) {
    return {};
  }
  if (http.tls_certificate.empty() && !insecure) {
    return {"listen",
            fmt::format("serving HTTP on {}, which other machines can reach, is refused without "
                        "http.tls_certificate and http.tls_key; listen on 127.0.0.1 or, in a "
                        "network you trust, set insecure_anywhere: true",
                        http.listen)};
  }
  if (http.token_file.empty()) {
    return {"listen",
            fmt::format("serving HTTP on {}, which other machines can reach, needs "
                        "http.token_file: there everybody needs a token (ronda-collector token "
                        "add)",
                        http.listen)};
  }
  return {};
}

Type<HttpConfig> HttpType() {
  return Object<HttpConfig>()
      .Add("listen", &HttpConfig::listen, config::OptionalString(CheckHttpListen, "HOST:PORT"),
           "where the HTTP API is served; port 0 takes a free one",
           "127.0.0.1:7711, or a free port if that is taken")
      .Add("tls_certificate", &HttpConfig::tls_certificate,
           config::OptionalString(CheckPath, "path"), "PEM file of the certificate and its chain",
           "none: plain text, on this machine alone")
      .Add("tls_key", &HttpConfig::tls_key, config::OptionalString(CheckPath, "path"),
           "PEM file of its key, readable by the collector alone", "none")
      .Add("token_file", &HttpConfig::token_file, config::OptionalString(CheckPath, "path"),
           "hashes of the tokens that may write, or read from other machines; written by "
           "ronda-collector token",
           "http-tokens in data_dir")
      .Add("max_queries", &HttpConfig::max_queries, Int(1, 256), "queries that run at a time")
      .Add("max_waiting_queries", &HttpConfig::max_waiting_queries, Int(0, 100'000),
           "queries that may wait; more are answered with 503")
      .Build();
}

std::string CheckNode(std::string_view name) { return std::string(Message(CheckNodeName(name))); }

std::string CheckName(std::string_view name) {
  const bool clean =
      !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '-' || c == ':';
      });
  return clean ? "" : fmt::format("\"{}\" is neither a host's name nor an address", name);
}

void CheckTlsKeys(const Value& value, const std::string& path, Errors* errors, TlsConfig* out) {
  const std::pair<std::string_view, std::string*> files[] = {
      {"ca", &out->ca}, {"cert", &out->cert}, {"key", &out->key}};
  const bool any = !out->ca.empty() || !out->cert.empty() || !out->key.empty();
  for (const auto& [key, file] : files) {
    if (any && file->empty()) {
      errors->Add(value.position, ChildPath(path, key), "ca, cert and key are given together");
    } else if (any) {
      *file = errors->Resolve(*file);
    }
  }
}

void CheckWebhook(const Value& value, const std::string& path, Errors* errors, ChannelConfig* out) {
  if (out->inline_url.empty() == out->url_file.empty()) {
    return errors->Add(value.position, path, "a webhook needs one of url and url_file");
  }
  for (const auto& [name, text] : out->headers) {
    if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      errors->Add(PositionOf(value, "headers"), ChildPath(path, "headers." + name),
                  "a header's value is one line");
    }
  }
  out->url = out->inline_url;
  if (out->url_file.empty()) {
    return;
  }
  out->url_file = errors->Resolve(out->url_file);
  const auto url = config::ReadSecretFile(out->url_file);
  const std::string what = url.ok() ? CheckUrl(*url) : std::string(Message(url.status()));
  if (!what.empty()) {
    return errors->Add(PositionOf(value, "url_file"), ChildPath(path, "url_file"), what);
  }
  out->url = *url;
}

void CheckChannel(const Value& value, const std::string& path, Errors* errors, ChannelConfig* out) {
  if (out->name.empty()) {
    errors->Add(value.position, path, "a channel needs a name");
  }
  if (out->type == ChannelType::kWebhook) {
    return CheckWebhook(value, path, errors, out);
  }
  const std::pair<std::string_view, bool> parts[] = {{"url", !out->inline_url.empty()},
                                                     {"url_file", !out->url_file.empty()},
                                                     {"headers", !out->headers.empty()}};
  for (const auto& [key, is_set] : parts) {
    if (is_set) {
      errors->Add(PositionOf(value, key), ChildPath(path, key), "belongs to type: webhook");
    }
  }
}

Type<ChannelConfig> NewChannelType() {
  return Object<ChannelConfig>()
      .Add("name", &ChannelConfig::name, String(), "how the channel is called in messages",
           "must be given")
      .Add("type", &ChannelConfig::type,
           OneOf<ChannelType>({{"log", ChannelType::kLog}, {"webhook", ChannelType::kWebhook}}),
           "the collector's log, or an HTTP POST of Alertmanager's JSON")
      .Add("url", &ChannelConfig::inline_url, config::StringWithSecrets(CheckUrl, "URL"),
           "where a webhook posts to", "none")
      .Add("url_file", &ChannelConfig::url_file, config::OptionalString(nullptr, "path"),
           "file with the URL, readable by the collector alone, for URLs that are secrets", "none")
      .Add("headers", &ChannelConfig::headers, config::Table(CheckHeader, true),
           "HTTP headers to add, such as Authorization")
      .Add("timeout", &ChannelConfig::timeout_ms, Duration(100, 60 * kSecond),
           "an answer that takes longer counts as none, and the message is sent again")
      .Also(CheckChannel)
      .Build();
}

Type<LimitsConfig> LimitsType() {
  return Object<LimitsConfig>()
      .Add("max_message", &LimitsConfig::max_message_bytes, Size(64 * kKiB, 64 * kMiB),
           "largest message of an agent; one that sends a larger one is disconnected")
      .Add("max_series", &LimitsConfig::max_series, Int(1, 10'000'000),
           "series of one agent; groups of series beyond it are refused")
      .Add("max_new_series", &LimitsConfig::max_new_series, Int(1, 10'000'000),
           "new series of one agent a minute, after max_series at once; groups with more are "
           "refused until there is room")
      .Add("max_labels", &LimitsConfig::max_labels, Int(1, 32),
           "labels of one series, without the node's own")
      .Add("max_label_name", &LimitsConfig::max_label_name_bytes, Size(8, 128),
           "longest name of a metric or label")
      .Add("max_label_value", &LimitsConfig::max_label_value_bytes, Size(8, kKiB),
           "longest value of a label")
      .Add("max_samples", &LimitsConfig::max_samples, Int(100, 100'000'000),
           "samples of one agent a second (a message counts as 100 at least); from one that sends "
           "more is read more slowly, and it keeps the rest")
      .Add("max_ahead", &LimitsConfig::max_ahead_ms, Duration(kSecond, 24 * kHour),
           "samples of a node whose clock is further ahead than this are refused")
      .Add("max_agents", &LimitsConfig::max_agents, Int(1, 1'000'000),
           "agents connected at the same time")
      .Build();
}

// Completes what a kind leaves to the others.
void CheckRecords(const Value& value, const std::string& path, Errors* errors, RecordsConfig* out) {
  std::set<std::string> names;
  for (size_t i = 0; i < out->kinds.size(); ++i) {
    RecordKindConfig& kind = out->kinds[i];
    const std::string item = fmt::format("kinds[{}].kind", i);
    if (kind.kind.empty()) {
      errors->Add(value.Find("kinds")->items[i].position, ChildPath(path, item),
                  "which kind of records this is about must be given");
    } else if (!names.insert(kind.kind).second) {
      errors->Add(PositionOf(value.Find("kinds")->items[i], "kind"), ChildPath(path, item),
                  fmt::format("the kind \"{}\" is there twice", kind.kind));
    }
    kind.keep_ms = kind.keep_ms < 0 ? out->keep_ms : kind.keep_ms;
    kind.max_size_bytes = kind.max_size_bytes < 0 ? out->max_size_bytes : kind.max_size_bytes;
  }
}

Type<RecordsConfig> RecordsType() {
  const auto kind =
      Object<RecordKindConfig>()
          .Add("kind", &RecordKindConfig::kind, String(), "such as alert or gap", "must be given")
          .Add("keep", &RecordKindConfig::keep_ms, Duration(kHour, 100 * kYear),
               "how long records of the kind are kept", "that of retention.records")
          .Add("max_size", &RecordKindConfig::max_size_bytes, Size(0, int64_t{1} << 50),
               "most that they may take, 0 is no limit", "that of retention.records")
          .Build();
  return Object<RecordsConfig>()
      .Add("keep", &RecordsConfig::keep_ms, Duration(kHour, 100 * kYear),
           "how long records are kept")
      .Add("max_size", &RecordsConfig::max_size_bytes, Size(0, int64_t{1} << 50),
           "most that the records of one kind may take, 0 is no limit; their oldest hours go first")
      .Add("kinds", &RecordsConfig::kinds, List(kind, 100), "kinds that are kept otherwise", "none")
      .Also(CheckRecords)
      .Build();
}

// Less than the files take when they are empty is no limit that can be kept.
constexpr int64_t kLeastMaxSize = int64_t{4} << 20;

void CheckRetention(const Value& value, const std::string& path, Errors* errors,
                    RetentionConfig* out) {
  if (out->max_size_bytes > 0 && out->max_size_bytes < kLeastMaxSize) {
    errors->Add(PositionOf(value, "max_size"), ChildPath(path, "max_size"),
                "must be 0 (no limit) or at least 4MiB: history's files with their logs take about "
                "1 MiB before they hold anything");
  }
}

std::string CheckExternalUrl(std::string_view url) {
  const bool has_scheme = url.starts_with("http://") || url.starts_with("https://");
  const bool has_host = has_scheme && url.size() > url.find("//") + 2;
  return url.empty() || (has_host && url.find_first_of(" \t?#") == std::string_view::npos)
             ? ""
             : "must be such as https://ronda.example.com, without ? and #";
}

void CheckCollector(const Value& value, const std::string& /*path*/, Errors* errors,
                    CollectorConfig* out) {
  if (const absl::Status listen = CheckListen(*out); !listen.ok()) {
    errors->Add(PositionOf(value, "listen"), "listen", Message(listen));
  }
  if (const auto [key, what] = CheckHttp(out->http, out->insecure_anywhere); !what.empty()) {
    const Value* http = value.Find("http");
    errors->Add(http != nullptr ? PositionOf(*http, key) : value.position, ChildPath("http", key),
                what);
  }
  for (std::string* path :
       {&out->http.tls_certificate, &out->http.tls_key, &out->http.token_file}) {
    *path = path->empty() ? "" : errors->Resolve(*path);
  }
  if (out->insecure && !out->tls.cert.empty()) {
    errors->Add(PositionOf(value, "insecure"), "insecure", "tls.cert is given: choose one of both");
  }
  while (out->external_url.ends_with('/')) {
    out->external_url.pop_back();
  }
  for (std::string& path : out->rules) {
    path = errors->Resolve(path);
  }
  std::set<std::string> nodes;
  for (size_t i = 0; i < out->expected_nodes.size(); ++i) {
    if (!nodes.insert(out->expected_nodes[i]).second) {
      errors->Add(value.Find("expected_nodes")->items[i].position,
                  fmt::format("expected_nodes[{}]", i),
                  fmt::format("the node \"{}\" is there twice", out->expected_nodes[i]));
    }
  }
  std::set<std::string> names;
  for (size_t i = 0; i < out->channels.size(); ++i) {
    if (!names.insert(out->channels[i].name).second) {
      const Value& item = value.Find("channels")->items[i];
      errors->Add(PositionOf(item, "name"), fmt::format("channels[{}].name", i),
                  fmt::format("the name \"{}\" is there twice", out->channels[i].name));
    }
  }
  std::set<std::string> windows;
  for (size_t i = 0; i < out->maintenance.size(); ++i) {
    if (!windows.insert(out->maintenance[i].name).second) {
      errors->Add(PositionOf(value.Find("maintenance")->items[i], "name"),
                  fmt::format("maintenance[{}].name", i),
                  fmt::format("the name \"{}\" is there twice", out->maintenance[i].name));
    }
  }
  out->log.timezone = out->timezone;
}

Type<CollectorConfig> CollectorType() {
  return Object<CollectorConfig>()
      .Add("data_dir", &CollectorConfig::data_dir, String(CheckPath, "path"),
           "folder of all data; one collector at a time")
      .Add("listen", &CollectorConfig::listen, config::AddressText(true),
           "where agents and remote CLIs connect; port 0 takes a free one")
      .Add("tls", &CollectorConfig::tls,
           Object<TlsConfig>()
               .Add("ca", &TlsConfig::ca, config::OptionalString(nullptr, "path"),
                    "an authority of your own that signed the certificates, PEM", "none")
               .Add("cert", &TlsConfig::cert, config::OptionalString(nullptr, "path"),
                    "the collector's certificate from it, PEM", "none")
               .Add("key", &TlsConfig::key, config::OptionalString(nullptr, "path"),
                    "its key, readable by the collector alone", "none")
               .Add("names", &TlsConfig::names, List(String(CheckName, "names"), 100),
                    "without those: what else agents call this collector, names and addresses")
               .Add("valid_for", &TlsConfig::valid_for_ms, Duration(10 * kSecond, 10 * kYear),
                    "without those: how long certificates are good; agents renew theirs in time")
               .Also(CheckTlsKeys)
               .Build(),
           "certificates; without files Ronda makes its own in the data folder")
      .Add("insecure", &CollectorConfig::insecure, Bool(),
           "speak plain text, to this machine alone")
      .Add("insecure_anywhere", &CollectorConfig::insecure_anywhere, Bool(),
           "with insecure: to other machines too")
      .Add("socket", &CollectorConfig::socket, String(CheckSocket, "path"),
           "Unix socket for the CLI on this machine; \"\" is none")
      .Add("socket_others", &CollectorConfig::socket_others,
           OneOf<SocketOthers>({{"none", SocketOthers::kNone}, {"read", SocketOthers::kRead}}),
           "what users may do there who are not root or in the group ronda")
      .Add("silence_after", &CollectorConfig::silence_after_ms, Duration(5 * kSecond, 24 * kHour),
           "a node that has sent nothing for so long is silent")
      .Add("silence_grace", &CollectorConfig::silence_grace_ms, Duration(0, 24 * kHour),
           "time for nodes to come back after the collector's start; or twice as long as they take")
      .Add("expected_nodes", &CollectorConfig::expected_nodes,
           List(String(CheckNode, "names"), 100'000),
           "nodes that are to come: one that has not come in ten minutes is missing, and alerted")
      .Add("commit_interval", &CollectorConfig::commit_interval_ms, Duration(1, 10 * kSecond),
           "least time from one commit to the next; agents' data is acknowledged after it")
      .Add("retention", &CollectorConfig::retention,
           Object<RetentionConfig>()
               .Add("raw", &RetentionConfig::raw_ms, Duration(kHour, 100 * kYear),
                    "how long samples are kept")
               .Add("minute", &RetentionConfig::minute_ms, Duration(kHour, 100 * kYear),
                    "how long roll-ups of a minute are kept")
               .Add("hour", &RetentionConfig::hour_ms, Duration(kHour, 100 * kYear),
                    "how long roll-ups of an hour are kept")
               .Add("records", &RetentionConfig::records, RecordsType(),
                    "how long records (alerts, gaps and so on) are kept, and how many")
               .Add("max_size", &RetentionConfig::max_size_bytes, Size(0, int64_t{1} << 50),
                    "most that history may take on disk, at least 4MiB, 0 is no limit; the oldest "
                    "goes first",
                    "0")
               .Also(CheckRetention)
               .Build(),
           "how long data is kept")
      .Add("rules", &CollectorConfig::rules, List(String(CheckPath, "paths"), 1'000),
           "rule files, folders of them, or globs",
           "/etc/ronda/rules if there, else /usr/share/ronda/rules")
      .Add("channels", &CollectorConfig::channels, List(NewChannelType(), 100),
           "where notifications go", "one channel of type log")
      .Add("external_url", &CollectorConfig::external_url, String(CheckExternalUrl, "URL"),
           "where people reach this collector's HTTP, for links in messages", "none")
      .Add("external_labels", &CollectorConfig::external_labels, config::Table(CheckLabelName),
           "labels that say which collector this is: on alerts that are told, and in their texts")
      .Add("inhibit_rules", &CollectorConfig::inhibit_rules, InhibitRulesType(),
           "alerts that hold others back while they fire, as in Alertmanager", "none")
      .Add("flapping", &CollectorConfig::flapping, FlappingType(),
           "what becomes of alerts that fire and end again and again")
      .Add("maintenance", &CollectorConfig::maintenance, MaintenanceType(),
           "windows that come again, in which people are not told of some alerts", "none")
      .Add("limits", &CollectorConfig::limits, LimitsType(), "what others may use")
      .Add("http", &CollectorConfig::http, HttpType(), "the HTTP API, as Prometheus has it")
      .Add("timezone", &CollectorConfig::timezone, String(config::CheckTimeZone, "time zone"),
           "zone for people's times, such as Europe/Berlin", "the machine's")
      .Add("log", &CollectorConfig::log, config::LogType(), "the collector's own log")
      .Also(CheckCollector)
      .Build();
}

}  // namespace

absl::StatusOr<CollectorConfig> ParseCollectorConfig(std::string_view text,
                                                     const std::string& file_name) {
  return config::Parse(text, file_name, CollectorType());
}

absl::StatusOr<CollectorConfig> LoadCollectorConfig(const std::string& path) {
  return config::Load(path, std::string(kDefaultConfigPath), CollectorType());
}

absl::Status Validate(const CollectorConfig& config) {
  if (config.data_dir.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument, "data_dir: the path is empty");
  }
  if (const std::string what = CheckSocket(config.socket); !what.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument, "socket: {}", what);
  }
  if (const auto [key, what] = CheckHttp(config.http, config.insecure_anywhere); !what.empty()) {
    return Fail(absl::StatusCode::kFailedPrecondition, "http.{}: {}", key, what);
  }
  if (config.insecure && !config.tls.cert.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "insecure: tls.cert is given: choose one of both");
  }
  return Annotate(CheckListen(config), "listen");
}

mute::Gate::Options MuteOptionsOf(const CollectorConfig& config) {
  return MuteOptionsOf(config.inhibit_rules, config.flapping, config.maintenance, config.timezone);
}

std::string TrustFolder(const CollectorConfig& config) { return config.data_dir + "/trust"; }

absl::StatusOr<std::string> CheckTls(const CollectorConfig& config, int64_t now_ms) {
  if (config.insecure) {
    return "plain text";
  }
  tls::Files files{config.tls.ca, config.tls.cert, config.tls.key};
  if (files.empty()) {
    const std::string dir = TrustFolder(config);
    files = {dir + "/ca.pem", dir + "/collector.pem", dir + "/collector.key"};
    if (access(files.ca.c_str(), F_OK) != 0) {
      return fmt::format("a certificate authority will be made in {}", dir);
    }
  }
  RONDA_ASSIGN_OR_RETURN(const tls::Material material, tls::Load(files, now_ms));
  return fmt::format("the certificate in {} is fine until {}", files.certificate,
                     tls::FormatInstant(material.info.not_after_ms));
}

std::string HttpTokenFile(const CollectorConfig& config) {
  return config.http.token_file.empty() ? config.data_dir + "/http-tokens" : config.http.token_file;
}

std::string Describe(const CollectorConfig& config) { return CollectorType().print(config) + "\n"; }

std::vector<config::KeyInfo> CollectorConfigKeys() { return CollectorType().keys; }

}  // namespace ronda::collector
