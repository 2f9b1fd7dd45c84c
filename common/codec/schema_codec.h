// Schemas as bytes, and their names. Grammar: common/codec/FORMAT.md, "Schema".
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/model/schema.h"

namespace ronda::codec {

// The canonical bytes, and the hash of those (ContentHash).
std::string EncodeSchema(const Schema& schema);
SchemaHash HashSchema(const Schema& schema);

// kDataLoss if the bytes are not exactly one schema in canonical form. kInvalidArgument for a bad
// metric or label name, a label that is reserved (node, instance, job), a name above 128 bytes, a
// value above 1 KiB, more than 32 labels, more than kMaxSeries series, or two equal series.
absl::StatusOr<Schema> DecodeSchema(std::string_view bytes);

}  // namespace ronda::codec
