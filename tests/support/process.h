// Child processes of tests: started, killed, never left behind.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ronda {

// Thread-safe only as far as that one thread uses one object. The child dies with the test.
class Process {
 public:
  Process() = default;
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Starts argv[0] with these arguments; its output is appended to `log` ("" inherits ours).
  // Returns false if it cannot be started.
  bool Start(const std::vector<std::string>& argv, const std::string& log = "");
  void Signal(int signal) const;
  // Waits for the end, at most `timeout_ms`; the exit code, 128 + signal, or -1 if it still runs.
  int Wait(int64_t timeout_ms);
  // SIGKILL and wait.
  void Kill();
  bool running();
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int exit_code_ = -1;
};

// Calls `done` each 10 ms until it returns true, at most `timeout_ms`; what it returned last.
template <typename F>
bool Eventually(int64_t timeout_ms, F done);

// A TCP port of 127.0.0.1 that was free a moment ago.
int FreePort();

// Everything a program prints; and its exit code.
struct Output {
  int exit_code = -1;
  std::string out;
  std::string err;
};
Output RunProgram(const std::vector<std::string>& argv, int64_t timeout_ms = 30'000);

// --- implementation ---
void SleepForPoll();
int64_t MonotonicMsForTest();

template <typename F>
bool Eventually(int64_t timeout_ms, F done) {
  const int64_t until = MonotonicMsForTest() + timeout_ms;
  for (;;) {
    if (done()) {
      return true;
    }
    if (MonotonicMsForTest() >= until) {
      return false;
    }
    SleepForPoll();
  }
}

}  // namespace ronda
