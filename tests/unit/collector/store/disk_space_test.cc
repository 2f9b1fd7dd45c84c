// The states of the disk, and the life of the reserve.
#include "collector/store/disk_space.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>

#include "common/base/status.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kGiB = int64_t{1} << 30;

TEST(DiskLimitsTest, AreSharesOfSmallDisksAndFixedOnLargeOnes) {
  EXPECT_EQ(DiskLimitsOf(1000 * kGiB).soft_bytes, 2 * kGiB);
  EXPECT_EQ(DiskLimitsOf(1000 * kGiB).hard_bytes, 256 * kMiB);
  EXPECT_EQ(DiskLimitsOf(1000 * kGiB).reserve_bytes, 32 * kMiB);
  EXPECT_EQ(DiskLimitsOf(1000 * kMiB).soft_bytes, 100 * kMiB);
  EXPECT_EQ(DiskLimitsOf(1000 * kMiB).hard_bytes, 50 * kMiB);
  EXPECT_EQ(DiskLimitsOf(320 * kMiB).reserve_bytes, 10 * kMiB);
}

TEST(DiskLimitsTest, JudgesByTheRoomAlone) {
  EXPECT_EQ(JudgeDisk({0, 0}), DiskState::kUnknown);
  EXPECT_EQ(JudgeDisk({2 * kGiB, 100 * kGiB}), DiskState::kOk);
  EXPECT_EQ(JudgeDisk({2 * kGiB - 1, 100 * kGiB}), DiskState::kSoft);
  EXPECT_EQ(JudgeDisk({256 * kMiB, 100 * kGiB}), DiskState::kSoft);
  EXPECT_EQ(JudgeDisk({256 * kMiB - 1, 100 * kGiB}), DiskState::kHard);
}

TEST(DiskLimitsTest, MeasuresADiskThatIsThere) {
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(const DiskUse use, MeasureDisk(dir.path()));
  EXPECT_GT(use.total_bytes, 0);
  EXPECT_LE(use.free_bytes, use.total_bytes);
  EXPECT_FALSE(MeasureDisk(dir.File("nothing")).ok());
}

// A disk of 100 MiB whose room is what the test says: soft below 10, hard below 5, reserve 3.125.
class DiskSpaceTest : public ::testing::Test {
 protected:
  std::unique_ptr<DiskSpace> Open() {
    return std::make_unique<DiskSpace>(dir_.path(), [this] {
      return absl::StatusOr<DiskUse>(DiskUse{free_, 100 * kMiB});
    });
  }
  bool HasReserve() const { return fs::exists(dir_.File("reserve")); }

  const TempDir dir_;
  int64_t free_ = 50 * kMiB;
  const absl::Status no_room_ = Fail(absl::StatusCode::kResourceExhausted, "no room");
};

TEST_F(DiskSpaceTest, EntersStatesAtTheirLimitAndLeavesThemAQuarterAbove) {
  const auto disk = Open();
  EXPECT_EQ(disk->state(), DiskState::kOk);
  EXPECT_EQ(disk->Missing(), 0);
  const struct {
    double free_mib;
    DiskState state;
  } steps[] = {{10, DiskState::kOk},    {9.9, DiskState::kSoft}, {12.4, DiskState::kSoft},
               {12.5, DiskState::kOk},  {5, DiskState::kSoft},   {4.9, DiskState::kHard},
               {6.2, DiskState::kHard}, {6.3, DiskState::kSoft}, {4, DiskState::kHard},
               {50, DiskState::kOk}};
  for (const auto& step : steps) {
    SCOPED_TRACE(step.free_mib);
    free_ = static_cast<int64_t>(step.free_mib * static_cast<double>(kMiB));
    disk->Poll();
    EXPECT_EQ(disk->state(), step.state);
    EXPECT_EQ(disk->full(), step.state == DiskState::kHard);
    EXPECT_EQ(disk->Missing() > 0, step.state != DiskState::kOk);
  }
}

TEST_F(DiskSpaceTest, TheReserveIsAllocatedNotAHole) {
  const auto disk = Open();
  ASSERT_TRUE(HasReserve());
  struct stat info {};
  ASSERT_EQ(stat(dir_.File("reserve").c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 100 * kMiB / 32);
  EXPECT_GE(info.st_blocks * 512, info.st_size);
}

TEST_F(DiskSpaceTest, AFailedWriteGivesUpTheReserveOnceAndIsFullUntilItIsMadeAgain) {
  const auto disk = Open();
  EXPECT_FALSE(disk->WriteFailed(Fail(absl::StatusCode::kUnknown, "something else")));
  EXPECT_FALSE(disk->full());
  free_ = 0;
  EXPECT_TRUE(disk->WriteFailed(no_room_));
  EXPECT_FALSE(HasReserve());
  EXPECT_TRUE(disk->full()) << "at once, not with the next look";
  EXPECT_FALSE(disk->WriteFailed(no_room_)) << "there is no more to give up";
  disk->WriteSucceeded();
  disk->Poll();
  EXPECT_TRUE(disk->full());
  free_ = 8 * kMiB;  // enough to leave the state, not for the reserve as well
  disk->Poll();
  EXPECT_TRUE(disk->full());
  EXPECT_FALSE(HasReserve());
  free_ = 10 * kMiB;
  disk->Poll();
  EXPECT_FALSE(disk->full());
  EXPECT_TRUE(HasReserve());
}

// A quota, or a limit of the database: statvfs(3) knows nothing of it.
TEST_F(DiskSpaceTest, WhileWritesFailRoomDoesNotHelp) {
  const auto disk = Open();
  EXPECT_TRUE(disk->WriteFailed(no_room_));
  disk->Poll();
  EXPECT_TRUE(disk->full());
  EXPECT_FALSE(HasReserve()) << "would only be given up again";
  disk->WriteSucceeded();
  disk->Poll();
  EXPECT_EQ(disk->state(), DiskState::kOk);
  EXPECT_TRUE(HasReserve());
}

TEST_F(DiskSpaceTest, StaysAcrossARestartAndMakesRoomToOpenTheDatabases) {
  Open().reset();
  free_ = 2 * kMiB;
  EXPECT_TRUE(Open()->full());
  EXPECT_TRUE(HasReserve());
  free_ = 0;
  EXPECT_TRUE(Open()->full());
  EXPECT_FALSE(HasReserve());
}

TEST_F(DiskSpaceTest, ADiskThatCannotBeMeasuredOrTakesNoReserveIsNotFull) {
  const DiskSpace unknown(dir_.path(), [] {
    return absl::StatusOr<DiskUse>(Fail(absl::StatusCode::kUnknown, "measuring"));
  });
  EXPECT_EQ(unknown.state(), DiskState::kUnknown);
  fs::create_directory(dir_.File("reserve"));
  EXPECT_EQ(Open()->state(), DiskState::kOk);
}

}  // namespace
}  // namespace ronda::store
