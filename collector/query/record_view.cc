#include "collector/query/record_view.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <variant>

#include "collector/mute/held.h"
#include "collector/query/silence_view.h"
#include "collector/rules/alert.h"
#include "collector/store/hole.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/model/record.h"
#include "common/model/rule_series.h"
#include "common/obs/log.h"

namespace ronda::query {
namespace {

constexpr size_t kMaxGapRecords = 1'000'000;
// A gap is recorded when it begins, when it ends, or later (backfill): look that far beyond the
// window. Raw data is not kept much longer.
constexpr int64_t kRecordSlackMs = int64_t{31} * 86'400'000;

// Columns by number; what an older or damaged row does not have reads as nothing.
template <typename T>
T Column(const Record& record, size_t i) {
  if (i < record.values.size()) {
    if (const T* value = std::get_if<T>(&record.values[i])) {
      return *value;
    }
  }
  return T{};
}

AlertEvent ToEvent(std::string_view node, const Record& r) {
  AlertEvent e;
  e.t_ms = r.t_ms;
  e.node = node;
  e.rule = Column<std::string>(r, 0);
  e.group = Column<std::string>(r, 1);
  e.severity = Column<std::string>(r, 2);
  e.labels = Column<std::string>(r, 3);
  e.from = Column<std::string>(r, 4);
  e.to = Column<std::string>(r, 5);
  e.value = Column<double>(r, 6);
  e.active_at_ms = Column<int64_t>(r, 7);
  e.reason = Column<std::string>(r, 8);
  e.summary = Column<std::string>(r, 9);
  e.rule_version = Column<std::string>(r, 10);
  e.evidence_from_ms = Column<int64_t>(r, 11);
  e.evidence_to_ms = Column<int64_t>(r, 12);
  return e;
}

Gap ToGap(std::string_view node, const Record& r) {
  return {std::string(node),         Column<int64_t>(r, 0),     Column<int64_t>(r, 1),
          Column<std::string>(r, 2), Column<std::string>(r, 3), Column<std::string>(r, 4)};
}

std::string SummaryOf(const rules::Alert& alert) {
  for (std::string_view wanted : {"summary", "description"}) {
    for (const Label& annotation : alert.annotations) {
      if (annotation.name == wanted) {
        return annotation.value;
      }
    }
  }
  return "";
}

ActiveAlert ToActive(const rules::Alert& alert) {
  return {alert.rule,
          alert.group,
          alert.node,
          std::string(rules::ToString(alert.state)),
          std::string(alert.severity()),
          alert.labels,
          alert.active_at_ms,
          alert.fired_at_ms,
          alert.changed_at_ms,
          alert.value,
          alert.reason,
          SummaryOf(alert)};
}

int Rank(const ActiveAlert& alert) {
  if (alert.state == "firing") {
    return 0;
  }
  return alert.state == "unknown" ? 1 : 2;
}

}  // namespace

absl::StatusOr<std::vector<ActiveAlert>> ReadActiveAlerts(const store::Store& store,
                                                          int64_t now_ms) {
  RONDA_ASSIGN_OR_RETURN(const mute::Silences silences, LoadSilences(store));
  StringMap<std::string> held;
  RONDA_RETURN_IF_ERROR(
      store.ScanState(mute::kHeldSpace, [&](std::string_view key, std::string_view value) {
        const auto entry = mute::DecodeHeld(value);
        if (entry.ok() && !entry->why.empty()) {
          held[key] = entry->why;
        }
      }));
  std::vector<ActiveAlert> alerts;
  auto decode = [&](std::string_view key, std::string_view value) {
    const absl::StatusOr<rules::Alert> alert = rules::DecodeAlert(value);
    if (alert.ok()) {
      alerts.push_back(ToActive(*alert));
      for (const mute::Silence* silence : silences.Matching(alert->labels, now_ms)) {
        alerts.back().silenced_by.push_back(silence->id);
      }
      const auto why = held.find(key);
      alerts.back().held = why == held.end() ? "" : why->second;
    } else {
      obs::Warn("query", "alert {} is left out: {}", key, Message(alert.status()));
    }
  };
  RONDA_RETURN_IF_ERROR(store.ScanState(rules::kAlertSpace, decode));
  std::sort(alerts.begin(), alerts.end(), [](const ActiveAlert& a, const ActiveAlert& b) {
    return std::make_tuple(Rank(a), std::cref(a.rule), std::cref(a.node), std::cref(a.labels)) <
           std::make_tuple(Rank(b), std::cref(b.rule), std::cref(b.node), std::cref(b.labels));
  });
  return alerts;
}

absl::Status ReadAlertLog(const store::RecordReader& records, int64_t start_ms, int64_t end_ms,
                          std::string_view node, absl::FunctionRef<bool(AlertEvent)> visit) {
  return records.ScanRecords(AlertRecord().name, node, start_ms, end_ms,
                             [&](std::string_view of_node, const Record& record) {
                               return visit(ToEvent(of_node == kNoNode ? "" : of_node, record));
                             });
}

absl::StatusOr<std::vector<Gap>> ReadGaps(const store::RecordReader& records, int64_t start_ms,
                                          int64_t end_ms, std::string_view node) {
  std::map<std::tuple<int64_t, std::string, std::string>, Gap> by_begin;
  size_t seen = 0;
  auto take = [&](std::string_view of_node, const Record& record) {
    Gap gap = ToGap(of_node, record);
    auto [it, added] = by_begin.try_emplace({gap.from_ms, gap.node, gap.group}, gap);
    if (!added && gap.to_ms != 0) {
      it->second = std::move(gap);
    }
    return ++seen <= kMaxGapRecords;
  };
  RONDA_RETURN_IF_ERROR(records.ScanRecords(
      GapRecord().name, node, std::max<int64_t>(start_ms - kRecordSlackMs, 0),
      std::min(end_ms, std::numeric_limits<int64_t>::max() - kRecordSlackMs) + kRecordSlackMs,
      take));
  if (seen > kMaxGapRecords) {
    return Fail(absl::StatusCode::kResourceExhausted,
                "the window holds more than the limit of {} gap records: name a node or take a "
                "shorter window",
                kMaxGapRecords);
  }
  std::vector<Gap> gaps;
  for (auto& [key, gap] : by_begin) {
    if (gap.from_ms <= end_ms && (gap.to_ms == 0 || gap.to_ms >= start_ms)) {
      gaps.push_back(std::move(gap));
    }
  }
  return gaps;
}

absl::Status AddHoles(const store::Store& store, int64_t start_ms, int64_t end_ms,
                      std::string_view node, std::vector<Gap>* gaps) {
  return store.ScanState(store::kHoleSpace, [&](std::string_view, std::string_view value) {
    const auto hole = store::DecodeHole(value);
    if (hole.ok() && (node.empty() || hole->node == node) && hole->from_ms <= end_ms &&
        hole->to_ms >= start_ms) {
      gaps->push_back({hole->node, hole->from_ms, hole->to_ms, "", hole->cause,
                       "the agent has it, or a part of it, and sends it"});
    }
  });
}

void AddOpenGaps(const std::vector<NodeStatus>& nodes, std::vector<Gap>* gaps) {
  for (const NodeStatus& node : nodes) {
    if (node.state != NodeState::kSilent && node.state != NodeState::kStopped) {
      continue;
    }
    const bool known = std::any_of(gaps->begin(), gaps->end(), [&](const Gap& gap) {
      return gap.node == node.name && gap.to_ms == 0 && gap.group.empty();
    });
    if (!known) {
      const bool stopped = node.state == NodeState::kStopped;
      gaps->push_back({node.name, node.last_sample_ms, 0, "",
                       stopped ? "agent stopped" : "node silent",
                       stopped ? "the agent said goodbye" : "nothing comes from its agent"});
    }
  }
  std::stable_sort(gaps->begin(), gaps->end(),
                   [](const Gap& a, const Gap& b) { return a.from_ms < b.from_ms; });
}

}  // namespace ronda::query
