// Schemas as the catalogues keep them: whatever unpacks, packs and unpacks to the same.
#include <string_view>

#include "collector/store/packed_schema.h"
#include "common/base/check.h"

int Fuzz_schema_row(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto schema = ronda::store::UnpackSchema(bytes);
  if (schema.ok()) {
    const auto again = ronda::store::UnpackSchema(ronda::store::PackSchema(*schema));
    RONDA_CHECK(again.ok() && *again == *schema);
  }
  return 0;
}
