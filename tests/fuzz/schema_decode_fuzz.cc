// Schemas: what decodes has exactly one spelling.
#include <string_view>

#include "common/base/check.h"
#include "common/codec/schema_codec.h"

int Fuzz_schema_decode(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto schema = ronda::codec::DecodeSchema(bytes);
  if (schema.ok()) {
    RONDA_CHECK(ronda::codec::EncodeSchema(*schema) == bytes);
  }
  return 0;
}
