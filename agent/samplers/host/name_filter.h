// Which devices, mount points and the like are left out.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace re2 {
class RE2;
}

namespace ronda::agent {

// A regular expression (RE2) that is searched for in names. Immutable, thread-safe, cheap to copy.
class NameFilter {
 public:
  // Matches nothing.
  NameFilter() = default;

  // An empty expression matches nothing. kInvalidArgument with RE2's reason.
  static absl::StatusOr<NameFilter> New(const std::string& expression);

  bool Matches(std::string_view name) const;

 private:
  std::shared_ptr<const re2::RE2> regex_;
};

}  // namespace ronda::agent
