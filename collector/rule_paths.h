// Which rule files a collector loads.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace ronda::collector {

// The files that `paths` name, without doubles: of a folder its *.yml and *.yaml in order of name,
// of a glob ("/etc/ronda/rules/*.yml") its matches in order of name, else the file itself. With no
// paths: /etc/ronda/rules, or if there is no such folder /usr/share/ronda/rules, or none.
// kNotFound if a path that is not a glob does not exist; a glob without a match is an empty list.
absl::StatusOr<std::vector<std::string>> FindRuleFiles(const std::vector<std::string>& paths);

}  // namespace ronda::collector
