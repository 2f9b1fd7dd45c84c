// Maintenance windows: silences that come again by a schedule, and what all windows say of
// themselves.
//
//   to come --announce--> told before --start--> begun --end--> over, with a report
//
// What a window says is one alert "Maintenance" of severity info: it fires when the window is
// announced and again when it begins, and is resolved when it ends.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/mute/cron.h"
#include "collector/mute/silences.h"
#include "collector/rules/transition.h"

namespace ronda::mute {

// The space of StateWrite, by the id of the window's silence.
inline constexpr std::string_view kMaintenanceSpace = "maintenance";
inline constexpr std::string_view kMaintenanceAlert = "Maintenance";

// A window of collector.yml.
struct MaintenanceSchedule {
  std::string name;
  Cron cron;
  absl::TimeZone zone;
  int64_t duration_ms = 0;
  int64_t announce_ms = 0;  // told so long before; 0: not
  std::vector<Matcher> matchers;
  std::string comment;
};

// How far a window has come, durable.
struct Progress {
  enum class Told : uint8_t { kNothing = 0, kBefore = 1, kBegin = 2, kEnd = 3 };
  Told told = Told::kNothing;
  int64_t fired = 0;               // alerts that fired in it and were not told
  std::vector<std::string> names;  // of the first of them: "DiskFull db1"
};
std::string EncodeProgress(const Progress& progress);
absl::StatusOr<Progress> DecodeProgress(std::string_view bytes);  // kDataLoss

// Not thread-safe.
class Maintenance {
 public:
  // `zone` is for the times in messages.
  Maintenance(std::vector<MaintenanceSchedule> schedules, absl::TimeZone zone)
      : schedules_(std::move(schedules)), zone_(zone) {}

  // What changes with time, for a commit. Undo() takes it back.
  struct Changes {
    std::vector<Silence> added;  // windows that a schedule opens, to be put among the silences
    std::vector<std::pair<std::string, std::optional<Progress>>> before;  // by id
    std::vector<rules::Transition> send;
  };

  // Other schedules from now on; windows that they opened before go on.
  void Reload(std::vector<MaintenanceSchedule> schedules, absl::TimeZone zone) {
    schedules_ = std::move(schedules);
    zone_ = zone;
  }
  void Restore(const std::string& id, Progress progress) { progress_[id] = std::move(progress); }

  // `still` names the alerts that fire and match, for the report.
  using StillFiring = absl::FunctionRef<std::vector<std::string>(const Silence&)>;
  void Due(int64_t now_ms, const Silences& silences, StillFiring still, Changes* out);
  // An alert fired that the window keeps quiet.
  void NoteFired(const std::string& id, std::string name, Changes* out);
  void Undo(const Changes& changes);
  // Its silence is gone.
  void Forget(const std::string& id) { progress_.erase(id); }

  // Null: nothing was told of it, and nothing fired in it.
  const Progress* Find(const std::string& id) const;
  // When Due() has something to do next, at the earliest; INT64_MAX: never by itself.
  int64_t NextDueMs(int64_t now_ms, const Silences& silences) const;

 private:
  void Open(int64_t now_ms, const Silences& silences, Changes* out);
  void Tell(const Silence& silence, int64_t now_ms, StillFiring still, Changes* out);
  Progress& Change(const std::string& id, Changes* out);
  std::string TimeText(int64_t t_ms) const;

  std::vector<MaintenanceSchedule> schedules_;
  absl::TimeZone zone_;
  std::map<std::string, Progress> progress_;
};

}  // namespace ronda::mute
