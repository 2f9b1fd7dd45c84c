// `ronda silence` and `ronda maintenance`.
#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "collector/cli/admin_client.h"
#include "collector/cli/commands.h"
#include "collector/cli/units.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/model/matcher.h"
#include "common/rpc/status.h"
#include "ronda/v1/admin.grpc.pb.h"

namespace ronda::cli {
namespace {

struct Span {
  int64_t starts_ms = 0;  // 0: now
  int64_t ends_ms = 0;
};

absl::StatusOr<Span> SpanOf(const AddSilenceArgs& args, int64_t now_ms, absl::TimeZone zone) {
  Span span;
  if (!args.from.empty()) {
    RONDA_ASSIGN_OR_RETURN(span.starts_ms, ParseTime(args.from, now_ms, zone));
  }
  if (args.for_how_long.empty() && args.until.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "say how long: --for 2h, or --until 2026-11-20T18:00");
  }
  if (!args.until.empty()) {
    RONDA_ASSIGN_OR_RETURN(span.ends_ms, ParseTime(args.until, now_ms, zone));
    return span;
  }
  RONDA_ASSIGN_OR_RETURN(const int64_t length_ms, ParseDuration(args.for_how_long));
  span.ends_ms = std::max(span.starts_ms, now_ms) + length_ms;
  return span;
}

// Words without an operator are names of nodes.
std::vector<std::string> MatchersOf(const AddSilenceArgs& args) {
  std::vector<std::string> matchers;
  std::vector<std::string> nodes;
  for (const std::string& word : args.matchers) {
    const bool is_node = args.maintenance && word.find_first_of("=!") == std::string::npos;
    (is_node ? nodes : matchers).push_back(word);
  }
  if (nodes.size() == 1) {
    matchers.push_back(Matcher::Equal("node", nodes.front()).ToString());
  } else if (!nodes.empty()) {
    std::string any;
    for (const std::string& node : nodes) {
      any += (any.empty() ? "" : "|") + re2::RE2::QuoteMeta(node);
    }
    matchers.push_back("node=~" + QuoteLabelValue(any));
  }
  return matchers;
}

// What it does at present, for people.
void Explain(const FolderContext& context, const AddSilenceArgs& args, const Span& span,
             int64_t now_ms, int64_t matching) {
  const std::string until = FormatInstant(span.ends_ms, context.zone);
  std::string text =
      span.starts_ms > now_ms
          ? fmt::format("from {} until {}", FormatInstant(span.starts_ms, context.zone), until)
          : "until " + until;
  if (matching == 0) {
    text +=
        "; no alert that fires now matches: if one should, compare its labels in `ronda alerts`";
  } else {
    text += fmt::format("; {} alert{} that fire{} now match{}", matching, matching == 1 ? "" : "s",
                        matching == 1 ? "s" : "", matching == 1 ? "es" : "");
  }
  context.console.Note((args.maintenance ? "maintenance " : "silenced ") + text);
}

}  // namespace

absl::StatusOr<int> RunAddSilence(const FolderContext& context, const AddSilenceArgs& args) {
  const int64_t now_ms = SystemClock().NowMs();
  RONDA_ASSIGN_OR_RETURN(const Span span, SpanOf(args, now_ms, context.zone));
  v1::AddSilenceRequest request;
  for (std::string& matcher : MatchersOf(args)) {
    request.add_matcher(std::move(matcher));
  }
  request.set_starts_ms(span.starts_ms);
  request.set_ends_ms(span.ends_ms);
  request.set_comment(args.comment);
  request.set_maintenance(args.maintenance);
  request.set_name(args.name);
  if (!args.announce.empty()) {
    RONDA_ASSIGN_OR_RETURN(const int64_t announce_ms, ParseDuration(args.announce));
    request.set_announce_ms(announce_ms);
  }
  RONDA_ASSIGN_OR_RETURN(const auto channel, ConnectAdmin(context.settings));
  const auto stub = v1::Admin::NewStub(channel);
  grpc::ClientContext call;
  SetDeadline(&call);
  v1::AddSilenceReply reply;
  RONDA_RETURN_IF_ERROR(rpc::FromGrpc(stub->AddSilence(&call, request, &reply)));
  if (context.settings.format == Format::kTable) {
    context.console.Out(reply.id() + "\n");
    Explain(context, args, span, now_ms, reply.matching());
    return kExitOk;
  }
  Report report({{"ID", "id"}, {"MATCHING", "matching", true}});
  report.Add(
      {Cell::Text(reply.id()), Cell::Number(reply.matching(), std::to_string(reply.matching()))});
  RONDA_RETURN_IF_ERROR(Print(context, report));
  return kExitOk;
}

absl::StatusOr<int> RunListSilences(Context& context, const ListSilencesArgs& args) {
  RONDA_ASSIGN_OR_RETURN(const query::TimeBase time, NoteTime(context));
  RONDA_ASSIGN_OR_RETURN(std::vector<query::SilenceStatus> silences,
                         context.api.Silences(args.expired));
  if (args.maintenance) {
    std::erase_if(silences, [](const query::SilenceStatus& s) { return !s.maintenance; });
  }
  Report report({{"ID", "id"},
                 {"STATE", "state"},
                 {"KIND", "kind"},
                 {"FROM", "starts"},
                 {"UNTIL", "ends"},
                 {"LEFT", "left_ms", true},
                 {"ALERTS", "matching", true},
                 {"MATCHERS", "matchers"},
                 {"BY", "created_by"},
                 {"COMMENT", "comment"}});
  const auto instant = [&](int64_t t_ms) {
    return Cell::Both(FormatSecond(t_ms, context.zone), FormatRfc3339(t_ms, context.zone));
  };
  for (const query::SilenceStatus& silence : silences) {
    std::string matchers;
    for (const std::string& matcher : silence.matchers) {
      matchers += (matchers.empty() ? "" : ",") + matcher;
    }
    const bool active = silence.state == "active";
    const int64_t left_ms = std::max<int64_t>(silence.ends_ms - time.now_ms, 0);
    report.Add({Cell::Text(silence.id),
                Cell::Text(silence.state, active ? Colour::kGood : Colour::kFaint),
                Cell::Text(silence.maintenance ? "maintenance" : "silence"),
                instant(silence.starts_ms), instant(silence.ends_ms),
                active ? Cell::Number(left_ms, HumanDuration(left_ms)) : Cell::None(),
                Cell::Number(silence.matching, std::to_string(silence.matching)),
                Cell::Text("{" + matchers + "}"), Cell::Text(silence.created_by),
                Cell::Text(silence.name.empty()      ? silence.comment
                           : silence.comment.empty() ? silence.name
                                                     : silence.name + ": " + silence.comment)});
  }
  if (report.empty()) {
    context.console.Note(fmt::format("there is no {}{}",
                                     args.maintenance ? "maintenance window" : "silence",
                                     args.expired ? "" : "; --expired shows those that are over"));
  }
  if (!report.empty() || context.settings.format != Format::kTable) {
    RONDA_RETURN_IF_ERROR(Print(context, report));
  }
  return kExitOk;
}

absl::StatusOr<int> RunExpireSilence(const FolderContext& context, const ExpireSilenceArgs& args) {
  RONDA_ASSIGN_OR_RETURN(const auto channel, ConnectAdmin(context.settings));
  const auto stub = v1::Admin::NewStub(channel);
  Report report({{"ID", "id"}, {"RESULT", "result"}});
  bool all = true;
  for (const std::string& id : args.ids) {
    grpc::ClientContext call;
    SetDeadline(&call);
    v1::ExpireSilenceRequest request;
    request.set_id(id);
    request.set_maintenance(args.maintenance);
    v1::ExpireSilenceReply reply;
    const absl::Status status = rpc::FromGrpc(stub->ExpireSilence(&call, request, &reply));
    if (status.code() == absl::StatusCode::kNotFound) {
      context.console.Note(Message(status));
      all = false;
      continue;
    }
    RONDA_RETURN_IF_ERROR(status);
    report.Add({Cell::Text(reply.id()), Cell::Text(reply.was_over() ? "was over" : "ended")});
  }
  if (!report.empty() || context.settings.format != Format::kTable) {
    RONDA_RETURN_IF_ERROR(Print(context, report));
  }
  return all ? kExitOk : kExitNo;
}

}  // namespace ronda::cli
