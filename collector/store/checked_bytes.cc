#include "collector/store/checked_bytes.h"

#include <cstring>

#include "common/codec/crc32c.h"
#include "common/codec/varint.h"

namespace ronda::store {

std::string AddChecksum(std::string_view key, std::string_view content) {
  std::string out(content);
  codec::PutU32(&out, codec::Crc32c(content, codec::Crc32c(key)));
  return out;
}

std::optional<std::string_view> CheckedContent(std::string_view key, std::string_view bytes) {
  uint32_t stored = 0;
  if (bytes.size() < sizeof(stored)) {
    return std::nullopt;
  }
  const std::string_view content = bytes.substr(0, bytes.size() - sizeof(stored));
  std::memcpy(&stored, bytes.data() + content.size(), sizeof(stored));
  if (stored != codec::Crc32c(content, codec::Crc32c(key))) {
    return std::nullopt;
  }
  return content;
}

}  // namespace ronda::store
