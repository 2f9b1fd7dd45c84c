#include "collector/query/silence_view.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "collector/query/record_view.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::query {
namespace {

SilenceStatus ToStatus(const mute::Silence& silence, int64_t now_ms) {
  SilenceStatus out;
  out.id = silence.id;
  out.state = mute::ToString(silence.StateAt(now_ms));
  for (const Matcher& matcher : silence.matchers) {
    out.matchers.push_back(matcher.ToString());
  }
  out.starts_ms = silence.starts_ms;
  out.ends_ms = silence.ends_ms;
  out.updated_ms = silence.updated_ms;
  out.created_by = silence.created_by;
  out.comment = silence.comment;
  out.maintenance = silence.maintenance;
  out.name = silence.name;
  return out;
}

}  // namespace

absl::StatusOr<mute::Silences> LoadSilences(const store::Store& store) {
  mute::Silences silences;
  RONDA_RETURN_IF_ERROR(
      store.ScanState(mute::kSilenceSpace, [&](std::string_view key, std::string_view value) {
        auto silence = mute::DecodeSilence(value);
        if (silence.ok()) {
          silences.Put(*std::move(silence));
        } else {
          obs::Warn("query", "silence {} is left out: {}", key, Message(silence.status()));
        }
      }));
  return silences;
}

absl::StatusOr<std::vector<SilenceStatus>> ReadSilences(const store::Store& store, int64_t now_ms,
                                                        bool expired) {
  RONDA_ASSIGN_OR_RETURN(const mute::Silences silences, LoadSilences(store));
  RONDA_ASSIGN_OR_RETURN(const std::vector<ActiveAlert> alerts, ReadActiveAlerts(store, now_ms));
  std::vector<SilenceStatus> out;
  for (const auto& [id, silence] : silences.all()) {
    if (!expired && silence.StateAt(now_ms) == mute::SilenceState::kExpired) {
      continue;
    }
    out.push_back(ToStatus(silence, now_ms));
    out.back().matching = std::count_if(
        alerts.begin(), alerts.end(), [&, &matchers = silence.matchers](const ActiveAlert& alert) {
          return alert.fired_at_ms != 0 && MatchesAll(alert.labels, matchers);
        });
  }
  std::sort(out.begin(), out.end(), [](const SilenceStatus& a, const SilenceStatus& b) {
    return std::tie(a.starts_ms, a.id) < std::tie(b.starts_ms, b.id);
  });
  return out;
}

}  // namespace ronda::query
