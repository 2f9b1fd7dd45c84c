// /api/v2: Alertmanager's API, so that amtool and whatever else manages silences can manage
// Ronda's. Alerts come from Ronda's rules alone: they are not taken from outside.
//
// Errors are JSON strings there, not the objects of /api/v1.
#include <algorithm>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "collector/admin/silencing.h"
#include "collector/http/alertmanager_json.h"
#include "collector/http/api.h"
#include "collector/http/json.h"
#include "collector/http/tokens.h"
#include "collector/mute/matchers.h"
#include "collector/notify/outbox.h"
#include "common/base/status.h"
#include "common/base/version.h"

namespace ronda::http {
namespace {

using Json = nlohmann::json;
using mute::Silence;
using mute::SilenceState;

Response JsonResponse(const Json& json, int status = 200) {
  Response response;
  response.status = status;
  response.body = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  return response;
}

Response ListResponse(const std::vector<std::string>& items) {
  Response response;
  response.body = "[";
  for (const std::string& item : items) {
    response.body += (response.body.size() > 1 ? "," : "") + item;
  }
  response.body += "]\n";
  return response;
}

Response Error(const absl::Status& status) {
  const int code = status.code() == absl::StatusCode::kInvalidArgument ? 400
                   : status.code() == absl::StatusCode::kNotFound      ? 404
                                                                       : 500;
  return JsonResponse(std::string(Message(status)), code);
}

std::vector<std::string> Receivers(const Sources& sources) {
  std::vector<std::string> names;
  for (const notify::ChannelCounters& channel : sources.outbox->counters()) {
    names.push_back(channel.channel);
  }
  return names;
}

absl::StatusOr<std::vector<Matcher>> Filters(const Request& request) {
  std::vector<Matcher> matchers;
  for (const std::string_view text : request.AllParams("filter")) {
    RONDA_ASSIGN_OR_RETURN(Matcher matcher, mute::ParseMatcher(text));
    matchers.push_back(std::move(matcher));
  }
  return matchers;
}

bool Flag(const Request& request, std::string_view name) {
  const std::string_view text = request.Param(name).value_or("true");
  return text == "true" || text == "1" || text == "t" || text == "yes";
}

// What the parameters of alerts and alerts/groups ask for.
struct Wanted {
  std::vector<mute::AlertView> alerts;
  std::vector<std::string> receivers;
};

absl::StatusOr<Wanted> WantedAlerts(const Sources& sources, const Request& request) {
  RONDA_ASSIGN_OR_RETURN(const std::vector<Matcher> filters, Filters(request));
  RONDA_ASSIGN_OR_RETURN(const Matcher receiver,
                         Matcher::New(Matcher::Type::kRegex, "receiver",
                                      std::string(request.Param("receiver").value_or(".*"))));
  Wanted wanted{sources.silencing->gate().Alerts(), Receivers(sources)};
  std::erase_if(wanted.receivers, [&](const std::string& name) { return !receiver.Matches(name); });
  const bool active = Flag(request, "active");
  const bool silenced = Flag(request, "silenced");
  const bool inhibited = Flag(request, "inhibited");
  const bool nobody = wanted.receivers.empty() && request.Param("receiver").has_value();
  std::erase_if(wanted.alerts, [&](const mute::AlertView& view) {
    const bool suppressed = !view.silenced_by.empty() || !view.inhibited_by.empty();
    return nobody || (!active && !suppressed) || (!silenced && !view.silenced_by.empty()) ||
           (!inhibited && !view.inhibited_by.empty()) || !MatchesAll(view.alert.labels, filters);
  });
  return wanted;
}

Response GetAlerts(const Sources& sources, const Request& request) {
  const auto wanted = WantedAlerts(sources, request);
  if (!wanted.ok()) {
    return Error(wanted.status());
  }
  std::vector<std::string> out;
  for (const mute::AlertView& view : wanted->alerts) {
    out.push_back(AlertJson(view, wanted->receivers, sources.clock->NowMs()));
  }
  return ListResponse(out);
}

// By alert and node, as messages are.
Response GetGroups(const Sources& sources, const Request& request) {
  const auto wanted = WantedAlerts(sources, request);
  if (!wanted.ok()) {
    return Error(wanted.status());
  }
  std::map<std::pair<std::string, std::string>, std::string> groups;  // lists of alerts
  for (const mute::AlertView& view : wanted->alerts) {
    const Labels& labels = view.alert.labels;
    std::string& list =
        groups[{std::string(labels.Get("alertname")), std::string(labels.Get("node"))}];
    list += (list.empty() ? "" : ",") + AlertJson(view, wanted->receivers, sources.clock->NowMs());
  }
  std::vector<std::string> out;
  for (const std::string& receiver : wanted->receivers) {
    for (const auto& [key, alerts] : groups) {
      std::string group = "{\"labels\":";
      AppendLabels(Labels(std::vector<Label>{{"alertname", key.first}, {"node", key.second}}),
                   &group);
      group += ",\"receiver\":";
      AppendLabels(Labels(std::vector<Label>{{"name", receiver}}), &group);
      out.push_back(group + ",\"alerts\":[" + alerts + "]}");
    }
  }
  return ListResponse(out);
}

Response GetReceivers(const Sources& sources) {
  Json out = Json::array();
  for (const std::string& name : Receivers(sources)) {
    out.push_back({{"name", name}});
  }
  return JsonResponse(out);
}

Response GetStatus(const Sources& sources) {
  return JsonResponse({{"cluster", {{"status", "disabled"}, {"peers", Json::array()}}},
                       {"config", {{"original", sources.config_text}}},
                       {"uptime", TimeText(sources.started_ms)},
                       {"versionInfo",
                        {{"branch", ""},
                         {"buildDate", ""},
                         {"buildUser", ""},
                         {"goVersion", ""},
                         {"revision", "ronda"},
                         {"version", std::string(Version())}}}});
}

// A filter looks at what the silence's matchers say of a label.
bool Passes(const Silence& silence, const std::vector<Matcher>& filters) {
  std::vector<Label> said;
  for (const Matcher& matcher : silence.matchers) {
    said.push_back({matcher.name(), matcher.value()});
  }
  return MatchesAll(Labels(std::move(said)), filters);
}

// Active ones first, those that end soonest before the others; then those to come, then the rest.
bool Before(const Silence& a, const Silence& b, int64_t now_ms) {
  const auto rank = [now_ms](const Silence& silence) -> std::pair<int, int64_t> {
    switch (silence.StateAt(now_ms)) {
      case SilenceState::kActive:
        return {0, silence.ends_ms};
      case SilenceState::kPending:
        return {1, silence.starts_ms};
      case SilenceState::kExpired:
        break;
    }
    return {2, -silence.ends_ms};
  };
  return rank(a) < rank(b);
}

Response GetSilences(const Sources& sources, const Request& request) {
  const auto filters = Filters(request);
  if (!filters.ok()) {
    return Error(filters.status());
  }
  const int64_t now_ms = sources.clock->NowMs();
  std::vector<Silence> silences = sources.silencing->gate().AllSilences();
  std::stable_sort(silences.begin(), silences.end(),
                   [now_ms](const Silence& a, const Silence& b) { return Before(a, b, now_ms); });
  std::vector<std::string> out;
  for (const Silence& silence : silences) {
    if (Passes(silence, *filters)) {
      out.push_back(SilenceJson(silence, now_ms));
    }
  }
  return ListResponse(out);
}

trust::Actor ActorOf(const Request& request) {
  return {fmt::format("token {} ({})", request.identity->name, ToString(request.identity->role)),
          request.peer};
}

Response PostSilence(const Sources& sources, const Request& request) {
  auto silence = ParsePostedSilence(request.body);
  if (!silence.ok()) {
    return Error(silence.status());
  }
  const auto added = sources.silencing->Put(*std::move(silence), ActorOf(request));
  return added.ok() ? JsonResponse({{"silenceID", added->silence.id}}) : Error(added.status());
}

// The id in the path; null: it is one.
std::unique_ptr<Response> CheckId(std::string_view id) {
  if (mute::IsSilenceId(id)) {
    return nullptr;
  }
  return std::make_unique<Response>(
      JsonResponse({{"code", 601},
                    {"message", fmt::format("silenceID in path must be of type uuid: \"{}\"", id)}},
                   422));
}

Response GetSilence(const Sources& sources, const Request& request) {
  const std::string_view id = request.PathParam("id");
  if (const auto refusal = CheckId(id)) {
    return *refusal;
  }
  const auto silence = sources.silencing->gate().FindSilence(std::string(id));
  if (!silence.has_value()) {
    return JsonResponse("silence not found", 404);
  }
  Response response;
  response.body = SilenceJson(*silence, sources.clock->NowMs()) + "\n";
  return response;
}

Response DeleteSilence(const Sources& sources, const Request& request) {
  const std::string_view id = request.PathParam("id");
  if (const auto refusal = CheckId(id)) {
    return *refusal;
  }
  const auto expired =
      sources.silencing->Expire(id, /*by_prefix=*/false, /*maintenance=*/false, ActorOf(request));
  return expired.ok() ? Response{200, "application/json", "", {}} : Error(expired.status());
}

}  // namespace

void AddAlertmanager(const Sources& sources, const Lanes& lanes, Router* router) {
  const auto add = [&](Method method, const char* path,
                       std::function<Response(const Request&)> run) {
    const bool reads = method == Method::kGet;
    router->Add({{method},
                 std::string("/api/v2/") + path,
                 reads ? Access::kRead : Access::kOperate,
                 reads ? lanes.quick : lanes.write,  // a change waits for its commit
                 false,
                 1 << 20,
                 std::move(run)});
  };
  add(Method::kGet, "status", [sources](const Request&) { return GetStatus(sources); });
  add(Method::kGet, "receivers", [sources](const Request&) { return GetReceivers(sources); });
  add(Method::kGet, "alerts", [sources](const Request& r) { return GetAlerts(sources, r); });
  add(Method::kGet, "alerts/groups", [sources](const Request& r) { return GetGroups(sources, r); });
  add(Method::kGet, "silences", [sources](const Request& r) { return GetSilences(sources, r); });
  add(Method::kPost, "silences", [sources](const Request& r) { return PostSilence(sources, r); });
  add(Method::kGet, "silence/:id", [sources](const Request& r) { return GetSilence(sources, r); });
  add(Method::kDelete, "silence/:id",
      [sources](const Request& r) { return DeleteSilence(sources, r); });
}

}  // namespace ronda::http
