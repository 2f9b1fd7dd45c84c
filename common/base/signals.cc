#include "common/base/signals.h"

#include <cerrno>
#include <csignal>
#include <ctime>

namespace ronda {
namespace {

sigset_t SetOf(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) {
    sigaddset(&set, signal);
  }
  return set;
}

}  // namespace

void BlockSignals(std::initializer_list<int> signals) {
  const sigset_t set = SetOf(signals);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int WaitForSignal(std::initializer_list<int> signals, int timeout_ms) {
  const sigset_t set = SetOf(signals);
  for (;;) {
    int signal = 0;
    if (timeout_ms < 0) {
      signal = sigwaitinfo(&set, nullptr);
    } else {
      const timespec timeout{timeout_ms / 1000, long{timeout_ms % 1000} * 1'000'000};
      signal = sigtimedwait(&set, nullptr, &timeout);
    }
    if (signal > 0) {
      return signal;
    }
    if (errno != EINTR) {
      return 0;
    }
  }
}

}  // namespace ronda
