// All silences, and which of them match.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/mute/silence.h"

namespace ronda::mute {

// Not thread-safe.
class Silences {
 public:
  // Adds, or replaces the one with its id.
  void Put(Silence silence);
  void Remove(const std::string& id) { by_id_.erase(id); }
  // Null: there is none.
  const Silence* Find(const std::string& id) const;
  // By its id or by the beginning of it, at least 4 characters. kNotFound, kInvalidArgument (more
  // than one begins so).
  absl::StatusOr<Silence> FindByPrefix(std::string_view prefix) const;

  // Those that are active and match, in the order of their ids. Cost: all silences.
  std::vector<const Silence*> Matching(const Labels& labels, int64_t now_ms) const;

  // When the next one begins or ends after `now_ms`; INT64_MAX if none does.
  int64_t NextChangeMs(int64_t now_ms) const;

  const std::map<std::string, Silence>& all() const { return by_id_; }

 private:
  std::map<std::string, Silence> by_id_;
};

}  // namespace ronda::mute
