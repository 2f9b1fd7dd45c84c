#include "tests/support/config_reference.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <sstream>

#include "common/base/files.h"
#include "common/config/yaml.h"

namespace ronda {
namespace {

void Collect(const config::Value& value, const std::string& path, std::set<std::string>* paths) {
  paths->insert(path);
  for (const config::Member& member : value.members) {
    Collect(member.value, config::ChildPath(path, member.key), paths);
  }
  for (const config::Value& item : value.items) {
    Collect(item, path + "[]", paths);
  }
}

}  // namespace

std::string ReadSource(const std::string& path) {
  const char* root = std::getenv("RONDA_SOURCE");
  const std::string full = fmt::format("{}/{}", root != nullptr ? root : ".", path);
  auto text = ReadFile(full);
  EXPECT_TRUE(text.ok()) << full;
  return text.ok() ? *text : "";
}

std::string Uncomment(const std::string& sample) {
  std::istringstream lines(sample);
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    const bool is_remark = line.size() > 2 && line[1] == ' ' && line[2] != ' ';
    if (line.starts_with('#') && line.size() > 1 && !is_remark) {
      line.erase(0, 1);
    }
    result += line + "\n";
  }
  return result;
}

std::vector<std::string> MissingKeys(const std::string& text,
                                     const std::vector<config::KeyInfo>& keys) {
  const auto root = config::ParseYaml(text, "sample");
  EXPECT_TRUE(root.ok()) << root.status();
  std::set<std::string> paths;
  if (root.ok()) {
    Collect(*root, "", &paths);
  }
  std::vector<std::string> missing;
  for (const config::KeyInfo& key : keys) {
    if (!paths.contains(key.path)) {
      missing.push_back(key.path);
    }
  }
  return missing;
}

std::vector<std::string> MissingRows(const std::string& readme,
                                     const std::vector<config::KeyInfo>& keys) {
  std::vector<std::string> missing;
  for (const config::KeyInfo& key : keys) {
    std::string row =
        fmt::format("| `{}` | {} | {} | {} |", key.path, key.type, key.default_text, key.help);
    if (readme.find(row + "\n") == std::string::npos) {
      missing.push_back(std::move(row));
    }
  }
  return missing;
}

}  // namespace ronda
