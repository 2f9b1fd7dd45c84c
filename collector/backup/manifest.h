// MANIFEST.json: what a backup folder holds. A backup is what its manifest says; other files in the
// folder are of no account.
//
// Files are stored under their name and the front of their checksum ("history/recent.db.9f86d081"),
// so that a backup never writes over a file of the one before: until the new manifest has taken the
// old one's place, the old backup is whole.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ronda::backup {

struct ManifestFile {
  std::string name;    // in the data folder
  std::string stored;  // in the backup folder
  int64_t bytes = 0;
  std::string sha256;
  int64_t change_counter = 0;   // of SQLite's header (file format, 1.3.7), in the copy
  int64_t source_mtime_ns = 0;  // of a file that was copied as it lay there; 0: of a live one
  int64_t taken_ms = 0;
};

struct Manifest {
  std::string ronda_version;
  std::string host;
  std::string data_dir;
  bool live = false;  // taken beside a running collector
  int64_t started_ms = 0;
  int64_t finished_ms = 0;
  std::vector<ManifestFile> files;

  int64_t TotalBytes() const;
  const ManifestFile* Find(std::string_view name) const;
};

inline constexpr std::string_view kManifestName = "MANIFEST.json";

// The name under which a file of that checksum is stored.
std::string StoredName(std::string_view name, std::string_view sha256);
// Whether a path is one of a file that backups hold.
bool IsStoreName(std::string_view name);
// The files that say who may do what, for their owner alone: the collector's own authority
// (collector/trust/authority.h) and the hashes of the tokens of HTTP (collector/http/tokens.h).
inline constexpr std::string_view kTokensName = "http-tokens";
inline constexpr std::array<std::string_view, 5> kAccessNames = {
    "trust/ca.key", "trust/ca.pem", "trust/collector.key", "trust/collector.pem", kTokensName};
bool IsAccessName(std::string_view name);
// Whether it is one of those that nobody else may read, or the name that StoredName() gives one.
bool IsSecretName(std::string_view name);
// Whether a path in a backup folder is one that StoredName() makes.
bool IsStoredName(std::string_view path);
// Whether it is what a backup that was interrupted leaves of such a file.
bool IsTemporaryName(std::string_view path);

std::string FormatManifest(const Manifest& manifest);
// kDataLoss: not a manifest, or damaged. kFailedPrecondition: of a later version.
absl::StatusOr<Manifest> ParseManifest(std::string_view text);

// kNotFound: `dir` holds no backup.
absl::StatusOr<Manifest> ReadManifest(const std::string& dir);
// Durable when it returns.
absl::Status WriteManifest(const std::string& dir, const Manifest& manifest);

}  // namespace ronda::backup
