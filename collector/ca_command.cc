#include "collector/ca_command.h"

#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

#include "collector/access/peer.h"
#include "collector/query/channel.h"
#include "collector/store/folder_lock.h"
#include "collector/store/store.h"
#include "collector/trust/audit.h"
#include "collector/trust/authority.h"
#include "collector/trust/ledger.h"
#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/model/node_checks.h"
#include "common/rpc/status.h"
#include "common/tls/key.h"
#include "ronda/v1/admin.grpc.pb.h"

namespace ronda::collector {
namespace {

absl::Status CheckOwn(const CollectorConfig& config) {
  if (!config.tls.ca.empty()) {
    return Fail(absl::StatusCode::kFailedPrecondition,
                "tls.ca is set: certificates come from that authority, not from Ronda's own");
  }
  return absl::OkStatus();
}

trust::Authority::Options OptionsOf(const CollectorConfig& config, const CaCommand& command) {
  trust::Authority::Options options;
  options.dir = TrustFolder(config);
  options.names = config.tls.names;
  options.valid_ms = config.tls.valid_for_ms;
  options.names.insert(options.names.end(), command.names.begin(), command.names.end());
  return options;
}

absl::Status Init(const CollectorConfig& config, const CaCommand& command) {
  RONDA_RETURN_IF_ERROR(CheckOwn(config));
  const SystemClock clock;
  const bool there = trust::Authority::Exists(TrustFolder(config));
  RONDA_ASSIGN_OR_RETURN(const auto authority,
                         trust::Authority::Open(OptionsOf(config, command), clock));
  const tls::CertificateInfo info = authority->own()->info;
  std::vector<std::string> names = info.dns_names;
  names.insert(names.end(), info.ip_addresses.begin(), info.ip_addresses.end());
  fmt::print(
      "{} {}\nfingerprint  {}\ncollector is {}\n\nNext: start ronda-collector; then, for each "
      "node:\n"
      "  ronda enroll token --node NODE\n"
      "  ronda-agent enroll --collector HOST:7710 --token-file FILE      # there\n"
      "Keep {}/ca.key: whoever has it can make certificates, and without it all nodes enrol "
      "again.\n",
      there ? "The authority is there already:" : "Made an authority:", TrustFolder(config),
      authority->ca_fingerprint(), fmt::join(names, ", "), TrustFolder(config));
  return absl::OkStatus();
}

struct Signed {
  std::string certificate;
  std::string ca;
};

absl::StatusOr<Signed> AskCollector(const CollectorConfig& config, const CaCommand& command,
                                    const std::string& request_pem) {
  if (config.socket.empty()) {
    return Fail(absl::StatusCode::kFailedPrecondition,
                "a collector runs on {}, and its socket is not known: name it with --socket",
                config.data_dir);
  }
  const query::ChannelOptions options{"unix:" + config.socket, {}, false};
  RONDA_ASSIGN_OR_RETURN(const auto channel, query::NewChannel(options));
  RONDA_RETURN_IF_ERROR(query::WaitConnected(*channel, options, 5'000));
  grpc::ClientContext call;
  call.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  v1::IssueUserRequest request;
  request.set_name(command.user);
  request.set_role(command.role);
  request.set_request_pem(request_pem);
  v1::IssueUserReply reply;
  RONDA_RETURN_IF_ERROR(
      rpc::FromGrpc(v1::Admin::NewStub(channel)->IssueUser(&call, request, &reply)));
  return Signed{reply.certificate_pem(), reply.ca_pem()};
}

absl::StatusOr<Signed> SignHere(const CollectorConfig& config, const CaCommand& command,
                                const std::string& request_pem) {
  const SystemClock clock;
  RONDA_RETURN_IF_ERROR(CheckNodeName(command.user));
  store::Store::Options options;
  options.dir = config.data_dir;
  RONDA_ASSIGN_OR_RETURN(const auto store, store::Store::Open(options, clock));
  RONDA_ASSIGN_OR_RETURN(const auto audit, trust::Audit::Open(*store, clock));
  RONDA_ASSIGN_OR_RETURN(const auto ledger, trust::Ledger::Open(*store, *audit, clock));
  RONDA_ASSIGN_OR_RETURN(const auto authority,
                         trust::Authority::Open(OptionsOf(config, command), clock));
  RONDA_ASSIGN_OR_RETURN(
      const std::string certificate,
      authority->SignUser(request_pem, command.user, access::ParseRole(command.role).value()));
  RONDA_ASSIGN_OR_RETURN(const tls::CertificateInfo info, tls::ReadCertificate(certificate));
  RONDA_RETURN_IF_ERROR(
      ledger->AddUser(command.user, command.role, info,
                      {fmt::format("local uid {} (admin)", getuid()), "command"}));
  return Signed{certificate, authority->ca()};
}

absl::Status User(const CollectorConfig& config, const CaCommand& command) {
  RONDA_RETURN_IF_ERROR(CheckOwn(config));
  RONDA_ASSIGN_OR_RETURN(const std::string key, tls::NewKey());
  RONDA_ASSIGN_OR_RETURN(const std::string request, tls::NewRequest(key, command.user));
  RONDA_ASSIGN_OR_RETURN(const Signed made, store::FolderLock::IsHeld(config.data_dir)
                                                ? AskCollector(config, command, request)
                                                : SignHere(config, command, request));
  const std::string out = command.out.empty() ? "ronda-" + command.user : command.out;
  RONDA_RETURN_IF_ERROR(MakeDirectories(out, 0700));
  RONDA_RETURN_IF_ERROR(tls::WriteKeyFile(out + "/key.pem", key));
  RONDA_RETURN_IF_ERROR(WriteFileAtomically(out + "/cert.pem", made.certificate));
  RONDA_RETURN_IF_ERROR(WriteFileAtomically(out + "/ca.pem", made.ca));
  RONDA_ASSIGN_OR_RETURN(const tls::CertificateInfo info, tls::ReadCertificate(made.certificate));
  fmt::print(
      "Made key.pem, cert.pem and ca.pem in {}, for {} with the role {}, until {}.\n"
      "Put them into ~/.config/ronda on that person's machine; then: ronda --collector HOST:7710 "
      "status\n",
      out, command.user, command.role, tls::FormatInstant(info.not_after_ms));
  return absl::OkStatus();
}

}  // namespace

void AddCaCommand(CLI::App* app, CaCommand* command) {
  CLI::App* ca = app->add_subcommand("ca", "Ronda's own certificate authority");
  ca->fallthrough();
  ca->require_subcommand(1);
  CLI::App* init =
      ca->add_subcommand("init", "Make the authority in the data folder, or say which is there");
  init->fallthrough();
  init->add_option("--name", command->names,
                   "what else agents call this collector: a name or an address; may be repeated")
      ->type_name("HOST");
  init->footer("Examples:\n  ronda-collector ca init --name mon1.example.com\n");
  CLI::App* user =
      ca->add_subcommand("user", "Make a certificate for a person's `ronda` on another machine");
  user->fallthrough();
  user->add_option("name", command->user, "the person, as the audit will call it")
      ->required()
      ->type_name("NAME");
  user->add_option("--role", command->role, "read, operate or admin")
      ->required()
      ->check(CLI::IsMember({"read", "operate", "admin"}));
  user->add_option("--out", command->out, "folder for the files (ronda-NAME)")->type_name("DIR");
  user->footer("Examples:\n  ronda-collector ca user alice --role operate --out ./alice\n");
}

int RunCaCommand(const CLI::App& app, const CaCommand& command, const CollectorConfig& config) {
  const bool init = app.get_subcommand("ca")->got_subcommand("init");
  const absl::Status status = init ? Init(config, command) : User(config, command);
  if (!status.ok()) {
    fmt::print(stderr, "ronda-collector: {}\n", Message(status));
    return 1;
  }
  return 0;
}

}  // namespace ronda::collector
