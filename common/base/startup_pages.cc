#include "common/base/startup_pages.h"

#include <sys/mman.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <sstream>
#include <string>

#include "common/base/files.h"

namespace ronda {

size_t ReleaseStartupPages() {
  const auto maps = ReadFile("/proc/self/maps");
  if (!maps.ok()) {
    return 0;
  }
  size_t bytes = 0;
  std::istringstream lines(*maps);
  for (std::string line; std::getline(lines, line);) {
    uint64_t begin = 0;
    uint64_t end = 0;
    // begin-end perms offset device inode path (proc(5)); [vdso] and the like have no path.
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " r-xp", &begin, &end) == 2 &&
        line.find(" r-xp ") != std::string::npos && line.find('/') != std::string::npos &&
        madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED) == 0) {
      bytes += end - begin;
    }
  }
  return bytes;
}

}  // namespace ronda
