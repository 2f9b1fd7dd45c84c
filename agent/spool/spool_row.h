// The bytes of a row of spool.db: frames of one run. Grammar: FORMAT.md.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "agent/spool/run.h"

namespace ronda::agent {

// Of `piece.key` only first_seq is used; the schema by its hash (all zero: records).
std::string EncodePiece(const Piece& piece);

// kUnimplemented: of a later version. kDataLoss: damaged, or not exactly whole frames in order.
absl::StatusOr<Piece> DecodePiece(std::string_view bytes);

}  // namespace ronda::agent
