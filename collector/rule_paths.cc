#include "collector/rule_paths.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "absl/cleanup/cleanup.h"
#include "common/base/status.h"

namespace ronda::collector {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPlaces[] = {"/etc/ronda/rules", "/usr/share/ronda/rules"};

absl::StatusOr<std::vector<std::string>> FilesOfFolder(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const fs::path& path = it->path();
    const std::string name = path.filename().string();
    if (!name.starts_with('.') && (path.extension() == ".yml" || path.extension() == ".yaml")) {
      files.push_back(path.string());
    }
  }
  if (error) {
    return ErrnoStatus(error.value(), "reading the rules in " + folder);
  }
  std::sort(files.begin(), files.end());
  return files;
}

absl::StatusOr<std::vector<std::string>> FilesOfGlob(const std::string& pattern) {
  glob_t found{};
  const auto release = absl::MakeCleanup([&found] { globfree(&found); });
  const int result = glob(pattern.c_str(), GLOB_ERR, nullptr, &found);
  if (result == GLOB_NOMATCH) {
    return std::vector<std::string>{};
  }
  if (result != 0) {
    return Fail(absl::StatusCode::kPermissionDenied, "reading the folders of the rules {}",
                pattern);
  }
  return std::vector<std::string>(found.gl_pathv, found.gl_pathv + found.gl_pathc);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> FindRuleFiles(const std::vector<std::string>& paths) {
  std::error_code error;
  if (paths.empty()) {
    for (const std::string_view place : kPlaces) {
      if (fs::is_directory(place, error)) {
        return FilesOfFolder(std::string(place));
      }
    }
    return std::vector<std::string>{};
  }
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::vector<std::string> found{path};
    if (fs::is_directory(path, error)) {
      RONDA_ASSIGN_OR_RETURN(found, FilesOfFolder(path));
    } else if (path.find_first_of("*?[") != std::string::npos && !fs::exists(path, error)) {
      RONDA_ASSIGN_OR_RETURN(found, FilesOfGlob(path));
    } else if (!fs::exists(path, error)) {
      return Fail(absl::StatusCode::kNotFound, "no such rule file or folder: {}", path);
    }
    for (std::string& file : found) {
      if (std::find(files.begin(), files.end(), file) == files.end()) {
        files.push_back(std::move(file));
      }
    }
  }
  return files;
}

}  // namespace ronda::collector
