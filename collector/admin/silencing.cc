// Tested by tests/unit/collector/admin/silencing_test.cc.
#include "collector/admin/silencing.h"

#include <algorithm>
#include <utility>

#include "collector/mute/matchers.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::admin {
namespace {

using mute::Silence;
using mute::SilenceState;

bool SameMatchers(const Silence& a, const Silence& b) {
  const auto texts = [](const Silence& silence) {
    std::vector<std::string> out;
    for (const Matcher& matcher : silence.matchers) {
      out.push_back(matcher.ToString());
    }
    std::sort(out.begin(), out.end());
    return out;
  };
  return texts(a) == texts(b);
}

// What it silenced up to now stays as it was.
bool FitsInPlace(const Silence& old, const Silence& wanted, int64_t now_ms) {
  if (!SameMatchers(old, wanted) || old.maintenance != wanted.maintenance) {
    return false;
  }
  switch (old.StateAt(now_ms)) {
    case SilenceState::kActive:
      return wanted.starts_ms == old.starts_ms && wanted.ends_ms > now_ms;
    case SilenceState::kPending:
      return wanted.starts_ms >= now_ms;
    case SilenceState::kExpired:
      break;
  }
  return false;
}

}  // namespace

absl::Status Silencing::Write(const Silence& silence, const char* what, const trust::Actor& actor) {
  trust::AuditEntry entry;
  entry.who = actor.who;
  entry.from = actor.from;
  entry.what = what;
  entry.subject = (silence.maintenance ? "maintenance " : "silence ") + silence.id;
  entry.detail = mute::FormatMatchers(silence.matchers);
  if (!silence.comment.empty()) {
    entry.detail += ": " + silence.comment;
  }
  RONDA_RETURN_IF_ERROR(
      audit_.Write(std::move(entry),
                   {{std::string(mute::kSilenceSpace), silence.id, mute::EncodeSilence(silence)}}));
  gate_.Apply(silence);
  obs::Info("admin", "{} {} by=\"{}\" matchers={}", what, silence.id, actor.who,
            mute::FormatMatchers(silence.matchers));
  return absl::OkStatus();
}

absl::Status Silencing::End(Silence silence, const trust::Actor& actor) {
  const int64_t now_ms = clock_.NowMs();
  silence.starts_ms = std::min(silence.starts_ms, now_ms);
  silence.ends_ms = now_ms;
  silence.updated_ms = now_ms;
  return Write(silence, "expire", actor);
}

absl::StatusOr<Silencing::Added> Silencing::Put(Silence silence, const trust::Actor& actor) {
  MutexLock lock(&changing_);
  const int64_t now_ms = clock_.NowMs();
  std::optional<Silence> old;
  if (!silence.id.empty()) {
    old = gate_.FindSilence(silence.id);
    if (!old.has_value()) {
      return Fail(absl::StatusCode::kNotFound, "no silence has the id \"{}\"", silence.id);
    }
    silence.maintenance = old->maintenance;
    silence.name = old->name;
    silence.announce_ms = old->announce_ms;
  }
  const bool in_place = old.has_value() && FitsInPlace(*old, silence, now_ms);
  if (!in_place) {
    silence.starts_ms = std::max(silence.starts_ms, now_ms);
    silence.id = mute::NewSilenceId();
  }
  silence.updated_ms = now_ms;
  RONDA_RETURN_IF_ERROR(mute::CheckSilence(silence, now_ms));
  if (old.has_value() && !in_place && old->StateAt(now_ms) != SilenceState::kExpired) {
    RONDA_RETURN_IF_ERROR(End(*old, actor));
  }
  RONDA_RETURN_IF_ERROR(Write(silence, silence.maintenance ? "maintenance" : "silence", actor));
  const size_t matching = gate_.CountMatching(silence.matchers);
  return Added{std::move(silence), matching};
}

absl::StatusOr<Silencing::Expired> Silencing::Expire(std::string_view id, bool by_prefix,
                                                     bool maintenance, const trust::Actor& actor) {
  MutexLock lock(&changing_);
  std::optional<Silence> found;
  if (by_prefix) {
    RONDA_ASSIGN_OR_RETURN(found, gate_.FindByPrefix(id));
  } else {
    found = gate_.FindSilence(std::string(id));
  }
  if (!found.has_value() || (maintenance && !found->maintenance)) {
    return Fail(absl::StatusCode::kNotFound, "no {} has the id \"{}\"",
                maintenance ? "maintenance window" : "silence", id);
  }
  if (found->StateAt(clock_.NowMs()) == SilenceState::kExpired) {
    return Expired{*std::move(found), true};
  }
  RONDA_RETURN_IF_ERROR(End(*found, actor));
  return Expired{*gate_.FindSilence(found->id), false};
}

}  // namespace ronda::admin
