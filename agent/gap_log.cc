#include "agent/gap_log.h"

#include "common/model/record.h"

namespace ronda::agent {

GapLog::GapLog(uint32_t group, FrameSink& sink, const Clock& clock)
    : group_(group), sink_(sink), clock_(clock), encoder_(group, GapRecord()) {}

void GapLog::Report(int64_t from_ms, int64_t to_ms, const std::string& source,
                    const std::string& cause, const std::string& detail) {
  MutexLock lock(&mu_);
  const Record row{clock_.NowMs(), {from_ms, to_ms, source, cause, detail}};
  sink_.Submit({group_, row.t_ms, nullptr}, [&](uint64_t seq, bool start_run, std::string* out)
                                                ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
                                                  if (start_run) {
                                                    encoder_.StartRun();
                                                  }
                                                  encoder_.Encode(seq, {&row, 1}, out);
                                                });
}

}  // namespace ronda::agent
