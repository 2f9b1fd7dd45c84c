// Damaging files, for tests.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>

namespace ronda::store {

inline std::string FileBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// npos: the file does not have them.
inline size_t FindBytes(const std::string& path, const std::string& bytes, size_t from = 0) {
  return FileBytes(path).find(bytes, from);
}

inline void FlipByte(const std::string& path, uint64_t at, uint8_t mask = 0x10) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  ASSERT_TRUE(file) << path;
  file.seekg(static_cast<std::streamoff>(at));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(byte ^ mask));
}

inline void Overwrite(const std::string& path, uint64_t at, size_t n) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  ASSERT_TRUE(file) << path;
  file.seekp(static_cast<std::streamoff>(at));
  file << std::string(n, 'x');
}

}  // namespace ronda::store
