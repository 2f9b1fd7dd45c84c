// A small HTTP server for tests of senders: it records requests and answers as told.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"

namespace ronda {

// Listens on 127.0.0.1, on a port that was free, from construction to destruction. One request a
// connection. Thread-safe.
class HttpSink {
 public:
  struct Request {
    std::string method;
    std::string path;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
    std::chrono::steady_clock::time_point received;  // all of it
  };

  enum class Manner {
    kAnswer,
    kHang,              // says nothing until the sink goes away
    kClose,             // closes when the request was read
    kCloseInTheMiddle,  // promises more of a body than it sends
    kEndlessBody,       // answers with a body that does not end
  };
  struct Answer {
    Manner manner = Manner::kAnswer;
    int status = 200;
    std::map<std::string, std::string> headers;
    std::string body;
  };
  static Answer Status(int status, std::map<std::string, std::string> headers = {},
                       std::string body = "") {
    return {Manner::kAnswer, status, std::move(headers), std::move(body)};
  }

  HttpSink();
  ~HttpSink();
  HttpSink(const HttpSink&) = delete;
  HttpSink& operator=(const HttpSink&) = delete;

  int port() const { return port_; }
  std::string url(const std::string& path = "/") const;

  // The answers to the next requests, in turn; afterwards 200.
  void Script(std::vector<Answer> answers) ABSL_LOCKS_EXCLUDED(mu_);

  std::vector<Request> requests() const ABSL_LOCKS_EXCLUDED(mu_);
  // Waits until there were `count` requests; false if that takes longer than `timeout`.
  bool WaitForRequests(size_t count,
                       std::chrono::milliseconds timeout = std::chrono::seconds(20)) const
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Accept();
  void Serve(int fd) ABSL_LOCKS_EXCLUDED(mu_);
  bool ReadRequest(int fd, Request* request);
  void Reply(int fd, const Answer& answer);

  int listener_ = -1;
  int port_ = 0;
  int stop_[2] = {-1, -1};  // a pipe whose write end is closed to stop
  std::thread acceptor_;

  mutable Mutex mu_;
  mutable CondVar changed_;
  std::vector<std::thread> servers_ ABSL_GUARDED_BY(mu_);
  std::vector<Request> requests_ ABSL_GUARDED_BY(mu_);
  std::deque<Answer> script_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda
