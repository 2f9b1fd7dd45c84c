// JSON of labels, for SQLite's json_extract().
#pragma once

#include <string>
#include <string_view>

#include "common/model/labels.h"

namespace ronda::sql {

// In double quotes, escaped (RFC 8259).
std::string JsonText(std::string_view text);
// {"device":"sda","job":"node"}, without __name__.
std::string LabelsJson(const Labels& labels);

}  // namespace ronda::sql
