// `ronda rules reload`, and `ronda rules list` of a collector that runs.
#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include "collector/cli/admin_client.h"
#include "collector/cli/commands.h"
#include "collector/cli/rule_table.h"
#include "collector/cli/units.h"
#include "common/base/status.h"
#include "common/rpc/status.h"
#include "ronda/v1/rules.grpc.pb.h"

namespace ronda::cli {
namespace {

std::string StateOf(const v1::RuleLine& rule) {
  if (rule.record()) {
    return "";
  }
  return rule.firing() > 0    ? "firing"
         : rule.pending() > 0 ? "pending"
         : rule.unknown() > 0 ? "unknown"
                              : "inactive";
}

Cell CountCell(int64_t count, bool record) {
  return record || count == 0 ? Cell::None() : Cell::Number(count, std::to_string(count));
}

Report TableOf(const v1::ListRulesReply& reply, absl::TimeZone zone) {
  Report report(RuleColumns({{"STATE", "state"},
                             {"FIRING", "firing", true},
                             {"PENDING", "pending", true},
                             {"UNKNOWN", "unknown", true},
                             {"LAST", "last_evaluation"},
                             {"EXPR", "expr"},
                             {"ERROR", "error"}}));
  for (const v1::RuleLine& rule : reply.rule()) {
    const std::string state = StateOf(rule);
    report.Add(RuleCells(
        {rule.group(), rule.name(), rule.record(), rule.on_arrival(), rule.interval_ms(),
         rule.for_ms(), rule.severity()},
        {Cell::Text(state, ColourOf(state)), CountCell(rule.firing(), rule.record()),
         CountCell(rule.pending(), rule.record()), CountCell(rule.unknown(), rule.record()),
         rule.evaluated_ms() == 0 ? Cell::None()
                                  : Cell::Both(FormatSecond(rule.evaluated_ms(), zone),
                                               FormatRfc3339(rule.evaluated_ms(), zone)),
         Cell::Text(rule.expr()), Cell::Text(rule.error(), Colour::kBad)}));
  }
  return report;
}

}  // namespace

absl::StatusOr<int> RunRulesReload(const FolderContext& context) {
  RONDA_ASSIGN_OR_RETURN(const auto channel, ConnectAdmin(context.settings));
  const auto stub = v1::Rules::NewStub(channel);
  grpc::ClientContext call;
  SetDeadline(&call);
  v1::ReloadReply reply;
  const absl::Status status = rpc::FromGrpc(stub->Reload(&call, v1::ReloadRequest(), &reply));
  if (status.code() == absl::StatusCode::kInvalidArgument ||
      status.code() == absl::StatusCode::kNotFound) {
    context.console.Note(
        fmt::format("{}\nnothing was reloaded: the collector goes on as it was", Message(status)));
    return kExitNo;
  }
  RONDA_RETURN_IF_ERROR(status);
  context.console.Out(
      fmt::format("reloaded: {} rules in {} files\n", reply.rules(), reply.files()));
  return kExitOk;
}

absl::Status ListRunningRules(const FolderContext& context) {
  RONDA_ASSIGN_OR_RETURN(const auto channel, ConnectAdmin(context.settings));
  const auto stub = v1::Rules::NewStub(channel);
  grpc::ClientContext call;
  SetDeadline(&call);
  v1::ListRulesReply reply;
  RONDA_RETURN_IF_ERROR(rpc::FromGrpc(stub->List(&call, v1::ListRulesRequest(), &reply)));
  return Print(context, TableOf(reply, context.zone));
}

}  // namespace ronda::cli
