#include "collector/store/corrupt_parts.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <iterator>
#include <utility>

#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::store {
namespace {

constexpr std::string_view kAside = ".damaged-";
// As many gaps wait to be written; what is more is counted and logged alone.
constexpr size_t kMostNew = 10'000;

}  // namespace

void CorruptParts::Add(CorruptPart part, const absl::Status& why) {
  {
    MutexLock lock(&mu_);
    // Readers come back to the same part again and again.
    if (!names_.insert(part.name).second) {
      return;
    }
    obs::Error("store", "left out damaged history, {}: {}", part.name, Message(why));
    if (!part.lost_samples || new_.size() >= kMostNew) {
      return;
    }
    new_.push_back(std::move(part));
  }
  if (wake_) {
    wake_();
  }
}

int64_t CorruptParts::count() const {
  MutexLock lock(&mu_);
  return static_cast<int64_t>(names_.size());
}

std::vector<CorruptPart> CorruptParts::TakeNew() {
  MutexLock lock(&mu_);
  return std::exchange(new_, {});
}

void CorruptParts::PutBack(std::vector<CorruptPart> parts) {
  MutexLock lock(&mu_);
  std::move(parts.begin(), parts.end(), std::back_inserter(new_));
}

std::string AsideName(std::string_view path, int64_t now_ms) {
  const auto seconds = static_cast<std::time_t>(now_ms / 1000);
  return fmt::format("{}{}{:%Y%m%dT%H%M%SZ}", path, kAside, fmt::gmtime(seconds));
}

std::string_view NameBeforeAside(std::string_view name) {
  const size_t at = name.find(kAside);
  return at == std::string_view::npos || name.ends_with("-wal") ? std::string_view()
                                                                : name.substr(0, at);
}

}  // namespace ronda::store
