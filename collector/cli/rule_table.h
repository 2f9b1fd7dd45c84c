// The table of `rules list`, of files and of a collector that runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/cli/report.h"

namespace ronda::cli {

// What a line says first, whatever else it says.
struct RuleLine {
  std::string group;
  std::string name;
  bool record = false;
  bool on_arrival = false;
  int64_t interval_ms = 0;
  int64_t for_ms = 0;  // of an alert
  std::string severity;
};

// The columns of these, then `more`; and the cells for them.
std::vector<Column> RuleColumns(std::vector<Column> more);
std::vector<Cell> RuleCells(const RuleLine& line, std::vector<Cell> more);

}  // namespace ronda::cli
