// The power goes at any write or sync of a workload: nothing acknowledged is lost, no value is
// wrong, and the store opens again by itself.
//
// RONDA_SEED=n runs that seed, RONDA_CALL=n cuts at that call alone; RONDA_LONG=1 takes every call,
// which is some 4,500 cuts and ten minutes on a calm machine.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>

#include "common/base/digest.h"
#include "tests/fault/fault_vfs.h"
#include "tests/fault/store_script.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

constexpr Survival kSurvivals[] = {Survival::kNothing, Survival::kPrefix, Survival::kAny,
                                   Survival::kAny, Survival::kAll};

int64_t NumberFrom(const char* variable, int64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::atoll(text);
}

class StoreFaultTest : public testing::Test {
 protected:
  void SetUp() override {
    if (fs::exists("/dev/shm") && std::getenv("TMPDIR") == nullptr) {
      setenv("TMPDIR", "/dev/shm", 1);
    }
    dir_ = std::make_unique<TempDir>();
  }

  // How many calls the workload makes when nothing happens.
  int64_t CountCalls() {
    vfs_.Begin({});
    StoreScript script(dir_->File("count"));
    script.Run([] { return false; });
    EXPECT_TRUE(script.errors().empty()) << script.errors()[0].second;
    script.Close();
    const int64_t calls = vfs_.calls();
    script.ExpectAcknowledgedIn(dir_->File("count"));
    return calls;
  }

  // The calls to strike: about `short_form` of them, or in the long form each.
  template <typename F>
  void ForEachCall(int64_t short_form, F strike) {
    const int64_t calls = CountCalls();
    const auto seed = static_cast<uint64_t>(
        NumberFrom("RONDA_SEED", static_cast<int64_t>(RandomBits() % 1'000'000'000)));
    const int64_t only = NumberFrom("RONDA_CALL", 0);
    std::printf("RONDA_SEED=%llu, %lld calls\n", static_cast<unsigned long long>(seed),
                static_cast<long long>(calls));
    std::mt19937_64 random(seed);
    const bool all = std::getenv("RONDA_LONG") != nullptr;
    const int64_t stride = all ? 1 : std::max<int64_t>(1, calls / short_form);
    for (int64_t call = 1; call <= calls; call += stride) {
      const int64_t at =
          only > 0
              ? only
              : std::min(calls,
                         call + static_cast<int64_t>(random() % static_cast<uint64_t>(stride)));
      SCOPED_TRACE("RONDA_SEED=" + std::to_string(seed) + " RONDA_CALL=" + std::to_string(at));
      strike(at, seed * 1'000'003 + static_cast<uint64_t>(at));
      if (HasFailure() || only > 0) {
        return;
      }
    }
  }

  FaultVfs vfs_;
  std::unique_ptr<TempDir> dir_;
};

TEST_F(StoreFaultTest, PowerCutLosesNothingAcknowledged) {
  int64_t cuts = 0;
  ForEachCall(35, [&](int64_t call, uint64_t seed) {
    const std::string work = dir_->File("work");
    const std::string after = dir_->File("after");
    for (size_t i = 0; i < std::size(kSurvivals) && !HasFailure(); ++i) {
      fs::remove_all(work);
      vfs_.Begin({FaultKind::kPowerCut, call, false});
      StoreScript script(work);
      script.Run([&] { return vfs_.struck(); });
      script.Close();
      SCOPED_TRACE("cut at " + vfs_.struck_call() + ", survival " + std::to_string(i) + ", " +
                   std::to_string(script.acknowledged()) + " acknowledged");
      ASSERT_OK(vfs_.Survivors(work, after, kSurvivals[i], seed + i));
      vfs_.Begin({});
      script.ExpectAcknowledgedIn(after);
      ++cuts;
    }
  });
  std::printf("%lld power cuts\n", static_cast<long long>(cuts));
}

// Each call up to the first acknowledgement: there the files are made, and what is torn is their
// beginning.
TEST_F(StoreFaultTest, PowerCutWhileFilesAreMade) {
  const uint64_t seed = RandomBits() % 1'000'000'000;
  int64_t cuts = 0;
  for (int64_t acknowledged = 0; acknowledged == 0 && cuts < 500 && !HasFailure();) {
    const std::string work = dir_->File("work");
    const std::string after = dir_->File("after");
    fs::remove_all(work);
    vfs_.Begin({FaultKind::kPowerCut, ++cuts, false});
    StoreScript script(work);
    script.Run([&] { return vfs_.struck(); });
    script.Close();
    acknowledged = script.acknowledged();
    SCOPED_TRACE("seed " + std::to_string(seed) + ", cut at call " + std::to_string(cuts) + ", " +
                 vfs_.struck_call());
    ASSERT_OK(vfs_.Survivors(work, after, Survival::kPrefix, seed + static_cast<uint64_t>(cuts)));
    vfs_.Begin({});
    script.ExpectAcknowledgedIn(after);
  }
  std::printf("seed %llu, %lld power cuts\n", static_cast<unsigned long long>(seed),
              static_cast<long long>(cuts));
}

// Each kind of failing call: the step's error or the journal's status names the file, the store
// goes on when the fault ends, and nothing acknowledged is lost, also not in a power cut after it.
class StoreIoFaultTest : public StoreFaultTest {
 protected:
  void Strike(FaultKind kind, bool once, int64_t call, uint64_t seed) {
    const std::string work = dir_->File("work");
    fs::remove_all(work);
    vfs_.Begin({kind, call, once});
    StoreScript script(work, /*flush_ms=*/once ? 10'000 : 20);
    absl::Status journal;
    script.Run([&] {
      if (journal.ok()) {
        journal = script.journal_status();
      }
      return false;
    });
    SCOPED_TRACE(vfs_.struck_call());
    if (journal.ok()) {
      journal = script.journal_status();
    }
    ExpectNamed("journal", journal);
    for (const auto& [step, status] : script.errors()) {
      if (!absl::IsDeadlineExceeded(status) || once) {
        ExpectNamed(step, status);
      }
    }
    vfs_.Mend();
    ASSERT_OK(script.Settle(20'000));
    EXPECT_EQ(script.acknowledged(), script.appended());
    EXPECT_OK(script.Seal());
    ASSERT_OK(vfs_.Survivors(work, dir_->File("after"), Survival::kNothing, seed));
    script.Close();
    vfs_.Begin({});
    // As it is, or as it would be if the power had gone now.
    script.ExpectAcknowledgedIn(seed % 2 == 0 ? work : dir_->File("after"));
  }

  static void ExpectNamed(const std::string& step, const absl::Status& status) {
    if (!status.ok()) {
      const std::string message(Message(status));
      EXPECT_NE(message.find(".db"), std::string::npos) << step << ": " << status;
    }
  }
};

TEST_F(StoreIoFaultTest, OneIoError) {
  ForEachCall(25,
              [&](int64_t call, uint64_t seed) { Strike(FaultKind::kIoError, true, call, seed); });
}
TEST_F(StoreIoFaultTest, IoErrorsForAWhile) {
  ForEachCall(6,
              [&](int64_t call, uint64_t seed) { Strike(FaultKind::kIoError, false, call, seed); });
}
TEST_F(StoreIoFaultTest, FullOnce) {
  ForEachCall(25,
              [&](int64_t call, uint64_t seed) { Strike(FaultKind::kDiskFull, true, call, seed); });
}
TEST_F(StoreIoFaultTest, FullForAWhile) {
  ForEachCall(
      6, [&](int64_t call, uint64_t seed) { Strike(FaultKind::kDiskFull, false, call, seed); });
}

}  // namespace
}  // namespace ronda::store
