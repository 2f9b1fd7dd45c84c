#include "collector/sql/series_filter.h"

#include <utility>

#include "collector/promql/parser.h"
#include "common/base/status.h"
#include "common/model/labels.h"

namespace ronda::sql {
namespace {

absl::Status AddSelector(const std::string& text, std::string_view context,
                         std::vector<Matcher>* matchers) {
  absl::StatusOr<std::vector<Matcher>> parsed = promql::ParseSelector(text);
  if (!parsed.ok()) {
    return Annotate(parsed.status(), context);
  }
  matchers->insert(matchers->end(), parsed->begin(), parsed->end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Matcher>> MatchersOf(const Filter& filter,
                                                const SeriesColumns& columns) {
  std::vector<Matcher> matchers;
  const auto equal = [&](int column, std::string_view label) {
    if (const auto found = filter.equal.find(column); found != filter.equal.end()) {
      matchers.push_back(Matcher::Equal(std::string(label), found->second));
    }
  };
  equal(columns.metric, kMetricName);
  equal(columns.node, "node");
  equal(columns.job, "job");
  equal(columns.instance, "instance");
  if (const auto found = filter.equal.find(columns.match); found != filter.equal.end()) {
    RONDA_RETURN_IF_ERROR(AddSelector(found->second, "selector", &matchers));
  }
  if (const auto found = filter.equal.find(columns.series); found != filter.equal.end()) {
    RONDA_RETURN_IF_ERROR(AddSelector(found->second, "series", &matchers));
  }
  return matchers;
}

}  // namespace ronda::sql
