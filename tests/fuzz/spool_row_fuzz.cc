// Rows of spool.db: what decodes is whole frames in order, and encodes to the same bytes.
#include <string_view>

#include "agent/spool/spool_row.h"
#include "common/base/check.h"

int Fuzz_spool_row(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto piece = ronda::agent::DecodePiece(bytes);
  if (piece.ok()) {
    RONDA_CHECK(ronda::agent::EncodePiece(*piece) == bytes);
    RONDA_CHECK(!piece->frames.empty());
  }
  return 0;
}
