// Which weights tell a table of symbols best. A reader need not know.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "common/codec/column_model.h"

namespace ronda::codec {

// What `number` takes as a token of parameter 0.
inline int GammaBits(uint32_t number) {
  return 2 * static_cast<int>(std::bit_width(number + 1)) - 1;
}

// Weights for symbols that came so often; of each whose count is not 0 the weight is not either.
// The nearest that can be told would be best for the numbers; these make the table and the numbers
// together shortest, which is 8 % of the tables on a busy host.
void ChooseWeights(std::span<const uint32_t> counts, ColumnModel::Weights* weights);

}  // namespace ronda::codec
