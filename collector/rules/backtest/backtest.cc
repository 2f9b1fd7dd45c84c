// Rules are independent of each other, and so are the answers of one rule for parts of the time:
// threads take one part after the other, in order, and whoever has the part that a rule waits for
// takes its alerts through it. A rule that runs on arrival is one part: its samples are walked
// through as they are read.
// Tested by tests/unit/collector/rules/backtest_test.cc.
#include "collector/rules/backtest/backtest.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "collector/rules/backtest/arrival_history.h"
#include "collector/rules/backtest/interval_history.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/base/thread.h"

namespace ronda::rules {
namespace {

class Replay {
 public:
  Replay(const store::Queryable& data, const BacktestOptions& options,
         absl::FunctionRef<bool(int64_t, int64_t)> progress, std::vector<RuleBacktest>* tests)
      : data_(data), options_(options), query_(options.query), progress_(progress) {
    query_.cancelled = &cancelled_;
    for (RuleBacktest& test : *tests) {
      AddParts(&test);
    }
    all_ms_ = (options.end_ms - options.start_ms) * static_cast<int64_t>(tests->size());
    const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
    threads_ = options.threads > 0 ? static_cast<size_t>(options.threads) : cores;
  }

  absl::Status Run() {
    std::vector<std::thread> threads;
    for (size_t i = 1; i < std::min(threads_, parts_.size()); ++i) {
      threads.push_back(StartThread("ronda-backtest", [this] { Work(); }));
    }
    Work();
    for (std::thread& thread : threads) {
      thread.join();
    }
    if (cancelled_) {
      return Fail(absl::StatusCode::kCancelled, "the back-test was stopped");
    }
    for (const std::unique_ptr<One>& one : rules_) {
      std::vector<Episode>& episodes = one->test->episodes;
      episodes = one->interval != nullptr ? one->interval->Finish(options_.end_ms)
                                          : one->arrival->Finish(options_.end_ms);
      std::sort(episodes.begin(), episodes.end(), [](const Episode& a, const Episode& b) {
        return a.from_ms != b.from_ms ? a.from_ms < b.from_ms : a.labels < b.labels;
      });
    }
    return absl::OkStatus();
  }

 private:
  using Answers = absl::StatusOr<std::vector<IntervalHistory::Answer>>;
  struct One {
    RuleBacktest* test = nullptr;
    std::unique_ptr<IntervalHistory> interval;  // or
    std::unique_ptr<ArrivalHistory> arrival;
    // --- of an interval rule; guarded by mu_ ---
    std::map<size_t, Answers> waiting;  // by the number of the part
    size_t next = 0;                    // to be walked through
    bool walking = false;               // a thread does
  };
  struct Part {
    One* rule = nullptr;
    size_t number = 0;  // of the rule's parts
    int64_t from_ms = 0;
    int64_t to_ms = 0;
    int64_t share_ms = 0;  // of the progress
  };

  void AddParts(RuleBacktest* test) {
    One& one = *rules_.emplace_back(std::make_unique<One>());
    one.test = test;
    const int64_t start_ms = options_.start_ms;
    const int64_t end_ms = options_.end_ms;
    if (test->rule->on_arrival) {
      one.arrival =
          std::make_unique<ArrivalHistory>(*test->rule, data_, options_.query.lookback_ms);
      parts_.push_back({&one, 0, start_ms, end_ms, 0});
      return;
    }
    one.interval = std::make_unique<IntervalHistory>(*test->group, *test->rule, data_, query_);
    const int64_t step_ms = test->group->IntervalMs();
    const int64_t part_ms = one.interval->PartMs();
    // Evaluations at multiples of the interval.
    int64_t told_ms = start_ms;
    size_t number = 0;
    for (int64_t t_ms = (start_ms + step_ms - 1) / step_ms * step_ms; t_ms <= end_ms;) {
      const int64_t last_ms = std::min(t_ms + part_ms - step_ms, end_ms / step_ms * step_ms);
      const int64_t next_ms = last_ms + step_ms;
      parts_.push_back({&one, number++, t_ms, last_ms, std::min(next_ms, end_ms) - told_ms});
      told_ms = std::min(next_ms, end_ms);
      t_ms = next_ms;
    }
  }

  void Work() ABSL_LOCKS_EXCLUDED(mu_) {
    for (;;) {
      const size_t at = taken_++;
      if (at >= parts_.size() || cancelled_) {
        return;
      }
      const Part& part = parts_[at];
      if (part.rule->arrival != nullptr) {
        Arrival(part);
      } else {
        Interval(part);
      }
    }
  }

  void Arrival(const Part& part) ABSL_LOCKS_EXCLUDED(mu_) {
    int64_t reached_ms = part.from_ms;
    const absl::Status status =
        part.rule->arrival->Run(part.from_ms, part.to_ms, [&](int64_t t_ms) {
          MutexLock lock(&mu_);
          TellLocked(t_ms - std::exchange(reached_ms, t_ms));
          return !cancelled_;
        });
    part.rule->test->error = cancelled_ ? "" : std::string(Message(status));
  }

  void Interval(const Part& part) ABSL_LOCKS_EXCLUDED(mu_) {
    One& one = *part.rule;
    bool failed = false;
    {
      MutexLock lock(&mu_);
      // Whoever is far ahead waits, so that few answers do.
      while (waiting_ >= 2 * threads_ && one.next != part.number && !cancelled_) {
        walked_.Wait(&mu_);
      }
      failed = !one.test->error.empty();
    }
    Answers answers = std::vector<IntervalHistory::Answer>();
    if (!failed) {
      answers = one.interval->Evaluate(part.from_ms, part.to_ms);
    }
    MutexLock lock(&mu_);
    one.waiting.emplace(part.number, std::move(answers));
    ++waiting_;
    WalkLocked(&one);
    TellLocked(part.share_ms);
  }

  // Takes the rule's alerts through the answers that are there.
  void WalkLocked(One* one) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    while (!one->walking && !one->waiting.empty() && one->waiting.begin()->first == one->next) {
      const Answers answers = std::move(one->waiting.begin()->second);
      one->waiting.erase(one->waiting.begin());
      one->walking = true;
      if (one->test->error.empty() && !answers.ok()) {
        one->test->error = std::string(Message(answers.status()));
      }
      if (one->test->error.empty()) {
        mu_.Unlock();
        for (const IntervalHistory::Answer& answer : *answers) {
          one->interval->Walk(answer);
        }
        mu_.Lock();
      }
      one->walking = false;
      ++one->next;
      --waiting_;
      walked_.SignalAll();
    }
  }

  void TellLocked(int64_t more_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    done_ms_ += more_ms;
    if (!cancelled_ && !progress_(done_ms_, all_ms_)) {
      cancelled_ = true;
      walked_.SignalAll();
    }
  }

  const store::Queryable& data_;
  const BacktestOptions& options_;
  promql::QueryOptions query_;
  std::vector<std::unique_ptr<One>> rules_;
  std::vector<Part> parts_;
  size_t threads_ = 1;
  int64_t all_ms_ = 0;

  std::atomic<size_t> taken_{0};
  std::atomic<bool> cancelled_{false};
  Mutex mu_;
  CondVar walked_;
  size_t waiting_ ABSL_GUARDED_BY(mu_) = 0;  // answers
  int64_t done_ms_ ABSL_GUARDED_BY(mu_) = 0;
  const absl::FunctionRef<bool(int64_t, int64_t)> progress_;
};

}  // namespace

absl::StatusOr<std::vector<RuleBacktest>> Backtest(
    const RuleFile& file, const store::Queryable& data, const BacktestOptions& options,
    absl::FunctionRef<bool(int64_t done, int64_t all)> progress) {
  std::vector<RuleBacktest> out;
  for (const RuleGroup& group : file.groups) {
    for (const Rule& rule : group.rules) {
      if (!rule.record) {
        out.push_back({&group, &rule, "", {}});
      }
    }
  }
  Replay replay(data, options, progress, &out);
  RONDA_RETURN_IF_ERROR(replay.Run());
  return out;
}

}  // namespace ronda::rules
