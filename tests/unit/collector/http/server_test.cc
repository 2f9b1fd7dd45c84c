// The router over a real server, on real sockets.
#include "collector/http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "collector/http/gzip.h"
#include "collector/http/router.h"
#include "collector/http/worker_pool.h"
#include "common/base/clock.h"
#include "tests/support/http_fetch.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::http {
namespace {

using testing::HasSubstr;

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(SaveTokens(dir_.File("tokens"), {{{"reader", Role::kRead, "", ""}, HashToken("r")},
                                               {{"sender", Role::kWrite, "", ""}, HashToken("w")},
                                               {{"boss", Role::kAdmin, "", ""}, HashToken("a")}}));
    Open("127.0.0.1:0", true);
  }

  void Open(const std::string& listen, bool anonymous_reads) {
    server_.reset();
    tokens_ = std::make_unique<TokenStore>(dir_.File("tokens"), clock_);
    router_ = std::make_unique<Router>(*tokens_, anonymous_reads);
    router_->Add(
        {{Method::kGet}, "/-/healthy", Access::kOpen, nullptr, true, 0, [](const Request&) {
           return TextResponse(200, "fine\n");
         }});
    router_->Add({{Method::kGet, Method::kPost},
                  "/api/v1/echo",
                  Access::kRead,
                  &pool_,
                  true,
                  4096,
                  [](const Request& request) {
                    std::string out;
                    for (const auto& [name, value] : request.params) {
                      out += name + "=" + value + ";";
                    }
                    return TextResponse(200, out + request.body);
                  }});
    router_->Add({{Method::kGet},
                  "/api/v1/label/:name/values",
                  Access::kRead,
                  nullptr,
                  true,
                  0,
                  [](const Request& request) {
                    return TextResponse(200, std::string(request.PathParam("name")));
                  }});
    router_->Add({{Method::kPost},
                  "/api/v1/write",
                  Access::kWrite,
                  &pool_,
                  false,
                  4096,
                  [](const Request& request) {
                    return TextResponse(
                        200, request.identity->name + " " + std::to_string(request.body.size()));
                  }});
    router_->Add(
        {{Method::kPost}, "/-/reload", Access::kAdmin, nullptr, true, 0, [](const Request&) {
           return TextResponse(200, "reloaded");
         }});
    router_->Add(
        {{Method::kGet}, "/slow", Access::kRead, &pool_, true, 0, [this](const Request& request) {
           while (!go_.load() && !request.cancelled->load()) {
             std::this_thread::sleep_for(std::chrono::milliseconds(5));
           }
           return TextResponse(request.cancelled->load() ? 503 : 200, "done");
         }});
    Server::Options options;
    options.listen = listen;
    options.max_held_body_bytes = 1 << 20;
    ASSERT_OK_AND_ASSIGN(server_, Server::Start(options, *router_, clock_));
  }

  HttpAnswer Fetch(std::string_view method, std::string_view target, std::string_view body = "",
                   const std::vector<std::string>& headers = {}) {
    return HttpFetch(server_->address(), method, target, body, headers);
  }

  const SystemClock clock_;
  const TempDir dir_;
  std::atomic<bool> go_{false};
  WorkerPool pool_{{"test", 2, 2}};
  std::unique_ptr<TokenStore> tokens_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<Server> server_;
};

TEST_F(HttpServerTest, AnswersHealthBesideHalfOpenAndKeepAliveClients) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  std::vector<HttpConnection> kept;
  for (int i = 0; i < 64; ++i) {
    kept.emplace_back(server_->address());
    ASSERT_EQ(kept.back().Ask("GET", "/-/healthy").status, 200);
  }
  std::vector<HttpConnection> half_open;
  for (int i = 0; i < 512; ++i) {
    half_open.emplace_back(server_->address());
    ASSERT_TRUE(half_open.back().Send(i % 2 == 0 ? "GET /-/heal"
                                                 : "POST /api/v1/echo HTTP/1.1\r\nHost: a\r\n"
                                                   "Content-Length: 100\r\n\r\nhalf a bo"));
  }
  std::vector<int64_t> times_ms;
  for (int i = 0; i < 30; ++i) {
    const int64_t begin = MonotonicMsForTest();
    EXPECT_EQ(Fetch("GET", "/-/healthy").body, "fine\n");
    times_ms.push_back(MonotonicMsForTest() - begin);
    EXPECT_EQ(kept[static_cast<size_t>(i)].Ask("GET", "/-/healthy").status, 200);
  }
  std::sort(times_ms.begin(), times_ms.end());
  // Of the times the machine itself may spoil some.
  EXPECT_LE(times_ms[times_ms.size() * 9 / 10], 100);
  EXPECT_GE(server_->counters().connections, 64 + 512);
}

TEST_F(HttpServerTest, HealthDoesNotWaitForQueriesAndTheirQueueIsBounded) {
  std::vector<std::unique_ptr<HttpConnection>> slow;
  const auto add = [&] {
    slow.push_back(std::make_unique<HttpConnection>(server_->address()));
    ASSERT_TRUE(slow.back()->Send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"));
  };
  add();
  add();
  ASSERT_TRUE(Eventually(5000, [&] { return pool_.running() == 2; }));
  add();
  add();
  ASSERT_TRUE(Eventually(5000, [&] { return pool_.waiting() == 2; }));
  const HttpAnswer refused = Fetch("GET", "/api/v1/echo");
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.body, HasSubstr(R"("errorType":"unavailable")"));
  EXPECT_EQ(refused.headers.at("retry-after"), "1");
  EXPECT_EQ(Fetch("GET", "/-/healthy").status, 200);
  go_.store(true);
  for (const auto& connection : slow) {
    EXPECT_EQ(connection->Read().body, "done");
  }
}

TEST_F(HttpServerTest, WhoHangsUpCancelsTheirRequestAndNoOther) {
  auto gone = std::make_unique<HttpConnection>(server_->address());
  HttpConnection stays(server_->address());
  ASSERT_TRUE(gone->Send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"));
  ASSERT_TRUE(stays.Send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"));
  ASSERT_TRUE(Eventually(5000, [&] { return pool_.running() == 2; }));
  gone.reset();
  ASSERT_TRUE(Eventually(5000, [&] { return pool_.running() == 1; }));
  EXPECT_TRUE(Eventually(5000, [&] { return server_->counters().connections == 1; }));
  go_.store(true);
  EXPECT_EQ(stays.Read().status, 200);
}

TEST_F(HttpServerTest, StoppingCancelsWhatRunsAndAnswersWhatWaits) {
  std::vector<std::unique_ptr<HttpConnection>> slow;
  for (int i = 0; i < 4; ++i) {
    slow.push_back(std::make_unique<HttpConnection>(server_->address()));
    ASSERT_TRUE(slow.back()->Send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"));
    ASSERT_TRUE(Eventually(
        5000, [&] { return pool_.running() + pool_.waiting() == static_cast<size_t>(i) + 1; }));
  }
  server_->Stop(2000);
  for (const auto& connection : slow) {
    EXPECT_EQ(connection->Read().status, 503);
  }
  EXPECT_FALSE(HttpConnection(server_->address()).open());
}

TEST_F(HttpServerTest, ReadsQueryStringsAndFormsTogether) {
  const HttpAnswer answer = Fetch("POST", "/api/v1/echo?a=1&q=x%2By", "b=2&c=%7B+%7D",
                                  {"Content-Type: application/x-www-form-urlencoded"});
  EXPECT_THAT(answer.body, HasSubstr("a=1;q=x+y;b=2;c={ };"));
  EXPECT_EQ(Fetch("GET", "/api/v1/label/a%20b/values").body, "a b");
}

TEST_F(HttpServerTest, RefusesWhatIsNoRequest) {
  EXPECT_EQ(Fetch("GET", "/api/v1/echo?a=%zz").status, 400);
  EXPECT_EQ(Fetch("POST", "/api/v1/echo", "a=%",
                  {"Content-Type: "
                   "application/x-www-form-urlencoded"})
                .status,
            400);
  const HttpAnswer missing = Fetch("GET", "/api/v1/nothing");
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, HasSubstr(R"("errorType":"not_found")"));
  const HttpAnswer method = Fetch("DELETE", "/api/v1/echo");
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.headers.at("allow"), "GET, POST");
  EXPECT_EQ(Fetch("POST", "/api/v1/echo", std::string(5000, 'x')).status, 413);
  HttpConnection garbage(server_->address());
  garbage.Send("\x16\x03\x01\x02 this is no HTTP\r\n\r\n");
  EXPECT_NE(garbage.Read().status, 200);
  EXPECT_EQ(Fetch("GET", "/-/healthy").status, 200);
}

TEST_F(HttpServerTest, ChunkedBodiesAreBoundedToo) {
  HttpConnection connection(server_->address());
  ASSERT_TRUE(connection.Send(
      "POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
  const std::string chunk = "1000\r\n" + std::string(0x1000, 'x') + "\r\n";
  for (int i = 0; i < 3; ++i) {
    connection.Send(chunk);
  }
  connection.Send("0\r\n\r\n");
  EXPECT_EQ(connection.Read().status, 413);
}

TEST_F(HttpServerTest, GzipBothWays) {
  const std::string form = "long=" + std::string(3000, 'y');
  const HttpAnswer answer = Fetch("POST", "/api/v1/echo", Gzip(form),
                                  {"Content-Encoding: gzip", "Accept-Encoding: deflate, gzip",
                                   "Content-Type: application/x-www-form-urlencoded"});
  EXPECT_EQ(answer.headers.at("content-encoding"), "gzip");
  EXPECT_LT(answer.body.size(), 200u);
  ASSERT_OK_AND_ASSIGN(const std::string plain, Gunzip(answer.body, 10'000));
  EXPECT_THAT(plain, HasSubstr(form));
  // A bomb is refused while it is decompressed.
  const HttpAnswer bomb =
      Fetch("POST", "/api/v1/echo", Gzip(std::string(100'000, 'y')), {"Content-Encoding: gzip"});
  EXPECT_EQ(bomb.status, 413);
  EXPECT_EQ(Fetch("POST", "/api/v1/echo", "no gzip", {"Content-Encoding: gzip"}).status, 400);
}

TEST_F(HttpServerTest, WhatChangesSomethingNeedsATokenWithItsRole) {
  const HttpAnswer nobody = Fetch("POST", "/api/v1/write", "x");
  EXPECT_EQ(nobody.status, 401);
  EXPECT_THAT(nobody.body, HasSubstr("ronda-collector token add"));
  EXPECT_THAT(nobody.headers.at("www-authenticate"), HasSubstr("Bearer"));
  EXPECT_EQ(Fetch("POST", "/api/v1/write", "x", {"Authorization: Bearer wrong"}).status, 401);
  const HttpAnswer reader = Fetch("POST", "/api/v1/write", "x", {"Authorization: Bearer r"});
  EXPECT_EQ(reader.status, 403);
  EXPECT_THAT(reader.body, HasSubstr("the token reader has the role read; the role write"));
  EXPECT_EQ(Fetch("POST", "/api/v1/write", "xyz", {"Authorization: Bearer w"}).body, "sender 3");
  EXPECT_EQ(Fetch("POST", "/api/v1/write", "xyz", {"Authorization: Basic dTp3"}).body, "sender 3");
  EXPECT_EQ(Fetch("POST", "/-/reload", "", {"Authorization: Bearer w"}).status, 403);
  EXPECT_EQ(Fetch("POST", "/-/reload", "", {"authorization: bearer a"}).status, 200);
}

TEST_F(HttpServerTest, ReadsNeedATokenWhereOthersReachTheServer) {
  Open("127.0.0.1:0", false);
  EXPECT_EQ(Fetch("GET", "/api/v1/echo").status, 401);
  EXPECT_EQ(Fetch("GET", "/api/v1/echo", "", {"Authorization: Bearer w"}).status, 403);
  EXPECT_EQ(Fetch("GET", "/api/v1/echo", "", {"Authorization: Bearer r"}).status, 200);
  EXPECT_EQ(Fetch("GET", "/-/healthy").status, 200);
}

TEST_F(HttpServerTest, OtherOriginsAreAnsweredAsPrometheusDoes) {
  const HttpAnswer options =
      Fetch("OPTIONS", "/api/v1/echo", "", {"Origin: http://grafana.example.com"});
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers.at("access-control-allow-origin"), "*");
  const HttpAnswer get = Fetch("GET", "/api/v1/echo", "", {"Origin: http://a"});
  EXPECT_EQ(get.headers.at("access-control-allow-methods"), "GET, POST, OPTIONS");
  EXPECT_FALSE(Fetch("GET", "/api/v1/echo").headers.contains("access-control-allow-origin"));
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  HttpConnection connection(server_->address());
  EXPECT_EQ(connection.Ask("HEAD", "/-/healthy").headers.at("content-length"), "5");
  EXPECT_EQ(connection.Ask("GET", "/-/healthy").body, "fine\n");
}

TEST_F(HttpServerTest, ListensToBothFamilies) {
  Open("localhost:0", true);
  const std::string port = server_->address().substr(server_->address().rfind(':'));
  EXPECT_EQ(HttpFetch("127.0.0.1" + port, "GET", "/-/healthy").status, 200);
  if (HttpConnection("[::1]" + port).open()) {
    EXPECT_EQ(HttpFetch("[::1]" + port, "GET", "/-/healthy").status, 200);
  }
}

TEST_F(HttpServerTest, AnAddressThatIsTakenIsNamed) {
  Server::Options options;
  options.listen = server_->address();
  EXPECT_THAT(Server::Start(options, *router_, clock_),
              StatusIs(absl::StatusCode::kUnavailable, server_->address()));
}

}  // namespace
}  // namespace ronda::http
