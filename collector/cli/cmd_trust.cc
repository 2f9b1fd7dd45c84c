// `ronda enroll token`, `ronda revoke`, `ronda audit`.
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <utility>

#include "collector/cli/admin_client.h"
#include "collector/cli/commands.h"
#include "collector/store/store.h"
#include "collector/trust/audit.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/rpc/status.h"
#include "ronda/v1/admin.grpc.pb.h"

namespace ronda::cli {
namespace {

// Calls `line` for each entry; the noted end of the chain.
absl::StatusOr<std::string> ReadAudit(const Settings& settings,
                                      const std::function<void(std::string_view)>& line) {
  std::string head;
  if (!settings.data.empty()) {
    const SystemClock clock;
    RONDA_ASSIGN_OR_RETURN(const auto store, store::Store::OpenReadOnly(settings.data, clock));
    RONDA_RETURN_IF_ERROR(store->ScanState(
        trust::kAuditSpace, [&](std::string_view, std::string_view text) { line(text); }));
    RONDA_RETURN_IF_ERROR(store->ScanState(
        trust::kAuditHeadSpace,
        [&](std::string_view, std::string_view text) { head = std::string(text); }));
    return head;
  }
  RONDA_ASSIGN_OR_RETURN(const auto channel, ConnectAdmin(settings));
  const auto stub = v1::Admin::NewStub(channel);
  grpc::ClientContext call;
  SetDeadline(&call);
  const auto reader = stub->ReadAudit(&call, v1::ReadAuditRequest());
  v1::AuditLine message;
  while (reader->Read(&message)) {
    if (message.head()) {
      head = message.text();
    } else {
      line(message.text());
    }
  }
  RONDA_RETURN_IF_ERROR(rpc::FromGrpc(reader->Finish()));
  return head;
}

absl::StatusOr<int> CheckAudit(const FolderContext& context, const AuditArgs& args) {
  trust::AuditChecker checker;
  RONDA_ASSIGN_OR_RETURN(
      const std::string head,
      ReadAudit(context.settings, [&](std::string_view line) { checker.Add(line); }));
  checker.Finish(head);
  std::vector<std::string> problems = checker.problems();
  if (!args.head.empty() && !checker.Passed(args.head)) {
    problems.push_back(fmt::format(
        "no entry has the hash {}: this is not the chain that it was noted from", args.head));
  }
  Report report({{"ENTRIES", "entries", true}, {"CHAIN", "chain"}, {"HEAD", "head"}});
  report.Add({Cell::Number(checker.entries(), std::to_string(checker.entries())),
              Cell::Text(problems.empty() ? "whole" : "broken",
                         problems.empty() ? Colour::kGood : Colour::kBad),
              Cell::Text(checker.head_hash())});
  for (const std::string& problem : problems) {
    context.console.Note(problem);
  }
  RONDA_RETURN_IF_ERROR(Print(context, report));
  return problems.empty() ? kExitOk : kExitNo;
}

}  // namespace

absl::StatusOr<int> RunEnrollToken(const FolderContext& context, const EnrollTokenArgs& args) {
  RONDA_ASSIGN_OR_RETURN(const int64_t valid_ms, ParseDuration(args.for_how_long));
  RONDA_ASSIGN_OR_RETURN(const auto channel, ConnectAdmin(context.settings));
  const auto stub = v1::Admin::NewStub(channel);
  grpc::ClientContext call;
  SetDeadline(&call);
  v1::MakeTokenRequest request;
  request.set_node(args.node);
  request.set_valid_ms(valid_ms);
  v1::MakeTokenReply reply;
  RONDA_RETURN_IF_ERROR(rpc::FromGrpc(stub->MakeToken(&call, request, &reply)));
  if (context.settings.format == Format::kTable) {
    // The token alone, for pipes; what to do with it is for people.
    context.console.Out(reply.token() + "\n");
    context.console.Note(fmt::format(
        "good once, until {}, for {}; on the node: ronda-agent enroll --collector HOST:PORT "
        "--token-file FILE",
        FormatInstant(reply.expires_ms(), context.zone),
        args.node.empty() ? "any node without a certificate" : "node " + args.node));
    return kExitOk;
  }
  Report report({{"TOKEN", "token"}, {"NODE", "node"}, {"EXPIRES", "expires_ms", true}});
  report.Add({Cell::Text(reply.token()), args.node.empty() ? Cell::None() : Cell::Text(args.node),
              Cell::Number(reply.expires_ms(), FormatInstant(reply.expires_ms(), context.zone))});
  RONDA_RETURN_IF_ERROR(Print(context, report));
  return kExitOk;
}

absl::StatusOr<int> RunChangeNode(const FolderContext& context, const ChangeNodeArgs& args) {
  RONDA_ASSIGN_OR_RETURN(const auto channel, ConnectAdmin(context.settings));
  const auto stub = v1::Admin::NewStub(channel);
  grpc::ClientContext call;
  SetDeadline(&call);
  v1::ChangeNodeRequest request;
  request.set_node(args.node);
  request.set_new_name(args.to);
  request.set_change(args.change == "expect"   ? v1::ChangeNodeRequest::EXPECT
                     : args.change == "retire" ? v1::ChangeNodeRequest::RETIRE
                     : args.change == "accept" ? v1::ChangeNodeRequest::ACCEPT
                     : args.change == "rename" ? v1::ChangeNodeRequest::RENAME
                                               : v1::ChangeNodeRequest::UNRETIRE);
  v1::ChangeNodeReply reply;
  const absl::Status status = rpc::FromGrpc(stub->ChangeNode(&call, request, &reply));
  if (status.code() == absl::StatusCode::kNotFound ||
      status.code() == absl::StatusCode::kAlreadyExists ||
      status.code() == absl::StatusCode::kFailedPrecondition) {
    context.console.Note(Message(status));
    return kExitNo;
  }
  RONDA_RETURN_IF_ERROR(status);
  Report report({{"NODE", "node"}, {"CHANGE", "change"}});
  report.Add({Cell::Text(args.node), Cell::Text(args.change)});
  RONDA_RETURN_IF_ERROR(Print(context, report));
  return kExitOk;
}

absl::StatusOr<int> RunRevoke(const FolderContext& context, const RevokeArgs& args) {
  RONDA_ASSIGN_OR_RETURN(const auto channel, ConnectAdmin(context.settings));
  const auto stub = v1::Admin::NewStub(channel);
  grpc::ClientContext call;
  SetDeadline(&call);
  v1::RevokeRequest request;
  request.set_name(args.name);
  request.set_user(args.user);
  request.set_force(args.force);
  v1::RevokeReply reply;
  const absl::Status status = rpc::FromGrpc(stub->Revoke(&call, request, &reply));
  if (status.code() == absl::StatusCode::kNotFound) {
    context.console.Note(Message(status));
    return kExitNo;
  }
  RONDA_RETURN_IF_ERROR(status);
  Report report({{"REVOKED", "name"}, {"KIND", "kind"}, {"STREAMS ENDED", "streams_ended", true}});
  report.Add({Cell::Text(args.name), Cell::Text(args.user ? "user" : "node"),
              Cell::Number(reply.streams_ended(), std::to_string(reply.streams_ended()))});
  RONDA_RETURN_IF_ERROR(Print(context, report));
  return kExitOk;
}

absl::StatusOr<int> RunAudit(const FolderContext& context, const AuditArgs& args) {
  if (args.check || !args.head.empty()) {
    return CheckAudit(context, args);
  }
  Report report({{"NO", "seq", true},
                 {"TIME", "t_ms"},
                 {"WHAT", "what"},
                 {"SUBJECT", "subject"},
                 {"WHO", "who"},
                 {"FROM", "from"},
                 {"DETAIL", "detail"}});
  RONDA_RETURN_IF_ERROR(
      ReadAudit(context.settings, [&](std::string_view line) {
        const auto entry = trust::ParseEntry(line);
        if (!entry.ok()) {
          context.console.Note(Message(entry.status()));
          return;
        }
        report.Add({Cell::Number(entry->seq, std::to_string(entry->seq)),
                    Cell::Number(entry->t_ms, FormatInstant(entry->t_ms, context.zone)),
                    Cell::Text(entry->what), Cell::Text(entry->subject), Cell::Text(entry->who),
                    Cell::Text(entry->from), Cell::Text(entry->detail)});
      }).status());
  if (report.empty() && context.settings.format == Format::kTable) {
    context.console.Note("nothing was changed yet");
    return kExitOk;
  }
  RONDA_RETURN_IF_ERROR(Print(context, report));
  return kExitOk;
}

}  // namespace ronda::cli
