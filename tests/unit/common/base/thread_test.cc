#include "common/base/thread.h"

#include <pthread.h>

#include <csignal>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/strings.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace ronda {
namespace {

TEST(Thread, HasItsNameAndNoSignals) {
  std::string name;
  bool blocked = false;
  StartThread("a-name-that-is-too-long", [&] {
    char buffer[16];
    pthread_getname_np(pthread_self(), buffer, sizeof(buffer));
    name = buffer;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGHUP) == 1;
  }).join();
  EXPECT_EQ(name, "a-name-that-is-");
  EXPECT_TRUE(blocked);
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGTERM), 0);
}

struct Counter {
  Mutex mu;
  CondVar changed;
  int n ABSL_GUARDED_BY(mu) = 0;
};

TEST(Mutex, GuardsAndWakes) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.push_back(StartThread("count", [&] {
      for (int k = 0; k < 1000; ++k) {
        MutexLock lock(&counter.mu);
        ++counter.n;
        counter.changed.SignalAll();
      }
    }));
  }
  {
    MutexLock lock(&counter.mu);
    while (counter.n < 4000) {
      counter.changed.Wait(&counter.mu);
    }
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  MutexLock lock(&counter.mu);
  EXPECT_EQ(counter.n, 4000);
}

TEST(Mutex, WaitForRunsOut) {
  Counter counter;
  SystemClock clock;
  const int64_t start = clock.MonotonicNs();
  MutexLock lock(&counter.mu);
  while (counter.changed.WaitFor(&counter.mu, std::chrono::milliseconds(5))) {
    // Woken for no reason.
  }
  EXPECT_GE(clock.MonotonicNs() - start, 5'000'000);
}

TEST(Clock, SystemClockGoesOn) {
  SystemClock clock;
  EXPECT_GT(clock.NowMs(), 1'700'000'000'000);
  const int64_t before = clock.MonotonicNs();
  EXPECT_GE(clock.MonotonicNs(), before);
}

TEST(Clock, FakeClockMovesWhenTold) {
  FakeClock clock;
  const int64_t now = clock.NowMs();
  const int64_t mono = clock.MonotonicMs();
  clock.Advance(1500);
  EXPECT_EQ(clock.NowMs(), now + 1500);
  EXPECT_EQ(clock.MonotonicMs(), mono + 1500);
  clock.Jump(-10'000);
  EXPECT_EQ(clock.NowMs(), now - 8500);
  EXPECT_EQ(clock.MonotonicMs(), mono + 1500);
}

TEST(Strings, MapsAreSearchedWithoutACopy) {
  StringMap<int> map;
  map["one"] = 1;
  const std::string text = "one two";
  const auto it = map.find(std::string_view(text).substr(0, 3));
  ASSERT_NE(it, map.end());
  EXPECT_EQ(it->second, 1);
  EXPECT_EQ(ToStd(ToAbsl("x")), "x");
}

}  // namespace
}  // namespace ronda
