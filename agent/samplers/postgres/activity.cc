#include "agent/samplers/postgres/activity.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ronda::agent {
namespace {

// All states of pg_stat_activity; PostgreSQL 15 manual, table 28.3.
constexpr std::string_view kStates[] = {"active",
                                        "idle",
                                        "idle in transaction",
                                        "idle in transaction (aborted)",
                                        "fastpath function call",
                                        "disabled"};

}  // namespace

ActivityNames::Name ActivityNames::NameOf(const ActivityRow& row) {
  return {row.datname, row.usename, row.application_name, row.state};
}

void ActivityNames::Merge(const ActivityRow& row, Rows* into) {
  const auto [it, is_new] = into->try_emplace(NameOf(row), row);
  if (!is_new) {
    it->second.count += row.count;
    it->second.max_tx_seconds = std::max(it->second.max_tx_seconds, row.max_tx_seconds);
  }
}

bool ActivityNames::Admit(const Name& name, size_t limit) {
  if (names_.count(name) == 0 && names_.size() >= limit) {
    return false;
  }
  names_.insert(name);
  return true;
}

// The lowest level at which the sums fit. The highest always does: it has one name a state.
ActivityNames::Rows ActivityNames::FoldRest(std::span<const ActivityRow> rest) const {
  Rows folded;
  for (int level = 1; level <= 3; ++level) {
    folded.clear();
    for (ActivityRow row : rest) {
      row.application_name = kOther;
      row.usename = level >= 2 ? kOther : row.usename;
      row.datname = level >= 3 ? kOther : row.datname;
      Merge(row, &folded);
    }
    const auto new_names =
        static_cast<size_t>(std::count_if(folded.begin(), folded.end(), [&](const auto& entry) {
          return names_.count(entry.first) == 0;
        }));
    if (names_.size() + new_names + std::size(kStates) <= limit_) {
      break;
    }
  }
  return folded;
}

std::vector<ActivityRow> ActivityNames::Fold(std::vector<ActivityRow> rows,
                                             std::span<const std::string> databases) {
  std::sort(rows.begin(), rows.end(), [](const ActivityRow& a, const ActivityRow& b) {
    return a.count != b.count ? a.count > b.count : NameOf(a) < NameOf(b);
  });
  Rows result;
  const auto rest = std::stable_partition(rows.begin(), rows.end(), [&](const ActivityRow& row) {
    return Admit(NameOf(row), limit_ - limit_ / 10);
  });
  std::for_each(rows.begin(), rest, [&](const ActivityRow& row) { Merge(row, &result); });
  for (const auto& [name, row] : FoldRest({rest, rows.end()})) {
    names_.insert(name);
    Merge(row, &result);  // an application may really be called "other"
  }
  folded_ += static_cast<uint64_t>(rows.end() - rest);

  std::set<std::pair<std::string, std::string>> present;
  for (const auto& [name, row] : result) {
    present.emplace(row.datname, row.state);
  }
  for (const std::string& database : databases) {
    for (const std::string_view state : kStates) {
      ActivityRow none;
      none.datname = database;
      none.state = state;
      if (present.count({none.datname, none.state}) == 0 && Admit(NameOf(none), limit_ / 2)) {
        Merge(none, &result);
      }
    }
  }
  std::vector<ActivityRow> all;
  all.reserve(result.size());
  for (auto& [name, row] : result) {
    all.push_back(std::move(row));
  }
  return all;
}

std::optional<double> UsagePercent(double used, const ConnectionLimits& limits) {
  if (limits.ordinary() <= 0) {
    return std::nullopt;
  }
  return std::round(100 * 100 * used / limits.ordinary()) / 100;
}

}  // namespace ronda::agent
