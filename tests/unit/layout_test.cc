// Holds the tree to its layout: which folder may include which, what headers may include, what lies
// at the top. The CMake targets hold links to the same table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ronda {
namespace {

namespace fs = std::filesystem;

struct Include {
  std::string path;
  bool quoted = false;  // Ronda's own, or Abseil's
};

struct File {
  std::string path;  // from the root: "collector/store/head.h"
  std::vector<Include> includes;
  size_t lines = 0;
};

// Folder, and what it may include beside itself: folders ("common/base", with those below it) and
// single headers ("collector/store/queryable.h"). A folder that is not here follows the nearest
// above it that is.
const std::map<std::string, std::vector<std::string>>& AllowedIncludes() {
  static const auto* const table = new std::map<std::string, std::vector<std::string>>{
      {"common/base", {}},
      {"common/model", {"common/base"}},
      {"common/codec", {"common/base", "common/model"}},
      {"common/obs", {"common"}},
      {"common/config", {"common"}},
      {"common/rpc", {"common", "ronda/v1"}},
      {"common/tls", {"common/base"}},
      {"agent", {"common", "agent", "ronda/v1"}},
      {"agent/schedule", {"common", "agent/samplers/frame_sink.h", "agent/samplers/sampler.h"}},
      {"agent/samplers", {"common"}},
      {"agent/samplers/host",
       {"common", "agent/samplers/sampler.h", "agent/samplers/frame_sink.h"}},
      {"agent/samplers/postgres",
       {"common", "agent/samplers/sampler.h", "agent/samplers/frame_sink.h"}},
      {"agent/spool", {"common", "agent/samplers/frame_sink.h"}},
      {"agent/enroll", {"common", "ronda/v1"}},
      {"agent/stream", {"common", "ronda/v1", "agent/spool"}},
      {"collector", {"common", "collector", "ronda/v1"}},
      {"collector/store", {"common"}},
      {"collector/survey", {"common", "collector/store"}},
      {"collector/backup", {"common", "collector/store", "collector/survey"}},
      {"collector/promql",
       {"common/model", "common/base", "collector/store/queryable.h", "collector/store/bucket.h"}},
      {"collector/template", {"common", "collector/promql"}},
      {"collector/rules",
       {"common", "collector/promql", "collector/template", "collector/notify",
        "collector/store/state_write.h", "collector/store/queryable.h"}},
      {"collector/notify",
       {"common", "collector/rules/alert.h", "collector/rules/transition.h",
        "collector/store/state_write.h", "collector/store/queryable.h"}},
      {"collector/mute",
       {"common", "collector/rules/alert.h", "collector/rules/transition.h",
        "collector/rules/extensions.h", "collector/notify/notification.h",
        "collector/store/state_write.h"}},
      {"collector/access", {"common"}},
      {"collector/trust", {"common", "ronda/v1", "collector/access", "collector/store"}},
      {"collector/admin",
       {"common", "ronda/v1", "collector/access", "collector/store", "collector/trust",
        "collector/ingest", "collector/mute", "collector/rules"}},
      {"collector/ingest",
       {"common", "ronda/v1", "collector/access", "collector/store", "collector/rules",
        "collector/notify", "collector/mute", "collector/query/live_status.h"}},
      {"collector/query",
       {"common", "ronda/v1", "collector/store", "collector/promql", "collector/rules",
        "collector/mute"}},
      {"collector/remote", {"common", "collector/store", "collector/ingest"}},
      {"collector/http",
       {"common", "collector/store", "collector/promql", "collector/query", "collector/rules",
        "collector/notify", "collector/ingest", "collector/remote", "collector/admin",
        "collector/mute", "collector/trust"}},
      {"collector/cli",
       {"common", "ronda/v1", "collector/store", "collector/survey", "collector/backup",
        "collector/promql", "collector/query", "collector/rules", "collector/notify",
        "collector/sql", "collector/transfer", "collector/trust/audit.h",
        "collector/rule_paths.h"}},
      {"collector/sql", {"common", "collector/promql", "collector/query"}},
      {"collector/transfer", {"common", "ronda/v1", "collector/promql", "collector/query"}},
      {"tests", {"common", "agent", "collector", "ronda/v1", "tests"}},
  };
  return *table;
}

// Prefixes of headers that cost seconds to compile: in sources only.
constexpr std::string_view kHeavy[] = {"grpc",     "ronda/v1/", "google/protobuf", "yaml-cpp",
                                       "pqxx",     "libpq-fe",  "sqlite3",         "curl/",
                                       "nlohmann", "CLI",       "spdlog",          "microhttpd"};

constexpr std::string_view kTopLevel[] = {
    "CMakeLists.txt", "README.md",     "LICENSE",     "CHANGELOG.md",  "CONTRIBUTING.md",
    "SECURITY.md",    ".clang-format", ".clang-tidy", ".editorconfig", ".gitignore",
    ".gitattributes", ".ci",           "proto",       "common",        "agent",
    "collector",      "deploy",        "tests"};

std::string Root() {
  const char* root = std::getenv("RONDA_SOURCE");
  return root != nullptr ? root : ".";
}

bool IsWithin(std::string_view path, std::string_view folder) {
  return path == folder ||
         (path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/');
}

std::string FolderOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? "" : std::string(path.substr(0, slash));
}

File Read(const std::string& path) {
  File file{path, {}, 0};
  std::ifstream in(Root() + "/" + path);
  for (std::string line; std::getline(in, line); ++file.lines) {
    const std::string_view directive = "#include ";
    const size_t begin = directive.size();
    if (!line.starts_with(directive) || line.size() <= begin + 1) {
      continue;
    }
    const bool quoted = line[begin] == '"';
    const size_t end = line.find(quoted ? '"' : '>', begin + 1);
    file.includes.push_back({line.substr(begin + 1, end - begin - 1), quoted});
  }
  return file;
}

const std::vector<File>& Files() {
  static const auto* const files = [] {
    auto* found = new std::vector<File>;
    for (const char* top : {"common", "agent", "collector", "tests"}) {
      for (const auto& entry : fs::recursive_directory_iterator(fs::path(Root()) / top)) {
        const fs::path& path = entry.path();
        if (path.extension() == ".h" || path.extension() == ".cc") {
          found->push_back(Read(fs::relative(path, Root()).string()));
        }
      }
    }
    std::sort(found->begin(), found->end(),
              [](const File& a, const File& b) { return a.path < b.path; });
    return found;
  }();
  return *files;
}

// The row of the table for a file, or null.
const std::pair<const std::string, std::vector<std::string>>* RowOf(const std::string& path) {
  for (std::string folder = FolderOf(path); !folder.empty(); folder = FolderOf(folder)) {
    const auto row = AllowedIncludes().find(folder);
    if (row != AllowedIncludes().end()) {
      return &*row;
    }
  }
  return nullptr;
}

bool IsAllowed(const std::string& from, const std::string& include) {
  const auto* row = RowOf(from);
  if (row == nullptr) {
    return false;
  }
  // Its own folder, or for a folder without a row the part below the row that it follows.
  return FolderOf(include) == FolderOf(from) ||
         (RowOf(include) == row && IsWithin(include, row->first)) ||
         std::any_of(row->second.begin(), row->second.end(),
                     [&](const std::string& allowed) { return IsWithin(include, allowed); });
}

bool IsHeavy(std::string_view include) {
  return std::any_of(std::begin(kHeavy), std::end(kHeavy),
                     [include](std::string_view heavy) { return include.starts_with(heavy); });
}

// Abseil's and GoogleTest's headers may stand in quotes, and so do lists that the build makes.
bool IsForeign(std::string_view include) {
  return include.ends_with(".inc") || include.starts_with("absl/") ||
         include.starts_with("gtest/") || include.starts_with("gmock/");
}

TEST(LayoutTest, FindsTheTree) {
  std::set<std::string> paths;
  for (const File& file : Files()) {
    paths.insert(file.path);
  }
  EXPECT_THAT(paths,
              testing::IsSupersetOf({"common/base/status.h", "collector/store/store.h",
                                     "agent/samplers/sampler.h", "tests/unit/layout_test.cc"}));
  const auto self = std::find_if(Files().begin(), Files().end(), [](const File& file) {
    return file.path == "tests/unit/layout_test.cc";
  });
  EXPECT_GT(self->includes.size(), 10u);
}

TEST(LayoutTest, JudgesIncludesByTheTable) {
  EXPECT_TRUE(IsAllowed("collector/rules/engine.cc", "collector/store/state_write.h"));
  EXPECT_FALSE(IsAllowed("collector/rules/engine.cc", "collector/store/store.h"));
  EXPECT_FALSE(IsAllowed("collector/store/head.cc", "collector/rules/alert.h"));
  EXPECT_FALSE(IsAllowed("common/codec/varint.h", "common/config/yaml.h"));
  EXPECT_FALSE(IsAllowed("common/base/status.h", "common/model/labels.h"));
  EXPECT_FALSE(IsAllowed("agent/agent.cc", "collector/config.h"));
  EXPECT_FALSE(IsAllowed("collector/collector.cc", "agent/config.h"));
  EXPECT_FALSE(IsAllowed("agent/samplers/host/cpu.cc", "agent/stream/session.h"));
  EXPECT_FALSE(IsAllowed("agent/stream/session.cc", "agent/samplers/sampler.h"));
  EXPECT_FALSE(IsAllowed("agent/samplers/host/cpu.cc", "agent/samplers/postgres/sampler.h"));
  EXPECT_TRUE(IsAllowed("agent/agent.cc", "agent/samplers/host/cpu.h"));
  EXPECT_TRUE(IsAllowed("common/config/spec.cc", "common/config/spec.h"));
}

TEST(LayoutTest, FoldersIncludeOnlyWhatTheyMay) {
  for (const File& file : Files()) {
    for (const Include& include : file.includes) {
      if (include.quoted && !IsForeign(include.path)) {
        EXPECT_TRUE(IsAllowed(file.path, include.path))
            << file.path << " includes " << include.path
            << ": not in the table of tests/unit/layout_test.cc";
      }
    }
  }
}

TEST(LayoutTest, IncludesInQuotesAreFilesOfTheTree) {
  for (const File& file : Files()) {
    for (const Include& include : file.includes) {
      if (include.quoted && !IsForeign(include.path) && !include.path.starts_with("ronda/v1/")) {
        EXPECT_TRUE(fs::exists(fs::path(Root()) / include.path))
            << file.path << " includes \"" << include.path << "\"";
      }
    }
  }
}

TEST(LayoutTest, HeadersIncludeNothingHeavy) {
  for (const File& file : Files()) {
    // A fixture serves the tests of one folder only.
    const bool is_fixture = IsWithin(file.path, "tests") && !IsWithin(file.path, "tests/support");
    if (file.path.ends_with(".h") && !is_fixture) {
      for (const Include& include : file.includes) {
        EXPECT_FALSE(IsHeavy(include.path)) << file.path << " includes " << include.path;
      }
    }
  }
}

TEST(LayoutTest, TopLevelHoldsWhatIsAgreed) {
  for (const auto& entry : fs::directory_iterator(Root())) {
    const std::string name = entry.path().filename().string();
    const bool ignored = name == ".git" || name == ".cache" || name == "compile_commands.json" ||
                         name.starts_with("build");
    EXPECT_TRUE(ignored ||
                std::find(std::begin(kTopLevel), std::end(kTopLevel), name) != std::end(kTopLevel))
        << name << " is not of the agreed names at the top of the repository";
  }
}

TEST(LayoutTest, PrintsTheTenLargestFiles) {
  std::vector<File> files = Files();
  std::sort(files.begin(), files.end(),
            [](const File& a, const File& b) { return a.lines > b.lines; });
  ASSERT_GE(files.size(), 10u);
  for (size_t i = 0; i < 10; ++i) {
    std::cout << files[i].lines << "\t" << files[i].path << "\n";
  }
}

}  // namespace
}  // namespace ronda
