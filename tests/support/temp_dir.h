// A folder that goes away with the object.
#pragma once

#include <string>

namespace ronda {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// The folder tests/testdata of the source tree, and the folder of the built programs, as CTest
// (RONDA_TESTDATA, RONDA_BIN) or the working directory tells.
std::string TestData(const std::string& name);
std::string ProgramPath(const std::string& name);

}  // namespace ronda
