// Finding the wanted keys in files of "key value" lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/strings.h"

namespace ronda::agent {

// Keys and their numbers. Such files have the same keys in the same places each time: what was
// found at a place is remembered, so that the usual look-up is one comparison. Not thread-safe.
class KeyTable {
 public:
  static constexpr int kUnknown = -1;

  // The number of a key is its place in `keys`.
  explicit KeyTable(const std::vector<std::string>& keys);

  // The number of `key`, which was the one at `position` of the file, or kUnknown.
  int Find(size_t position, std::string_view key);

 private:
  struct Seen {
    std::string key;
    int number = kUnknown;
  };

  StringMap<int> numbers_;
  std::vector<Seen> seen_;  // by position
};

}  // namespace ronda::agent
