#include "agent/samplers/postgres/pg_target.h"

#include <libpq-fe.h>

#include <charconv>
#include <map>
#include <memory>
#include <system_error>

#include "agent/samplers/postgres/libpq.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

void Collect(const PQconninfoOption* option, std::map<std::string, std::string>* into) {
  for (; option != nullptr && option->keyword != nullptr; ++option) {
    if (option->val != nullptr && *option->val != '\0') {
      (*into)[option->keyword] = option->val;
    }
  }
}

// A host that begins with '/' is a folder of sockets, with '@' one in the abstract name space.
bool IsSocket(std::string_view host) {
  return host.empty() || host.front() == '/' || host.front() == '@';
}

std::string InstanceName(const std::string& host, const std::string& port) {
  if (IsSocket(host)) {
    return "localhost:" + port;
  }
  return host.find(':') == std::string::npos ? host + ":" + port : "[" + host + "]:" + port;
}

bool IsPort(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

// In a URL a password with an '@' or '/' that is not written as %40 or %2F spills over into what
// follows it: then host, port or database name must not be shown.
bool LooksSpilled(const std::string& host, const std::string& port, const std::string& database) {
  return host.find('@', 1) != std::string::npos || !IsPort(port) ||
         database.find('@') != std::string::npos;
}

// Set for every server. Keep-alives find a server whose machine is gone within 25 s, also while it
// owes us an answer (where libpq alone would wait for ever).
constexpr std::pair<const char*, const char*> kFixed[] = {
    {"application_name", "ronda-agent"}, {"client_encoding", "UTF8"},  {"keepalives", "1"},
    {"keepalives_idle", "10"},           {"keepalives_interval", "5"}, {"keepalives_count", "3"},
    {"tcp_user_timeout", "25000"},
};

}  // namespace

absl::StatusOr<PgTarget> ParsePgTarget(const std::string& connection_string,
                                       std::string_view password) {
  RONDA_RETURN_IF_ERROR(LoadLibpq());
  std::map<std::string, std::string> values;
  Collect(Options(PQconndefaults()).get(), &values);
  char* error = nullptr;
  const Options given(PQconninfoParse(connection_string.c_str(), &error));
  if (given == nullptr) {
    PQfreemem(error);  // not shown: it quotes the string
    return Fail(absl::StatusCode::kInvalidArgument,
                "reading a PostgreSQL connection string (not shown, it may hold a password): "
                "expected \"host=... port=... user=... dbname=...\" or "
                "\"postgresql://user@host:port/dbname\" with libpq's keywords");
  }
  Collect(given.get(), &values);
  for (const auto& [keyword, value] : kFixed) {
    values[keyword] = value;
  }
  if (!password.empty()) {
    values["password"] = password;
  }
  const std::string host = values.count("host") != 0 ? values["host"] : values["hostaddr"];
  const std::string port = values.count("port") != 0 ? values["port"] : "5432";
  if ((host + port + values["hostaddr"]).find(',') != std::string::npos) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "a PostgreSQL connection string names several hosts or ports: give each server an "
                "entry of its own");
  }
  PgTarget target;
  target.instance = InstanceName(host, port);
  target.user = values["user"];
  target.database = values.count("dbname") != 0 ? values["dbname"] : target.user;
  if (LooksSpilled(host, port, target.database)) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "reading a PostgreSQL connection string (not shown, it may hold a password): the "
                "port must be 1 to 65535, and in a URL a password's @ and / are written %40, %2F");
  }
  for (const auto& [keyword, value] : values) {
    if (!value.empty()) {
      target.parameters.emplace_back(keyword, value);
    }
  }
  return target;
}

}  // namespace ronda::agent
