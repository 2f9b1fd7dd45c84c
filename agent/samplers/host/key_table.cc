#include "agent/samplers/host/key_table.h"

namespace ronda::agent {
namespace {

// Files of the kernel have fewer lines; what is beyond is looked up the slow way.
constexpr size_t kMaxPositions = 4096;

}  // namespace

KeyTable::KeyTable(const std::vector<std::string>& keys) {
  for (size_t i = 0; i < keys.size(); ++i) {
    numbers_[keys[i]] = static_cast<int>(i);
  }
}

int KeyTable::Find(size_t position, std::string_view key) {
  if (position < seen_.size() && !key.empty() && seen_[position].key == key) {
    return seen_[position].number;
  }
  const auto it = numbers_.find(key);
  const int number = it == numbers_.end() ? kUnknown : it->second;
  if (position < kMaxPositions) {
    if (position >= seen_.size()) {
      seen_.resize(position + 1);
    }
    seen_[position] = {std::string(key), number};
  }
  return number;
}

}  // namespace ronda::agent
