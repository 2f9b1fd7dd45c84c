// Tested by tests/unit/collector/mute/silence_test.cc.
#include "collector/mute/silences.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"

namespace ronda::mute {
namespace {

constexpr size_t kLeastPrefix = 4;

}  // namespace

void Silences::Put(Silence silence) {
  const std::string id = silence.id;
  by_id_.insert_or_assign(id, std::move(silence));
}

const Silence* Silences::Find(const std::string& id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &found->second;
}

absl::StatusOr<Silence> Silences::FindByPrefix(std::string_view prefix) const {
  const Silence* found = nullptr;
  for (const auto& [id, silence] : by_id_) {
    if (prefix.size() < kLeastPrefix || !id.starts_with(prefix)) {
      continue;
    }
    if (found != nullptr) {
      return Fail(absl::StatusCode::kInvalidArgument,
                  "more than one silence begins with \"{}\": give more of its id", prefix);
    }
    found = &silence;
  }
  if (found == nullptr) {
    return Fail(absl::StatusCode::kNotFound, "no silence has the id \"{}\"{}", prefix,
                prefix.size() < kLeastPrefix ? " (give 4 characters of it at least)" : "");
  }
  return *found;
}

std::vector<const Silence*> Silences::Matching(const Labels& labels, int64_t now_ms) const {
  std::vector<const Silence*> found;
  for (const auto& [id, silence] : by_id_) {
    if (silence.StateAt(now_ms) == SilenceState::kActive && silence.Matches(labels)) {
      found.push_back(&silence);
    }
  }
  return found;
}

int64_t Silences::NextChangeMs(int64_t now_ms) const {
  int64_t next = INT64_MAX;
  for (const auto& [id, silence] : by_id_) {
    for (const int64_t t_ms : {silence.starts_ms, silence.ends_ms}) {
      next = t_ms > now_ms ? std::min(next, t_ms) : next;
    }
  }
  return next;
}

}  // namespace ronda::mute
