#include "collector/backup/manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "absl/time/time.h"
#include "collector/backup/file_copy.h"
#include "common/base/digest.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace ronda::backup {
namespace {

using Json = nlohmann::json;

constexpr int kFormat = 3;
// What holds no tokens, or no authority either, can be read by versions that know none.
constexpr int kFormatWithoutTokens = 2;
constexpr int kFormatWithoutTrust = 1;
constexpr size_t kMaxManifestBytes = 64 << 20;
constexpr size_t kMaxNameBytes = 200;
constexpr size_t kChecksumChars = 16;

std::string TimeText(int64_t t_ms) {
  return absl::FormatTime(absl::RFC3339_full, absl::FromUnixMillis(t_ms), absl::UTCTimeZone());
}

int64_t TimeFrom(const Json& json) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, json.get<std::string>(), &time, &error)) {
    throw std::invalid_argument("a time that is none");
  }
  return absl::ToUnixMillis(time);
}

// The manifest's own checksum: over its text without it.
std::string ChecksumOf(Json json) {
  json.erase("checksum");
  Sha256 sha256;
  sha256.Add(json.dump());
  return sha256.Finish();
}

// Throws what nlohmann throws.
Manifest FromJson(const Json& json) {
  Manifest manifest;
  manifest.ronda_version = json.at("ronda_version").get<std::string>();
  manifest.host = json.at("host").get<std::string>();
  manifest.data_dir = json.at("data_dir").get<std::string>();
  manifest.live = json.at("live").get<bool>();
  manifest.started_ms = TimeFrom(json.at("started"));
  manifest.finished_ms = TimeFrom(json.at("finished"));
  for (const Json& row : json.at("files")) {
    ManifestFile file;
    file.name = row.at("name").get<std::string>();
    file.stored = row.at("stored").get<std::string>();
    file.bytes = row.at("bytes").get<int64_t>();
    file.sha256 = row.at("sha256").get<std::string>();
    file.change_counter = row.at("change_counter").get<int64_t>();
    file.source_mtime_ns = row.at("source_mtime_ns").get<int64_t>();
    file.taken_ms = TimeFrom(row.at("taken"));
    // The names become paths.
    if (!IsStoreName(file.name) || file.sha256.size() != 64 ||
        file.stored != StoredName(file.name, file.sha256)) {
      throw std::invalid_argument("a file that no backup holds: " + file.name);
    }
    manifest.files.push_back(std::move(file));
  }
  return manifest;
}

}  // namespace

int64_t Manifest::TotalBytes() const {
  int64_t total = 0;
  for (const ManifestFile& file : files) {
    total += file.bytes;
  }
  return total;
}

const ManifestFile* Manifest::Find(std::string_view name) const {
  const auto it = std::find_if(files.begin(), files.end(),
                               [&](const ManifestFile& file) { return file.name == name; });
  return it == files.end() ? nullptr : &*it;
}

std::string StoredName(std::string_view name, std::string_view sha256) {
  return std::string(name) + "." + std::string(sha256.substr(0, kChecksumChars));
}

bool IsAccessName(std::string_view name) {
  return std::find(kAccessNames.begin(), kAccessNames.end(), name) != kAccessNames.end();
}

bool IsSecretName(std::string_view name) {
  return name.starts_with("trust/ca.key") || name.starts_with("trust/collector.key") ||
         name.starts_with(kTokensName);
}

bool IsStoreName(std::string_view name) {
  if (name == "ronda.db" || name == "history/recent.db" || IsAccessName(name)) {
    return true;
  }
  for (const std::string_view folder :
       {"history/raw/", "history/minute/", "history/hour/", "history/records/"}) {
    if (name.starts_with(folder)) {
      name.remove_prefix(folder.size());
      return name.size() > 3 && name.size() <= kMaxNameBytes && name.ends_with(".db") &&
             std::all_of(name.begin(), name.end(),
                         [](char c) { return c > ' ' && c <= '~' && c != '/'; });
    }
  }
  return false;
}

bool IsTemporaryName(std::string_view path) {
  for (const std::string_view suffix : {".tmp", ".tmp-wal", ".tmp-shm", ".tmp-journal"}) {
    if (path.ends_with(suffix)) {
      return IsStoreName(path.substr(0, path.size() - suffix.size()));
    }
  }
  return false;
}

bool IsStoredName(std::string_view path) {
  const size_t dot = path.rfind('.');
  if (dot == std::string_view::npos || path.size() - dot - 1 != kChecksumChars) {
    return false;
  }
  return path.find_first_not_of("0123456789abcdef", dot + 1) == std::string_view::npos &&
         IsStoreName(path.substr(0, dot));
}

std::string FormatManifest(const Manifest& manifest) {
  Json files = Json::array();
  for (const ManifestFile& file : manifest.files) {
    files.push_back({{"name", file.name},
                     {"stored", file.stored},
                     {"bytes", file.bytes},
                     {"sha256", file.sha256},
                     {"change_counter", file.change_counter},
                     {"source_mtime_ns", file.source_mtime_ns},
                     {"taken", TimeText(file.taken_ms)}});
  }
  const bool trust = std::any_of(manifest.files.begin(), manifest.files.end(),
                                 [](const ManifestFile& file) { return IsAccessName(file.name); });
  const int format = manifest.Find(kTokensName) != nullptr ? kFormat
                     : trust                               ? kFormatWithoutTokens
                                                           : kFormatWithoutTrust;
  Json json = {{"format", format},
               {"ronda_version", manifest.ronda_version},
               {"host", manifest.host},
               {"data_dir", manifest.data_dir},
               {"live", manifest.live},
               {"started", TimeText(manifest.started_ms)},
               {"finished", TimeText(manifest.finished_ms)},
               {"total_files", manifest.files.size()},
               {"total_bytes", manifest.TotalBytes()},
               {"files", std::move(files)}};
  // A path may be any bytes; what is no UTF-8 in it is replaced.
  json = Json::parse(json.dump(-1, ' ', false, Json::error_handler_t::replace));
  json["checksum"] = ChecksumOf(json);
  return json.dump(2) + "\n";
}

absl::StatusOr<Manifest> ParseManifest(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    if (json.at("format").get<int>() > kFormat) {
      return Fail(absl::StatusCode::kFailedPrecondition, "written by a later version of Ronda ({})",
                  json.at("ronda_version").get<std::string>());
    }
    if (json.at("checksum").get<std::string>() != ChecksumOf(json)) {
      return Fail(absl::StatusCode::kDataLoss, "its checksum is wrong");
    }
    return FromJson(json);
  } catch (const std::exception& error) {
    return Fail(absl::StatusCode::kDataLoss, "not a manifest: {}", error.what());
  }
}

absl::StatusOr<Manifest> ReadManifest(const std::string& dir) {
  const std::string path = dir + "/" + std::string(kManifestName);
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxManifestBytes);
  if (absl::IsNotFound(text.status())) {
    return Fail(absl::StatusCode::kNotFound, "{} holds no backup: there is no {}", dir,
                kManifestName);
  }
  RONDA_RETURN_IF_ERROR(text.status());
  absl::StatusOr<Manifest> manifest = ParseManifest(*text);
  return manifest.ok() ? manifest : Annotate(manifest.status(), path);
}

absl::Status WriteManifest(const std::string& dir, const Manifest& manifest) {
  RONDA_RETURN_IF_ERROR(
      WriteFileAtomically(dir + "/" + std::string(kManifestName), FormatManifest(manifest)));
  return SyncFolder(dir);
}

}  // namespace ronda::backup
