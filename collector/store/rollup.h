// Roll-ups: what is kept of the samples of a minute or an hour for longer than the samples.
// Grammar: FORMAT.md, "Roll-up chunk".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/store/bucket.h"

namespace ronda::store {

// The buckets that are not empty, ascending. `t_ms` ascending, a value each.
std::vector<Bucket> MakeBuckets(std::span<const int64_t> t_ms, std::span<const double> values,
                                int64_t resolution_ms, bool is_counter);

// Body of a chunk. `ends` are all buckets of the row; those of `buckets` are among them.
std::string EncodeRollup(std::span<const Bucket> buckets, std::span<const int64_t> ends,
                         int64_t resolution_ms, bool is_counter);
// kDataLoss: damaged.
absl::StatusOr<std::vector<Bucket>> DecodeRollup(std::string_view body,
                                                 std::span<const int64_t> ends);

// Puts together the buckets of one series that different places have: sorts them by their ends, and
// makes one of those with the same end.
void MergeBuckets(bool is_counter, std::vector<Bucket>* buckets);

}  // namespace ronda::store
