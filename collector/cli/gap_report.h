// What is missing, shown beside what is there.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "collector/cli/commands.h"
#include "collector/cli/report.h"
#include "collector/query/api.h"

namespace ronda::cli {

// A row a gap, as `ronda gaps` has it; in JSON a gap that lasts has no end.
Report GapReport(const Context& context, const std::vector<query::Gap>& gaps, int64_t now_ms);

// If the nodes have gaps that touch the window, says so on standard error: "gaps in this window:
// web1 2 (agent killed 12 s, network 40 s)...". Never fails: it is only a note.
void NoteGaps(Context& context, const std::set<std::string>& nodes, int64_t from_ms, int64_t to_ms,
              int64_t now_ms);

}  // namespace ronda::cli
