// The functions of libpq-fe.h that Ronda calls, each handing its call on to the library.
//
// Tested by tests/unit/agent/samplers/postgres/libpq_test.cc.
#include "agent/samplers/postgres/libpq.h"

#include <dlfcn.h>
#include <libpq-fe.h>

#include <atomic>

#include "common/base/check.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr char kLibrary[] = "libpq.so.5";

std::atomic<void*> loaded = nullptr;

}  // namespace

absl::Status LoadLibpq() {
  if (loaded.load(std::memory_order_acquire) != nullptr) {
    return absl::OkStatus();
  }
  void* const library = dlopen(kLibrary, RTLD_LAZY | RTLD_LOCAL);  // twice is the same one
  if (library == nullptr) {
    return Fail(absl::StatusCode::kFailedPrecondition,
                "watching PostgreSQL needs {} (Debian's package libpq5): {}", kLibrary, dlerror());
  }
  loaded.store(library, std::memory_order_release);
  return absl::OkStatus();
}

namespace {

// What the library has of that name. Its major version promises all of them.
template <typename Function>
Function* Find(const char* name, Function* /*of_this_type*/) {
  RONDA_CHECK(LoadLibpq().ok());  // who calls has seen to it
  void* const found = dlsym(loaded.load(std::memory_order_acquire), name);
  RONDA_CHECK(found != nullptr);
  return reinterpret_cast<Function*>(found);
}

}  // namespace
}  // namespace ronda::agent

// Defines the function of libpq-fe.h: the compiler holds it to the declaration there.
#define RONDA_FORWARD(result, name, parameters, arguments)     \
  result name parameters {                                     \
    static const auto real = ronda::agent::Find(#name, &name); \
    return real arguments;                                     \
  }

extern "C" {

RONDA_FORWARD(PGconn*, PQconnectStartParams,
              (const char* const* keywords, const char* const* values, int expand),
              (keywords, values, expand))
RONDA_FORWARD(PostgresPollingStatusType, PQconnectPoll, (PGconn * conn), (conn))
RONDA_FORWARD(void, PQfinish, (PGconn * conn), (conn))
RONDA_FORWARD(PQconninfoOption*, PQconndefaults, (), ())
RONDA_FORWARD(PQconninfoOption*, PQconninfoParse, (const char* text, char** error), (text, error))
RONDA_FORWARD(void, PQconninfoFree, (PQconninfoOption * options), (options))

RONDA_FORWARD(ConnStatusType, PQstatus, (const PGconn* conn), (conn))
RONDA_FORWARD(const char*, PQparameterStatus, (const PGconn* conn, const char* name), (conn, name))
RONDA_FORWARD(int, PQserverVersion, (const PGconn* conn), (conn))
RONDA_FORWARD(char*, PQerrorMessage, (const PGconn* conn), (conn))
RONDA_FORWARD(int, PQsocket, (const PGconn* conn), (conn))
RONDA_FORWARD(int, PQconnectionNeedsPassword, (const PGconn* conn), (conn))
RONDA_FORWARD(PGVerbosity, PQsetErrorVerbosity, (PGconn * conn, PGVerbosity how), (conn, how))
RONDA_FORWARD(PQnoticeProcessor, PQsetNoticeProcessor,
              (PGconn * conn, PQnoticeProcessor processor, void* argument),
              (conn, processor, argument))

RONDA_FORWARD(int, PQsendQuery, (PGconn * conn, const char* query), (conn, query))
RONDA_FORWARD(PGresult*, PQgetResult, (PGconn * conn), (conn))
RONDA_FORWARD(int, PQisBusy, (PGconn * conn), (conn))
RONDA_FORWARD(int, PQconsumeInput, (PGconn * conn), (conn))
RONDA_FORWARD(int, PQsetnonblocking, (PGconn * conn, int on), (conn, on))
RONDA_FORWARD(int, PQflush, (PGconn * conn), (conn))

RONDA_FORWARD(ExecStatusType, PQresultStatus, (const PGresult* result), (result))
RONDA_FORWARD(char*, PQresultErrorField, (const PGresult* result, int field), (result, field))
RONDA_FORWARD(int, PQntuples, (const PGresult* result), (result))
RONDA_FORWARD(char*, PQgetvalue, (const PGresult* result, int row, int column),
              (result, row, column))
RONDA_FORWARD(int, PQgetisnull, (const PGresult* result, int row, int column),
              (result, row, column))
RONDA_FORWARD(void, PQclear, (PGresult * result), (result))
RONDA_FORWARD(void, PQfreemem, (void* memory), (memory))

}  // extern "C"
