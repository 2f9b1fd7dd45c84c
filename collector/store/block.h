// A sealed run of samples, column by column, so that one series is read without the others.
// Grammar: FORMAT.md, "Block".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/store/head.h"

namespace ronda::store {

// Which run of which file-local source and schema a block holds. It is in the table's row and,
// under the checksum, in the block: what does not agree is damaged.
struct BlockKey {
  int64_t source = 0;
  int64_t schema = 0;
  uint64_t epoch = 0;
  uint64_t first_seq = 0;
  uint64_t last_seq = 0;
  bool operator==(const BlockKey&) const = default;
};

struct BlockHeader {
  BlockKey key;
  std::vector<int64_t> t_ms;          // one per tick
  std::vector<uint64_t> order;        // HeadFrame::order of each tick
  std::vector<size_t> chunk_offsets;  // in the block; one more than there are columns
  size_t columns() const { return chunk_offsets.size() - 1; }
};

// Bytes at the front of each block that say how long the header is.
inline constexpr size_t kBlockPrefixBytes = 12;

// `columns` are those of codec::DecodedRun, one value per tick each.
std::string EncodeBlock(const BlockKey& key, std::span<const int64_t> t_ms,
                        std::span<const uint64_t> order,
                        std::span<const std::vector<double>> columns);

// Length of prefix and header, from the prefix. kDataLoss: not a block.
absl::StatusOr<size_t> BlockHeaderBytes(std::string_view prefix);
// From prefix and header. kDataLoss: damaged.
absl::StatusOr<BlockHeader> DecodeBlockHeader(std::string_view bytes);

// The frames of a run as they are, with what the head knows of each; for runs of records, and for
// runs that may still grow. Grammar: FORMAT.md, "Run of frames".
std::string EncodeFrames(std::string_view node_name, const RunKey& key,
                         std::span<const HeadFrame> frames);
// The frames point into `bytes`. kDataLoss: damaged, or another run's.
absl::StatusOr<std::vector<HeadFrame>> DecodeFrames(std::string_view node_name, const RunKey& key,
                                                    std::string_view bytes);

}  // namespace ronda::store
