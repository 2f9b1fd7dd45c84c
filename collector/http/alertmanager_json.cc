// Tested by tests/integration/alertmanager_test.cc.
#include "collector/http/alertmanager_json.h"

#include <nlohmann/json.hpp>

#include <utility>

#include "absl/time/time.h"
#include "collector/http/json.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace ronda::http {
namespace {

using Json = nlohmann::json;

constexpr int64_t kResolveTimeoutMs = 300'000;

// Bytes that are not UTF-8 are replaced.
std::string Text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json PairsJson(const std::vector<Label>& pairs) {
  Json out = Json::object();
  for (const Label& pair : pairs) {
    out[pair.name] = pair.value;
  }
  return out;
}

absl::Status Bad(std::string_view field, std::string_view what) {
  return Fail(absl::StatusCode::kInvalidArgument, "{} {}", field, what);
}

// "" if it is not there and need not be.
absl::StatusOr<std::string> TextField(const Json& object, const char* field, bool required) {
  const auto found = object.find(field);
  if (found == object.end() || found->is_null()) {
    return required ? absl::StatusOr<std::string>(Bad(field, "is required")) : std::string();
  }
  if (!found->is_string()) {
    return Bad(field, "must be a string");
  }
  return found->get<std::string>();
}

absl::StatusOr<bool> BoolField(const Json& object, const char* field, bool default_value) {
  const auto found = object.find(field);
  if (found == object.end() || found->is_null()) {
    return default_value;
  }
  return found->is_boolean() ? absl::StatusOr<bool>(found->get<bool>())
                             : absl::StatusOr<bool>(Bad(field, "must be true or false"));
}

absl::StatusOr<int64_t> TimeField(const Json& object, const char* field) {
  RONDA_ASSIGN_OR_RETURN(const std::string text, TextField(object, field, /*required=*/true));
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return Bad(field, "must be a time such as 2026-11-20T10:00:00Z");
  }
  return absl::ToUnixMillis(time);
}

absl::StatusOr<Matcher> MatcherOf(const Json& json) {
  if (!json.is_object()) {
    return Bad("matchers", "must be a list of objects");
  }
  RONDA_ASSIGN_OR_RETURN(std::string name, TextField(json, "name", true));
  RONDA_ASSIGN_OR_RETURN(std::string value, TextField(json, "value", true));
  RONDA_ASSIGN_OR_RETURN(const bool is_regex, BoolField(json, "isRegex", false));
  RONDA_ASSIGN_OR_RETURN(const bool is_equal, BoolField(json, "isEqual", true));
  if (!IsName(name)) {
    return Bad("matchers", fmt::format("name \"{}\" is not the name of a label", name));
  }
  const Matcher::Type type = is_regex
                                 ? (is_equal ? Matcher::Type::kRegex : Matcher::Type::kNotRegex)
                                 : (is_equal ? Matcher::Type::kEqual : Matcher::Type::kNotEqual);
  return Matcher::New(type, std::move(name), std::move(value));
}

}  // namespace

std::string AlertJson(const mute::AlertView& view, const std::vector<std::string>& receivers,
                      int64_t now_ms) {
  Json annotations = PairsJson(view.alert.annotations);
  if (view.alert.state == rules::AlertState::kUnknown) {
    annotations["ronda_unknown"] = view.alert.reason.empty() ? "no data" : view.alert.reason;
  }
  if (!view.held.empty()) {
    annotations["ronda_held"] = view.held;
  }
  Json names = Json::array();
  for (const std::string& receiver : receivers) {
    names.push_back({{"name", receiver}});
  }
  const bool suppressed = !view.silenced_by.empty() || !view.inhibited_by.empty();
  return Text({{"annotations", annotations},
               {"endsAt", TimeText(now_ms + kResolveTimeoutMs)},
               {"fingerprint", rules::Fingerprint(view.alert.labels)},
               {"receivers", names},
               {"startsAt", TimeText(view.alert.fired_at_ms)},
               {"status",
                {{"inhibitedBy", view.inhibited_by},
                 {"mutedBy", Json::array()},
                 {"silencedBy", view.silenced_by},
                 {"state", suppressed ? "suppressed" : "active"}}},
               {"updatedAt", TimeText(view.updated_ms)},
               {"labels", PairsJson(view.alert.labels.all())}});
}

std::string SilenceJson(const mute::Silence& silence, int64_t now_ms) {
  Json matchers = Json::array();
  for (const Matcher& matcher : silence.matchers) {
    const bool is_regex =
        matcher.type() == Matcher::Type::kRegex || matcher.type() == Matcher::Type::kNotRegex;
    const bool is_equal =
        matcher.type() == Matcher::Type::kRegex || matcher.type() == Matcher::Type::kEqual;
    matchers.push_back({{"isEqual", is_equal},
                        {"isRegex", is_regex},
                        {"name", matcher.name()},
                        {"value", matcher.value()}});
  }
  return Text({{"id", silence.id},
               {"status", {{"state", std::string(mute::ToString(silence.StateAt(now_ms)))}}},
               {"updatedAt", TimeText(silence.updated_ms)},
               {"comment", silence.comment},
               {"createdBy", silence.created_by},
               {"endsAt", TimeText(silence.ends_ms)},
               {"matchers", matchers},
               {"startsAt", TimeText(silence.starts_ms)}});
}

absl::StatusOr<mute::Silence> ParsePostedSilence(std::string_view body) {
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return Bad("the body", "must be a silence as a JSON object");
  }
  mute::Silence silence;
  RONDA_ASSIGN_OR_RETURN(silence.id, TextField(json, "id", false));
  RONDA_ASSIGN_OR_RETURN(silence.created_by, TextField(json, "createdBy", true));
  RONDA_ASSIGN_OR_RETURN(silence.comment, TextField(json, "comment", true));
  RONDA_ASSIGN_OR_RETURN(silence.starts_ms, TimeField(json, "startsAt"));
  RONDA_ASSIGN_OR_RETURN(silence.ends_ms, TimeField(json, "endsAt"));
  const auto matchers = json.find("matchers");
  if (matchers == json.end() || !matchers->is_array()) {
    return Bad("matchers", "must be a list of objects");
  }
  for (const Json& each : *matchers) {
    RONDA_ASSIGN_OR_RETURN(Matcher matcher, MatcherOf(each));
    silence.matchers.push_back(std::move(matcher));
  }
  return silence;
}

}  // namespace ronda::http
