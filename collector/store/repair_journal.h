// Rebuilding ronda.db from what can still be read of it, and from the history.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace ronda::store {

// Whether the file opens, and its pages, catalogue, epochs and state are in order; with `rows` also
// the rows of the journal, without which a start does.
bool IsSoundJournal(const std::string& path, bool rows);

// Writes what can be saved of `path` to work/ronda.db. Catalogue rows that are lost are made again
// from others that say the same: a node from its sources, a source and the name of a schema from
// the key frames of the journal, a schema's content from the history at `recent`. Returns what was
// saved and what was not, one line a fact.
absl::StatusOr<std::string> RebuildJournal(const std::string& path, const std::string& recent,
                                           const std::string& work);

}  // namespace ronda::store
