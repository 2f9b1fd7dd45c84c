#include "tests/support/temp_dir.h"

#include <cstdlib>
#include <filesystem>

namespace ronda {

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "ronda-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    std::abort();
  }
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

namespace {

std::string FromEnvironment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

}  // namespace

std::string TestData(const std::string& name) {
  return FromEnvironment("RONDA_TESTDATA", "tests/testdata") + "/" + name;
}

std::string ProgramPath(const std::string& name) {
  return FromEnvironment("RONDA_BIN", "build/bin") + "/" + name;
}

}  // namespace ronda
