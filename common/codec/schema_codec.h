// Schemas as bytes, and their names. Grammar: common/codec/FORMAT.md, "Schema".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/model/schema.h"

namespace ronda::codec {

inline constexpr size_t kMaxSchemaBytes = 4 << 20;

// The canonical bytes, and the hash of those (ContentHash).
std::string EncodeSchema(const Schema& schema);
SchemaHash HashSchema(const Schema& schema);

// kDataLoss if the bytes are not exactly one schema in canonical form; kUnimplemented for a later
// version. kInvalidArgument for a bad metric or label name, a label that is reserved (node,
// instance, job, __*), a name above 128 bytes, a value, unit or help above 1 KiB, more than 32
// labels, more than kMaxSeries series or metrics, two equal series or metric names, or more than
// kMaxSchemaBytes.
absl::StatusOr<Schema> DecodeSchema(std::string_view bytes);

}  // namespace ronda::codec
