// The Api over a store: in the collector (the gRPC service), and over a data folder without one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/query/api.h"
#include "collector/query/live_status.h"
#include "collector/query/select.h"
#include "collector/store/store.h"
#include "common/base/clock.h"

namespace ronda::query {

// Thread-safe. Store, live status and clock must outlive it.
class LocalApi : public Api {
 public:
  struct Options {
    std::string data_dir;
    Limits limits;
  };

  // `live` is null where no collector runs in this process.
  LocalApi(const store::Store& store, const LiveStatus* live, const Clock& clock, Options options);

  absl::StatusOr<TimeBase> Time() override;
  absl::StatusOr<CollectorStatus> Status() override;
  absl::StatusOr<std::vector<NodeStatus>> Nodes(std::string_view only) override;
  absl::StatusOr<std::vector<MetricStatus>> Metrics(std::string_view pattern,
                                                    bool count_series) override;
  absl::Status Select(const SelectSpec& spec, absl::FunctionRef<bool(SeriesData)> visit) override;
  absl::StatusOr<std::vector<Labels>> Series(const std::vector<Matcher>& matchers, int64_t start_ms,
                                             int64_t end_ms) override;
  absl::StatusOr<EvalResult> Evaluate(const EvalSpec& spec,
                                      const std::atomic<bool>* cancelled) override;
  absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                       const std::vector<Matcher>& matchers,
                                                       int64_t start_ms, int64_t end_ms) override;
  absl::StatusOr<std::vector<ActiveAlert>> Alerts() override;
  absl::StatusOr<std::vector<SilenceStatus>> Silences(bool expired) override;
  absl::Status AlertLog(int64_t start_ms, int64_t end_ms, std::string_view node,
                        absl::FunctionRef<bool(AlertEvent)> visit) override;
  absl::StatusOr<std::vector<Gap>> Gaps(int64_t start_ms, int64_t end_ms,
                                        std::string_view node) override;

 private:
  // `ask` of the store, with the gaps as series if they are asked for.
  template <typename Ask>
  auto AskData(bool gaps, Ask ask) -> decltype(ask(std::declval<const store::Store&>()));

  const store::Store& store_;
  const LiveStatus* const live_;
  const Clock& clock_;
  const Options options_;
};

}  // namespace ronda::query
