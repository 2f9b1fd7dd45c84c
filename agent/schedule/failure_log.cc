#include "agent/schedule/failure_log.h"

#include <utility>

#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::agent {
namespace {

constexpr int64_t kMinuteNs = 60'000'000'000;

}  // namespace

FailureLog::FailureLog(std::string what) : what_(std::move(what)) {}

void FailureLog::Report(const absl::Status& status, int64_t mono_ns) {
  if (status.ok()) {
    if (failing_) {
      obs::Info("schedule", "{} works again", what_);
      ++lines_;
    }
    failing_ = false;
    return;
  }
  ++failures_;
  ++since_last_line_;
  if (failing_ && mono_ns - last_line_ns_ < kMinuteNs) {
    return;
  }
  obs::Warn("schedule", "{} failed: {} times={}", what_, Message(status), since_last_line_);
  ++lines_;
  failing_ = true;
  last_line_ns_ = mono_ns;
  since_last_line_ = 0;
}

}  // namespace ronda::agent
