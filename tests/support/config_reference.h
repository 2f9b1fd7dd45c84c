// What the tests of both programs' configurations share: the sample file and the reference hold
// every key.
#pragma once

#include <string>
#include <vector>

#include "common/config/spec.h"

namespace ronda {

// The file of the source tree.
std::string ReadSource(const std::string& path);

// `sample` with its keys in force: a key is commented by '#' right in front of it or of its
// indentation ("#key:", "#  key:"), a remark by "# ".
std::string Uncomment(const std::string& sample);

// The keys of `keys` that `text`, which is YAML, does not have. Items of lists count as "key[]".
std::vector<std::string> MissingKeys(const std::string& text,
                                     const std::vector<config::KeyInfo>& keys);

// The rows that deploy/README.md must have for `keys` and has not.
std::vector<std::string> MissingRows(const std::string& readme,
                                     const std::vector<config::KeyInfo>& keys);

}  // namespace ronda
