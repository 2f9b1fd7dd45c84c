// A statement's rows as a table, CSV or JSON, written as they come.
#pragma once

#include <memory>

#include "collector/cli/command_line.h"
#include "collector/cli/console.h"
#include "collector/sql/session.h"

namespace ronda::cli {

// Numbers are exact: the shortest text that reads back as the same one. NULL is "-" in a table, an
// empty field in CSV. JSON is an array of objects for each statement; infinities are the strings
// "+Inf" and "-Inf", for which JSON has no number. A table's columns are as wide as the widest of
// the first 1000 rows. kPlot is not known here.
std::unique_ptr<sql::RowSink> NewRowSink(Format format, Console& console);

}  // namespace ronda::cli
