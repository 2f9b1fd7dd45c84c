// Tested by tests/unit/collector/mute/maintenance_test.cc.
#include "collector/mute/maintenance.h"

#include <fmt/format.h>

#include <algorithm>

#include "collector/mute/flapping.h"
#include "collector/mute/matchers.h"
#include "common/base/status.h"
#include "common/codec/varint.h"

namespace ronda::mute {
namespace {

using Told = Progress::Told;

// A window of a schedule is there, to be seen and ended, so long before it begins.
constexpr int64_t kShownBeforeMs = 3'600'000;
constexpr size_t kMaxNames = 50;

// First byte of an encoded progress. What follows: told, fired, names (count, then each).
constexpr uint8_t kVersion = 1;

std::string TitleOf(const Silence& silence) {
  return silence.name.empty() ? FormatMatchers(silence.matchers) : silence.name;
}

std::string Count(size_t n) { return fmt::format("{} alert{}", n, n == 1 ? "" : "s"); }

std::string Lines(const std::string& title, const std::vector<std::string>& names, size_t count) {
  std::string text = title;
  for (size_t i = 0; i < names.size() && i < kMaxNames; ++i) {
    text += (i == 0 ? ": " : ", ") + names[i];
  }
  const size_t shown = std::min(names.size(), kMaxNames);
  return count > shown ? text + fmt::format(" and {} more", count - shown) : text;
}

rules::Transition Message(const Silence& silence, rules::AlertState state, int64_t now_ms,
                          std::string summary, std::string description) {
  rules::Transition out;
  rules::Alert& alert = out.alert;
  alert.rule = kMaintenanceAlert;
  alert.group = "ronda";
  alert.labels = Labels(std::vector<Label>{{"alertname", std::string(kMaintenanceAlert)},
                                           {"maintenance", TitleOf(silence)},
                                           {"severity", "info"}});
  alert.annotations.push_back({"summary", std::move(summary)});
  if (!description.empty()) {
    alert.annotations.push_back({"description", std::move(description)});
  }
  alert.annotations.push_back({"ronda_silence", silence.id});
  alert.state = state;
  alert.active_at_ms = silence.starts_ms;
  alert.fired_at_ms = silence.starts_ms;
  alert.changed_at_ms = now_ms;
  out.from = state == rules::AlertState::kResolved ? rules::AlertState::kFiring
                                                   : rules::AlertState::kInactive;
  out.t_ms = now_ms;
  out.notify = true;
  return out;
}

}  // namespace

std::string EncodeProgress(const Progress& progress) {
  std::string out(1, static_cast<char>(kVersion));
  out.push_back(static_cast<char>(progress.told));
  codec::PutSigned(&out, progress.fired);
  codec::PutVarint(&out, progress.names.size());
  for (const std::string& name : progress.names) {
    codec::PutBytes(&out, name);
  }
  return out;
}

absl::StatusOr<Progress> DecodeProgress(std::string_view bytes) {
  codec::ByteReader in(bytes);
  Progress out;
  const uint8_t version = in.U8();
  const uint8_t told = in.U8();
  out.told = static_cast<Told>(told);
  out.fired = in.Signed();
  const uint64_t count = in.Varint();
  for (uint64_t i = 0; i < count && i < kMaxNames && in.ok(); ++i) {
    out.names.emplace_back(in.Bytes());
  }
  if (version != kVersion || told > static_cast<uint8_t>(Told::kEnd) || !in.done()) {
    return Fail(absl::StatusCode::kDataLoss,
                "reading a maintenance window of {} bytes: damaged, or of a later version",
                bytes.size());
  }
  return out;
}

void Maintenance::Due(int64_t now_ms, const Silences& silences, StillFiring still, Changes* out) {
  Open(now_ms, silences, out);
  for (const Silence& added : out->added) {
    Tell(added, now_ms, still, out);
  }
  for (const auto& [id, silence] : silences.all()) {
    if (silence.maintenance) {
      Tell(silence, now_ms, still, out);
    }
  }
}

void Maintenance::Open(int64_t now_ms, const Silences& silences, Changes* out) {
  for (const MaintenanceSchedule& schedule : schedules_) {
    const int64_t starts_ms = schedule.cron.Next(now_ms - schedule.duration_ms, schedule.zone);
    const std::string id = SilenceIdOf(fmt::format("{}\n{}", schedule.name, starts_ms));
    if (starts_ms == INT64_MAX ||
        starts_ms - std::max(schedule.announce_ms, kShownBeforeMs) > now_ms ||
        silences.Find(id) != nullptr) {
      continue;
    }
    Silence silence;
    silence.id = id;
    silence.matchers = schedule.matchers;
    silence.starts_ms = starts_ms;
    silence.ends_ms = starts_ms + schedule.duration_ms;
    silence.updated_ms = now_ms;
    silence.created_by = "collector.yml";
    silence.comment = schedule.comment;
    silence.maintenance = true;
    silence.name = schedule.name;
    silence.announce_ms = schedule.announce_ms;
    out->added.push_back(std::move(silence));
  }
}

void Maintenance::Tell(const Silence& silence, int64_t now_ms, StillFiring still, Changes* out) {
  const Progress* known = Find(silence.id);
  const Told told = known == nullptr ? Told::kNothing : known->told;
  const std::string what = fmt::format("maintenance \"{}\"", TitleOf(silence));
  const std::string when =
      fmt::format("{} to {}", TimeText(silence.starts_ms), TimeText(silence.ends_ms));
  const auto say = [&](Told next, rules::AlertState state, std::string summary,
                       std::string description) {
    Change(silence.id, out).told = next;
    out->send.push_back(
        Message(silence, state, now_ms, std::move(summary), std::move(description)));
  };
  const std::string about = FormatMatchers(silence.matchers) +
                            (silence.comment.empty() ? "" : ": " + silence.comment) + "; by " +
                            silence.created_by;
  switch (silence.StateAt(now_ms)) {
    case SilenceState::kPending:
      if (told == Told::kNothing && silence.announce_ms > 0 &&
          silence.starts_ms - silence.announce_ms <= now_ms) {
        say(Told::kBefore, rules::AlertState::kFiring, what + " is to come: " + when, about);
      }
      break;
    case SilenceState::kActive:
      if (told < Told::kBegin) {
        say(Told::kBegin, rules::AlertState::kFiring, what + " has begun: " + when, about);
      }
      break;
    case SilenceState::kExpired:
      if (told == Told::kBefore) {
        say(Told::kEnd, rules::AlertState::kResolved, what + " was called off", about);
      } else if (told == Told::kBegin) {
        const std::vector<std::string> firing = still(silence);
        const auto fired = static_cast<size_t>(known->fired);
        const std::string report =
            (fired == 0 ? "" : Lines("Fired in it", known->names, fired)) +
            (fired == 0 || firing.empty() ? "" : ". ") +
            (firing.empty() ? "" : Lines("Firing still", firing, firing.size()));
        say(Told::kEnd, rules::AlertState::kResolved,
            fmt::format("{} is over after {}: {} fired in it, {} still", what,
                        LengthText(silence.ends_ms - silence.starts_ms), Count(fired),
                        firing.size()),
            report);
      }
      break;
  }
}

void Maintenance::NoteFired(const std::string& id, std::string name, Changes* out) {
  const Progress* known = Find(id);
  const bool is_known = known != nullptr && std::find(known->names.begin(), known->names.end(),
                                                      name) != known->names.end();
  if (is_known) {
    return;  // again
  }
  Progress& progress = Change(id, out);
  ++progress.fired;
  if (progress.names.size() < kMaxNames) {
    progress.names.push_back(std::move(name));
  }
}

Progress& Maintenance::Change(const std::string& id, Changes* out) {
  const Progress* known = Find(id);
  out->before.emplace_back(id, known == nullptr ? std::nullopt : std::optional<Progress>(*known));
  return progress_[id];
}

void Maintenance::Undo(const Changes& changes) {
  for (auto it = changes.before.rbegin(); it != changes.before.rend(); ++it) {
    if (it->second.has_value()) {
      progress_[it->first] = *it->second;
    } else {
      progress_.erase(it->first);
    }
  }
}

const Progress* Maintenance::Find(const std::string& id) const {
  const auto found = progress_.find(id);
  return found == progress_.end() ? nullptr : &found->second;
}

int64_t Maintenance::NextDueMs(int64_t now_ms, const Silences& silences) const {
  int64_t next = INT64_MAX;
  const auto consider = [&](int64_t t_ms) { next = t_ms > now_ms ? std::min(next, t_ms) : next; };
  for (const MaintenanceSchedule& schedule : schedules_) {
    const int64_t ahead_ms = std::max(schedule.announce_ms, kShownBeforeMs);
    // The one that comes after what Open() has seen.
    const int64_t starts_ms = schedule.cron.Next(now_ms + ahead_ms, schedule.zone);
    if (starts_ms != INT64_MAX) {
      consider(starts_ms - ahead_ms);
    }
  }
  for (const auto& [id, silence] : silences.all()) {
    if (silence.maintenance) {
      consider(silence.starts_ms - silence.announce_ms);
    }
  }
  return next;
}

std::string Maintenance::TimeText(int64_t t_ms) const {
  return absl::FormatTime("%Y-%m-%d %H:%M %Z", absl::FromUnixMillis(t_ms), zone_);
}

}  // namespace ronda::mute
