#include <atomic>
#include <chrono>

#include <gtest/gtest.h>

#include "collector/notify/channel.h"
#include "collector/notify/http_post.h"
#include "common/base/thread.h"
#include "tests/support/http_sink.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/collector/notify/notify_testing.h"

namespace ronda::notify {
namespace {

using Next = SendResult::Next;

class WebhookChannelTest : public testing::Test {
 protected:
  SendResult Send(int64_t timeout_ms = 10'000) {
    auto channel = NewChannel({"hook",
                               ChannelType::kWebhook,
                               sink_.url("/secret/path?token=x"),
                               {{"X-Team", "ops"}},
                               timeout_ms});
    EXPECT_OK(channel);
    return (*channel)->Send({"hook", Firing(), 1}, cancel_);
  }
  SendResult SendWith(HttpSink::Answer answer, int64_t timeout_ms = 10'000) {
    sink_.Script({std::move(answer)});
    const SendResult result = Send(timeout_ms);
    EXPECT_EQ(Message(result.status).find("secret"), std::string_view::npos) << result.status;
    EXPECT_EQ(Message(result.status).find("token"), std::string_view::npos) << result.status;
    return result;
  }

  HttpSink sink_;
  std::atomic<bool> cancel_{false};
};

TEST_F(WebhookChannelTest, PostsTheMessageWithItsHeaders) {
  const SendResult result = Send();
  EXPECT_EQ(result.next, Next::kDone);
  EXPECT_OK(result.status);
  const auto requests = sink_.requests();
  ASSERT_EQ(requests.size(), 1U);
  const HttpSink::Request& request = requests[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/secret/path?token=x");
  EXPECT_EQ(request.headers.at("content-type"), "application/json");
  EXPECT_EQ(request.headers.at("user-agent").rfind("ronda/", 0), 0U);
  EXPECT_EQ(request.headers.at("x-team"), "ops");
  EXPECT_EQ(request.headers.at("idempotency-key"), IdempotencyKey({"hook", Firing(), 1}));
  EXPECT_EQ(request.headers.count("expect"), 0U);
  EXPECT_NE(request.body.find("\"version\":\"4\""), std::string::npos);
}

TEST_F(WebhookChannelTest, AnswersAreSortedIntoDoneRetryAndFinal) {
  for (const int status : {200, 201, 202, 204}) {
    EXPECT_EQ(SendWith(HttpSink::Status(status)).next, Next::kDone) << status;
  }
  for (const int status : {408, 429, 500, 502, 503, 504}) {
    const SendResult result = SendWith(HttpSink::Status(status, {}, "try\nlater"));
    EXPECT_EQ(result.next, Next::kRetry) << status;
    EXPECT_THAT(result.status, StatusIs(absl::StatusCode::kUnavailable,
                                        "HTTP status " + std::to_string(status) + ": try later"));
  }
  for (const int status : {301, 302, 400, 401, 403, 404, 410, 413}) {
    EXPECT_EQ(SendWith(HttpSink::Status(status)).next, Next::kGiveUp) << status;
  }
}

TEST_F(WebhookChannelTest, FollowsNoRedirect) {
  HttpSink other;
  const SendResult result = SendWith(HttpSink::Status(307, {{"Location", other.url()}}));
  EXPECT_THAT(result.status,
              StatusIs(absl::StatusCode::kFailedPrecondition, "redirects are not followed"));
  EXPECT_TRUE(other.requests().empty());
}

TEST_F(WebhookChannelTest, HonoursRetryAfter) {
  EXPECT_EQ(SendWith(HttpSink::Status(429, {{"Retry-After", "7"}})).retry_after_ms, 7000);
  EXPECT_EQ(SendWith(HttpSink::Status(503)).retry_after_ms, 0);
  EXPECT_EQ(SendWith(HttpSink::Status(503, {{"Retry-After", "99999999"}})).retry_after_ms,
            24LL * 3600 * 1000);
}

TEST_F(WebhookChannelTest, NetworkTroubleIsRetried) {
  EXPECT_EQ(SendWith({HttpSink::Manner::kClose, 0, {}, ""}).next, Next::kRetry);
  EXPECT_EQ(SendWith({HttpSink::Manner::kCloseInTheMiddle, 200, {}, ""}).next, Next::kRetry);
  const SendResult hang = SendWith({HttpSink::Manner::kHang, 0, {}, ""}, 200);
  EXPECT_EQ(hang.next, Next::kRetry);
  EXPECT_THAT(hang.status,
              StatusIs(absl::StatusCode::kDeadlineExceeded, "posting to http://127.0.0.1:"));
}

TEST_F(WebhookChannelTest, NobodyListeningIsRetried) {
  int port = 0;
  {
    HttpSink gone;
    port = gone.port();
  }
  auto channel = NewChannel({"hook",
                             ChannelType::kWebhook,
                             "http://me:hush@127.0.0.1:" + std::to_string(port),
                             {},
                             5000});
  ASSERT_OK(channel);
  const SendResult result = (*channel)->Send({"hook", Firing(), 1}, cancel_);
  EXPECT_EQ(result.next, Next::kRetry);
  EXPECT_EQ(Message(result.status).find("hush"), std::string_view::npos);
}

TEST_F(WebhookChannelTest, AnEndlessAnswerEndsAndItsStatusStands) {
  EXPECT_EQ(SendWith({HttpSink::Manner::kEndlessBody, 200, {}, ""}).next, Next::kDone);
  const SendResult refused = SendWith({HttpSink::Manner::kEndlessBody, 400, {}, ""});
  EXPECT_EQ(refused.next, Next::kGiveUp);
  EXPECT_LT(Message(refused.status).size(), 400U);
}

TEST_F(WebhookChannelTest, CancelInterruptsAHangingAttempt) {
  sink_.Script({{HttpSink::Manner::kHang, 0, {}, ""}});
  std::thread stopper = StartThread("stopper", [this] {
    EXPECT_TRUE(sink_.WaitForRequests(1));
    cancel_ = true;
  });
  const auto begin = std::chrono::steady_clock::now();
  const SendResult result = Send(60'000);
  stopper.join();
  EXPECT_THAT(result.status, StatusIs(absl::StatusCode::kCancelled, ""));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

TEST(NewChannelTest, RefusesWhatCannotWork) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const auto webhook = [](std::string url, std::map<std::string, std::string> headers = {},
                          int64_t timeout_ms = 1000) {
    return NewChannel(
        {"hook", ChannelType::kWebhook, std::move(url), std::move(headers), timeout_ms});
  };
  EXPECT_OK(webhook("https://hooks.example/x"));
  EXPECT_OK(webhook("http://[::1]:8080/x"));
  for (const std::string url : {"", "ftp://x/y", "file:///etc/passwd", "http://"}) {
    EXPECT_THAT(webhook(url), StatusIs(kInvalid, "channel hook: the URL is not")) << url;
  }
  EXPECT_THAT(webhook("http://x", {{"Bad Name", "v"}}),
              StatusIs(kInvalid, "the header \"Bad Name\""));
  EXPECT_THAT(webhook("http://x", {{"A", "v\r\nB: c"}}), StatusIs(kInvalid, "the header \"A\""));
  EXPECT_THAT(webhook("http://x", {}, 0), StatusIs(kInvalid, "time-out"));
  EXPECT_THAT(NewChannel({}), StatusIs(kInvalid, "no name"));
  EXPECT_OK(NewChannel({.name = "log"}));
}

TEST(MaskUrlTest, LeavesOnlySchemeHostAndPort) {
  EXPECT_EQ(MaskUrl("https://u:p@hooks.example:8443/a/b?token=c#d"),
            "https://hooks.example:8443/...");
  EXPECT_EQ(MaskUrl("http://[::1]/a"), "http://[::1]/...");
  EXPECT_EQ(MaskUrl("::"), "(not a URL)");
}

TEST(LogChannelTest, AlwaysSucceeds) {
  ASSERT_OK_AND_ASSIGN(auto channel, NewChannel({.name = "log"}));
  const std::atomic<bool> cancel{false};
  EXPECT_EQ(channel->name(), "log");
  EXPECT_EQ(channel->Send({"log", Firing(), 1}, cancel).next, Next::kDone);
  EXPECT_EQ(channel->Send({"log", Resolved(), 1}, cancel).next, Next::kDone);
}

}  // namespace
}  // namespace ronda::notify
