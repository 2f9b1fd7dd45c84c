#include "common/base/thread.h"

#include <pthread.h>
#include <csignal>

#include <utility>

namespace ronda {

std::thread StartThread(std::string name, std::function<void()> body) {
  sigset_t all;
  sigset_t old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  std::thread thread([name = std::move(name), body = std::move(body)] {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    body();
  });
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  return thread;
}

}  // namespace ronda
