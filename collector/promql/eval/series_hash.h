// The hash by which Prometheus chooses series for limit_ratio(): the same series are chosen here.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/model/labels.h"

namespace ronda::promql {

// XXH64 with seed 0.
uint64_t XxHash64(std::string_view bytes);

// Of a label set as Prometheus lays it out: each name and value behind its length (one byte, or
// 0xff and three).
uint64_t SeriesHash(const Labels& labels);

}  // namespace ronda::promql
