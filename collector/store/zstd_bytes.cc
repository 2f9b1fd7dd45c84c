#include "collector/store/zstd_bytes.h"

#include <zstd.h>

#include "common/base/status.h"

namespace ronda::store {
namespace {

absl::Status Damaged(std::string_view what, std::string_view why) {
  return Fail(absl::StatusCode::kDataLoss, "{} {}", what, why);
}

}  // namespace

std::string CompressBytes(std::string_view plain, int level) {
  std::string frame(ZSTD_compressBound(plain.size()), '\0');
  const size_t written =
      ZSTD_compress(frame.data(), frame.size(), plain.data(), plain.size(), level);
  if (ZSTD_isError(written) != 0 || written >= plain.size()) {
    return "";
  }
  frame.resize(written);
  return frame;
}

absl::StatusOr<std::string> DecompressBytes(std::string_view frame, uint64_t size, size_t most,
                                            std::string_view what) {
  if (size > most) {
    return Damaged(what, "that is too large");
  }
  if (ZSTD_getFrameContentSize(frame.data(), frame.size()) != size ||
      ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) {
    return Damaged(what, "of another length than it says");
  }
  std::string plain(size, '\0');
  const size_t read = ZSTD_decompress(plain.data(), plain.size(), frame.data(), frame.size());
  if (ZSTD_isError(read) != 0 || read != size) {
    return Damaged(what, "that cannot be read");
  }
  return plain;
}

}  // namespace ronda::store
