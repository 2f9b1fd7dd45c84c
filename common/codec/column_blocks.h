// The blocks of a coded column, and the directory before them. FORMAT.md, "Column: coded".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/codec/column_coded.h"
#include "common/codec/column_model.h"

namespace ronda::codec {

// A residual as it is coded, and the score that tells its context.
struct Coded {
  uint64_t number = 0;
  uint16_t score = 0;
};

// `numbers` has a place for each y; those that the directory tells are not looked at.
void PutBlocks(std::span<const int64_t> y, const CodedHead& head, const ColumnModel& model,
               std::span<const Coded> numbers, std::string* out);

}  // namespace ronda::codec
