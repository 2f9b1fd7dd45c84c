// Schemas as the catalogues keep them: their canonical bytes (common/codec/FORMAT.md, "Schema"),
// compressed. Names, helps and labels repeat themselves, and every file of the history has them: of
// `ronda.db`, `recent.db` and a young history file they were a tenth. Grammar: FORMAT.md, "Schema
// row".
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/model/schema.h"

namespace ronda::store {

// Compressed, or plain if that is shorter.
std::string PackSchema(const Schema& schema);

// Reads both, so also what earlier versions wrote. Takes no more memory than kMaxSchemaBytes for
// the bytes, whatever they say. kDataLoss: damaged. kUnimplemented: of a later version.
absl::StatusOr<Schema> UnpackSchema(std::string_view bytes);

}  // namespace ronda::store
