#include "collector/backup/verify.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "collector/survey/survey.h"
#include "common/base/status.h"

namespace ronda::backup {
namespace {

void Add(VerifyResult* result, const ManifestFile& file, std::string_view problem) {
  ++result->problem_count;
  result->problems.push_back(fmt::format("{} ({}): {}", file.name, file.stored, problem));
}

void VerifyFile(const std::string& path, const ManifestFile& file, const Progress& progress,
                VerifyResult* result) {
  const absl::StatusOr<FileDigest> digest = HashFile(path, "reading " + file.name, progress);
  if (!digest.ok()) {
    Add(result, file, Message(digest.status()));
    return;
  }
  result->bytes += digest->bytes;
  if (digest->bytes != file.bytes) {
    Add(result, file, fmt::format("holds {} bytes, not {}", digest->bytes, file.bytes));
  } else if (digest->sha256 != file.sha256) {
    Add(result, file, "its checksum is wrong: it is damaged");
  }
  if (IsAccessName(file.name)) {
    struct stat info {};
    if (IsSecretName(file.name) && stat(path.c_str(), &info) == 0 && (info.st_mode & 077) != 0) {
      Add(result, file, "a secret that others can read: chmod 600");
    }
    return;
  }
  progress("checking " + file.name, 0, 0);
  const absl::StatusOr<survey::FileReport> report =
      survey::SurveyFile(path, file.name, survey::Depth::kCheck);
  if (!report.ok()) {
    Add(result, file, Message(report.status()));
    return;
  }
  for (const std::string& problem : report->problems) {
    Add(result, file, problem);
  }
  result->problem_count += report->problem_count - static_cast<int64_t>(report->problems.size());
}

}  // namespace

absl::StatusOr<VerifyResult> VerifyBackup(const std::string& backup_dir, const Progress& progress) {
  VerifyResult result;
  RONDA_ASSIGN_OR_RETURN(result.manifest, ReadManifest(backup_dir));
  for (const ManifestFile& file : result.manifest.files) {
    ++result.files;
    VerifyFile(backup_dir + "/" + file.stored, file, progress, &result);
  }
  if (result.manifest.Find("ronda.db") == nullptr) {
    ++result.problem_count;
    result.problems.push_back("MANIFEST.json: names no ronda.db");
  }
  return result;
}

}  // namespace ronda::backup
