// How a blob lies in SQLite's pages (https://sqlite.org/fileformat.html, 1.6), so that packed rows
// can be cut where they fill them.
#pragma once

#include <cstddef>

namespace ronda::store {

// A row that does not fit into a leaf page keeps there what is left over when the rest fills
// overflow pages: 489 to 4061 bytes. Rows that keep few share a leaf page; of pages that rows share
// which were cut anywhere a third stays empty. `record_bytes` is the row's record, all columns and
// its header. Returns how many bytes more than the least stay in the leaf page, or, if they are too
// many for one, how many of an overflow page stay empty.
constexpr size_t LeafMisfit(size_t record_bytes) {
  constexpr size_t kUsable = 4096;
  constexpr size_t kMaxLocal = kUsable - 35;
  constexpr size_t kMinLocal = (kUsable - 12) * 32 / 255 - 23;
  constexpr size_t kOverflow = kUsable - 4;
  if (record_bytes <= kMaxLocal) {
    return record_bytes;
  }
  const size_t left = (record_bytes - kMinLocal) % kOverflow;
  return kMinLocal + left > kMaxLocal ? kOverflow - left : left;
}

}  // namespace ronda::store
