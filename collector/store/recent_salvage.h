// A damaged recent.db: put aside, and begun anew with what can be read of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/corrupt_parts.h"
#include "common/base/clock.h"

namespace ronda::store {

// For a start of the folder `dir` that was refused because of `why`. If recent.db is what is
// damaged, puts it aside as recent.db.damaged-TIME, makes a new one with all that can be read of
// it, and returns what is lost; the first part is the file itself, of which nothing may be lost.
// nullopt: it is something else, as ronda.db, and nothing was changed. The caller holds the
// folder's lock and has none of its files open.
absl::StatusOr<std::optional<std::vector<CorruptPart>>> SalvageRecent(const std::string& dir,
                                                                      const absl::Status& why,
                                                                      const Clock& clock);

// The same in a running collector, whose ronda.db is in use and not looked at. nullopt: recent.db
// is sound.
absl::StatusOr<std::optional<std::vector<CorruptPart>>> PutAsideRecent(const std::string& dir,
                                                                       const absl::Status& why,
                                                                       const Clock& clock);

}  // namespace ronda::store
