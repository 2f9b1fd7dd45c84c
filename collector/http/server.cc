// Tested by tests/unit/collector/http/server_test.cc.
#include "collector/http/server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <thread>
#include <utility>

#include "collector/http/client_watch.h"
#include "collector/http/form.h"
#include "collector/http/gzip.h"
#include "collector/http/listen.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/obs/log.h"

namespace ronda::http {
namespace {

constexpr size_t kConnectionMemory = 64 << 10;  // head of a request and buffers
constexpr int64_t kPollMs = 5;
// What comes beyond a body's limit is read and dropped, so that the client sees the answer; a
// client that goes on for longer than this is cut off.
constexpr size_t kMaxDropped = 64 << 20;

Method ParseMethod(std::string_view name) {
  constexpr std::pair<std::string_view, Method> kMethods[] = {
      {"GET", Method::kGet}, {"HEAD", Method::kHead},     {"POST", Method::kPost},
      {"PUT", Method::kPut}, {"DELETE", Method::kDelete}, {"OPTIONS", Method::kOptions}};
  for (const auto& [text, method] : kMethods) {
    if (text == name) {
      return method;
    }
  }
  return Method::kOther;
}

std::string PeerOf(MHD_Connection* connection) {
  const MHD_ConnectionInfo* info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  char text[INET6_ADDRSTRLEN] = "";
  if (info != nullptr && info->client_addr != nullptr) {
    const sockaddr* address = info->client_addr;
    if (address->sa_family == AF_INET6) {
      inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text,
                sizeof(text));
    } else {
      inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text,
                sizeof(text));
    }
  }
  return text;
}

MHD_Result AddHeader(void* to, MHD_ValueKind, const char* name, size_t name_size, const char* value,
                     size_t value_size) {
  std::string key(name, name_size);
  std::transform(key.begin(), key.end(), key.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  static_cast<std::vector<Pair>*>(to)->emplace_back(
      std::move(key), value != nullptr ? std::string(value, value_size) : std::string());
  return MHD_YES;
}

size_t ContentLength(const Request& request) {
  const std::string_view text = request.Header("content-length");
  size_t length = 0;
  std::from_chars(text.data(), text.data() + text.size(), length);
  return length;
}

void DeleteString(void* text) { delete static_cast<std::string*>(text); }

MHD_Result Queue(MHD_Connection* connection, Response response) {
  auto* body = new std::string(std::move(response.body));
  MHD_Response* out = MHD_create_response_from_buffer_with_free_callback_cls(
      body->size(), body->data(), DeleteString, body);
  if (out == nullptr) {
    DeleteString(body);
    return MHD_NO;
  }
  if (!response.content_type.empty()) {
    MHD_add_response_header(out, "Content-Type", response.content_type.c_str());
  }
  for (const auto& [name, value] : response.headers) {
    MHD_add_response_header(out, name.c_str(), value.c_str());
  }
  const MHD_Result result =
      MHD_queue_response(connection, static_cast<unsigned>(response.status), out);
  MHD_destroy_response(out);
  return result;
}

void LogLibrary(void*, const char* format, va_list arguments) {
  char text[512];
  std::vsnprintf(text, sizeof(text), format, arguments);
  // Clients that hang up and bad requests: daily life of a server.
  obs::Debug("http", "{}", std::string_view(text));
}

}  // namespace

// One request and its answer. Lives from the first byte of its line to the last of the answer.
struct Exchange {
  Request request;
  std::string uri;
  Admission admission;
  bool begun = false;
  bool refused = false;  // queued in place of reading the body
  bool too_large = false;
  bool no_room = false;
  bool submitted = false;
  size_t dropped = 0;
  int64_t held = 0;
  Response response;
  std::atomic<bool> ready{false};
};

struct Server::Impl {
  Impl(Handler& h, const Clock& c) : handler(h), clock(c) {}

  Handler& handler;
  const Clock& clock;
  Options options;
  std::string address;
  std::vector<MHD_Daemon*> daemons;
  std::shared_ptr<std::atomic<bool>> stopping = std::make_shared<std::atomic<bool>>(false);
  std::atomic<int64_t> in_flight{0};
  std::atomic<int64_t> in_pool{0};  // suspended: the library must not end meanwhile
  std::atomic<int64_t> held{0};
  std::atomic<int64_t> requests{0};
  ClientWatch watch;  // of those whose requests are in a pool

  MHD_Result OnData(MHD_Connection* connection, Exchange* exchange, const char* method,
                    const char* data, size_t* size);
  MHD_Result Begin(MHD_Connection* connection, Exchange* exchange, const char* method);
  MHD_Result Complete(MHD_Connection* connection, Exchange* exchange);
  Response Run(Exchange* exchange) const;
  MHD_Result Answer(MHD_Connection* connection, Exchange* exchange, Response response);
  absl::Status StartDaemon(int socket);

  static void* OnUri(void* self, const char* uri, MHD_Connection* connection);
  static MHD_Result OnAccess(void* self, MHD_Connection* connection, const char* url,
                             const char* method, const char* version, const char* data,
                             size_t* size, void** exchange);
  static void OnCompleted(void* self, MHD_Connection* connection, void** exchange,
                          MHD_RequestTerminationCode code);
};

void* Server::Impl::OnUri(void* self, const char* uri, MHD_Connection*) {
  auto* exchange = new Exchange;
  exchange->uri = uri;
  static_cast<Impl*>(self)->in_flight.fetch_add(1);
  return exchange;
}

void Server::Impl::OnCompleted(void* self, MHD_Connection*, void** exchange,
                               MHD_RequestTerminationCode) {
  auto* done = static_cast<Exchange*>(*exchange);
  if (done == nullptr) {
    return;
  }
  auto* impl = static_cast<Impl*>(self);
  impl->held.fetch_sub(done->held);
  delete done;
  *exchange = nullptr;
  impl->in_flight.fetch_sub(1);
}

MHD_Result Server::Impl::OnAccess(void* self, MHD_Connection* connection, const char*,
                                  const char* method, const char*, const char* data, size_t* size,
                                  void** exchange) {
  return static_cast<Impl*>(self)->OnData(connection, static_cast<Exchange*>(*exchange), method,
                                          data, size);
}

MHD_Result Server::Impl::Answer(MHD_Connection* connection, Exchange* exchange, Response response) {
  requests.fetch_add(1);
  if (stopping->load()) {
    response.headers.emplace_back("Connection", "close");
  }
  handler.Finish(exchange->request, &response);
  return Queue(connection, std::move(response));
}

MHD_Result Server::Impl::Begin(MHD_Connection* connection, Exchange* exchange, const char* method) {
  exchange->begun = true;
  Request& request = exchange->request;
  request.method = ParseMethod(method);
  request.peer = PeerOf(connection);
  request.received_mono_ms = clock.MonotonicMs();
  request.cancelled->store(stopping->load());
  MHD_get_connection_values_n(connection, MHD_HEADER_KIND, AddHeader, &request.headers);
  const std::string_view uri = exchange->uri;
  const size_t question = std::min(uri.find('?'), uri.size());
  auto path = PercentDecode(uri.substr(0, question), false);
  absl::Status status = path.status();
  if (status.ok()) {
    request.path = *std::move(path);
    status = ParseForm(uri.substr(std::min(question + 1, uri.size())), &request.params);
  }
  if (!status.ok()) {
    exchange->refused = true;
    return Answer(connection, exchange, TextResponse(400, std::string(Message(status)) + "\n"));
  }
  std::variant<Response, Admission> admitted = handler.Admit(request);
  if (auto* refusal = std::get_if<Response>(&admitted)) {
    exchange->refused = true;
    return Answer(connection, exchange, std::move(*refusal));
  }
  exchange->admission = std::get<Admission>(std::move(admitted));
  if (ContentLength(request) > exchange->admission.max_body_bytes) {
    exchange->refused = true;
    return Answer(
        connection, exchange,
        TextResponse(413, fmt::format("the body has {} bytes, {} are allowed\n",
                                      ContentLength(request), exchange->admission.max_body_bytes)));
  }
  return MHD_YES;
}

MHD_Result Server::Impl::OnData(MHD_Connection* connection, Exchange* exchange, const char* method,
                                const char* data, size_t* size) {
  if (!exchange->begun) {
    return Begin(connection, exchange, method);
  }
  if (*size == 0) {
    return exchange->refused ? MHD_YES : Complete(connection, exchange);
  }
  const size_t bytes = std::exchange(*size, 0);
  std::string& body = exchange->request.body;
  if (body.size() + bytes > exchange->admission.max_body_bytes) {
    exchange->too_large = true;
  } else if (held.load() + static_cast<int64_t>(bytes) > options.max_held_body_bytes) {
    exchange->no_room = true;
  }
  if (exchange->too_large || exchange->no_room) {
    exchange->dropped += bytes;
    return exchange->dropped > kMaxDropped ? MHD_NO : MHD_YES;
  }
  body.append(data, bytes);
  exchange->held += static_cast<int64_t>(bytes);
  held.fetch_add(static_cast<int64_t>(bytes));
  return MHD_YES;
}

// Everything was read. Comes again when a pool's thread has the answer.
MHD_Result Server::Impl::Complete(MHD_Connection* connection, Exchange* exchange) {
  if (exchange->submitted) {
    if (!exchange->ready.load(std::memory_order_acquire)) {
      return MHD_YES;
    }
    requests.fetch_add(1);
    return Queue(connection, std::move(exchange->response));
  }
  if (exchange->too_large) {
    return Answer(connection, exchange,
                  TextResponse(413, fmt::format("the body has more than {} bytes\n",
                                                exchange->admission.max_body_bytes)));
  }
  if (exchange->no_room) {
    Response busy = TextResponse(503, "too many bytes of requests are held already\n");
    busy.headers.emplace_back("Retry-After", "1");
    return Answer(connection, exchange, std::move(busy));
  }
  if (exchange->admission.pool == nullptr) {
    return Answer(connection, exchange, Run(exchange));
  }
  exchange->submitted = true;
  in_pool.fetch_add(1);
  MHD_suspend_connection(connection);
  const MHD_ConnectionInfo* info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  const uint64_t watched = watch.Add(info->connect_fd, exchange->request.cancelled);
  const bool taken = exchange->admission.pool->Submit([this, connection, exchange, watched] {
    const bool late = stopping->load() || exchange->request.cancelled->load();
    exchange->response = late ? exchange->admission.refuse() : Run(exchange);
    handler.Finish(exchange->request, &exchange->response);
    watch.Remove(watched);  // before the library may close the socket
    exchange->ready.store(true, std::memory_order_release);
    MHD_resume_connection(connection);  // the exchange may be gone from here on
    in_pool.fetch_sub(1);
  });
  if (!taken) {
    watch.Remove(watched);
    exchange->response = exchange->admission.refuse();
    handler.Finish(exchange->request, &exchange->response);
    exchange->ready.store(true, std::memory_order_release);
    MHD_resume_connection(connection);
    in_pool.fetch_sub(1);
  }
  return MHD_YES;
}

Response Server::Impl::Run(Exchange* exchange) const {
  Request& request = exchange->request;
  if (!request.body.empty() && request.Header("content-encoding") == "gzip") {
    auto plain = Gunzip(request.body, exchange->admission.max_body_bytes);
    if (!plain.ok()) {
      const bool large = plain.status().code() == absl::StatusCode::kResourceExhausted;
      return TextResponse(large ? 413 : 400, std::string(Message(plain.status())) + "\n");
    }
    request.body = *std::move(plain);
  }
  if (exchange->admission.is_form && !request.body.empty()) {
    if (const absl::Status status = ParseForm(request.body, &request.params); !status.ok()) {
      return TextResponse(400, std::string(Message(status)) + "\n");
    }
  }
  return exchange->admission.run(request);
}

absl::Status Server::Impl::StartDaemon(int socket) {
  unsigned flags =
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_ITC;
  std::vector<MHD_OptionItem> tls;
  if (!options.tls_certificate.empty()) {
    flags |= MHD_USE_TLS;
    tls.push_back({MHD_OPTION_HTTPS_MEM_CERT, 0, options.tls_certificate.data()});
    tls.push_back({MHD_OPTION_HTTPS_MEM_KEY, 0, options.tls_key.data()});
    static char priorities[] = "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1";
    tls.push_back({MHD_OPTION_HTTPS_PRIORITIES, 0, priorities});
  }
  tls.push_back({MHD_OPTION_END, 0, nullptr});
  MHD_Daemon* const daemon =
      MHD_start_daemon(flags, 0, nullptr, nullptr, &OnAccess, this,            //
                       MHD_OPTION_EXTERNAL_LOGGER, &LogLibrary, nullptr,       //
                       MHD_OPTION_LISTEN_SOCKET, socket,                       //
                       MHD_OPTION_CONNECTION_LIMIT, options.max_connections,   //
                       MHD_OPTION_CONNECTION_TIMEOUT, options.idle_timeout_s,  //
                       MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory,  //
                       MHD_OPTION_URI_LOG_CALLBACK, &OnUri, this,              //
                       MHD_OPTION_NOTIFY_COMPLETED, &OnCompleted, this,        //
                       MHD_OPTION_ARRAY, tls.data(), MHD_OPTION_END);
  if (daemon == nullptr) {
    return Fail(absl::StatusCode::kInvalidArgument, "cannot serve HTTP on {}{}", address,
                options.tls_certificate.empty()
                    ? ""
                    : ": do http.tls_certificate and http.tls_key belong together?");
  }
  daemons.push_back(daemon);
  return absl::OkStatus();
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { Stop(0); }

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Options& options, Handler& handler,
                                                      const Clock& clock) {
  RONDA_ASSIGN_OR_RETURN(Listening listening, Listen(options.listen));
  auto impl = std::make_unique<Impl>(handler, clock);
  impl->options = options;
  impl->address = listening.address;
  std::unique_ptr<Server> server(new Server(std::move(impl)));
  for (const int socket : listening.sockets) {
    RONDA_RETURN_IF_ERROR(server->impl_->StartDaemon(socket));
  }
  return server;
}

const std::string& Server::address() const { return impl_->address; }

ServerCounters Server::counters() const {
  ServerCounters out;
  for (MHD_Daemon* daemon : impl_->daemons) {
    const MHD_DaemonInfo* info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    out.connections += info != nullptr ? info->num_connections : 0;
  }
  out.requests = impl_->requests.load();
  out.body_bytes_held = impl_->held.load();
  return out;
}

void Server::Stop(int64_t grace_ms) {
  if (impl_->daemons.empty()) {
    return;
  }
  impl_->stopping->store(true);
  impl_->watch.CancelAll();
  const int64_t until = impl_->clock.MonotonicMs() + grace_ms;
  // What reads or writes without end is cut off; a pool's thread comes back, since it is cancelled.
  while (impl_->in_pool.load() > 0 ||
         (impl_->in_flight.load() > 0 && impl_->clock.MonotonicMs() < until)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(kPollMs));
  }
  for (MHD_Daemon* daemon : std::exchange(impl_->daemons, {})) {
    MHD_stop_daemon(daemon);
  }
}

}  // namespace ronda::http
