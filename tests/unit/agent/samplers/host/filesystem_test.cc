#include "agent/samplers/host/filesystem.h"

#include <cerrno>
#include <map>
#include <memory>
#include <thread>

#include "common/base/mutex.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/agent/samplers/host/sample_table.h"

namespace ronda::agent {
namespace {

// statfs of file systems that the test makes up; calls for a path in `hanging` wait.
struct FakeKernel {
  Mutex mu;
  CondVar changed;
  std::map<std::string, struct statfs> disks ABSL_GUARDED_BY(mu);
  bool hangs ABSL_GUARDED_BY(mu) = false;
  int waiting ABSL_GUARDED_BY(mu) = 0;

  int Statfs(const std::string& path, struct statfs* out) {
    const MutexLock lock(&mu);
    const bool remote = path.ends_with("/nfs");
    ++waiting;
    changed.SignalAll();
    while (remote && hangs) {
      changed.Wait(&mu);
    }
    --waiting;
    changed.SignalAll();
    const auto it = disks.find(path);
    if (it == disks.end()) {
      errno = EACCES;
      return -1;
    }
    *out = it->second;
    return 0;
  }
  // True when one call, no more and no fewer, does not come back.
  bool Hanging() {
    const MutexLock lock(&mu);
    return hangs && waiting == 1;
  }
  void SetHangs(bool value) {
    const MutexLock lock(&mu);
    hangs = value;
    changed.SignalAll();
  }
};

struct statfs Disk(uint64_t blocks, uint64_t free, uint64_t avail, uint64_t files,
                   uint64_t files_free) {
  struct statfs info {};
  info.f_bsize = 4096;
  info.f_blocks = blocks;
  info.f_bfree = free;
  info.f_bavail = avail;
  info.f_files = files;
  info.f_ffree = files_free;
  return info;
}

class FilesystemSamplerTest : public testing::Test {
 protected:
  FilesystemSamplerTest() {
    kernel_->disks[tree_.root() + "/"] = Disk(1000, 400, 300, 100, 25);
    kernel_->disks[tree_.root() + "/data two"] = Disk(10, 10, 10, 0, 0);
    kernel_->disks[tree_.root() + "/nfs"] = Disk(7, 7, 7, 7, 7);
  }
  ~FilesystemSamplerTest() override { kernel_->SetHangs(false); }

  void MakeSampler() {
    sampler_ = std::make_unique<FilesystemSampler>(
        tree_.proc(), tree_.root(),
        NameFilter::New("^/(dev|proc|sys|var/lib/docker/.+)($|/)").value(),
        NameFilter::New("^(overlay|proc|sysfs|tmpfs)$").value(), clock_,
        [kernel = kernel_](const std::string& path, struct statfs* out) {
          return kernel->Statfs(path, out);
        });
  }
  std::map<std::string, double> Sample() {
    table_.BeginSampler(1);
    EXPECT_OK(sampler_->Sample(0, table_));
    EXPECT_EQ(CheckDeclared(table_, sampler_->metrics()), "");
    return ValuesOf(table_);
  }
  // Samples until the thread of the network mount has answered with `error`.
  void SampleUntilNfsError(double error) {
    for (;;) {
      const auto values = Sample();
      const auto it = values.find("node_filesystem_device_error" + kNfs);
      if (it != values.end() && it->second == error) {
        return;
      }
      std::this_thread::yield();
    }
  }

  const std::string kNfs = R"({device="server:/export",fstype="nfs4",mountpoint="/nfs"})";
  FakeTree tree_{"variant"};
  FakeClock clock_;
  std::shared_ptr<FakeKernel> kernel_ = std::make_shared<FakeKernel>();
  std::unique_ptr<FilesystemSampler> sampler_;
  SeriesTable table_;
};

TEST_F(FilesystemSamplerTest, GivesSpaceInodesAndUsageAsDfDoes) {
  MakeSampler();
  SampleUntilNfsError(0);
  auto values = Sample();
  const std::string root = R"({device="/dev/vda",fstype="ext4",mountpoint="/"})";
  EXPECT_EQ(values["node_filesystem_size_bytes" + root], 4096000);
  EXPECT_EQ(values["node_filesystem_free_bytes" + root], 1638400);
  EXPECT_EQ(values["node_filesystem_avail_bytes" + root], 1228800);
  EXPECT_EQ(values["node_filesystem_files" + root], 100);
  EXPECT_EQ(values["node_filesystem_files_free" + root], 25);
  EXPECT_EQ(values["node_filesystem_readonly" + root], 0);
  EXPECT_EQ(values["node_filesystem_device_error" + root], 0);
  EXPECT_EQ(values["ronda_filesystem_usage_percent" + root], 66.67);  // 600 of 600 + 300
  EXPECT_EQ(values["ronda_filesystem_inodes_usage_percent" + root], 75);

  const std::string data = R"({device="/dev/sda1",fstype="xfs",mountpoint="/data two"})";
  EXPECT_EQ(values["ronda_filesystem_usage_percent" + data], 0);
  EXPECT_FALSE(values.contains("ronda_filesystem_inodes_usage_percent" + data));
  EXPECT_EQ(values["node_filesystem_size_bytes" + kNfs], 7 * 4096);

  // statfs fails there: an error and no values.
  const std::string backup = R"({device="/dev/sda2",fstype="ext4",mountpoint="/backup"})";
  EXPECT_EQ(values["node_filesystem_device_error" + backup], 1);
  EXPECT_FALSE(values.contains("node_filesystem_size_bytes" + backup));
  for (const auto& [series, value] : values) {
    EXPECT_EQ(series.find("docker"), std::string::npos) << series;
  }
}

TEST_F(FilesystemSamplerTest, AHungNetworkMountNeverStallsTheTickAndBecomesAnError) {
  MakeSampler();
  SampleUntilNfsError(0);
  kernel_->SetHangs(true);
  while (!kernel_->Hanging()) {
    Sample();  // asks, and does not wait
    std::this_thread::yield();
  }
  clock_.Advance(RemoteStatfs::kTimeoutMs + 1000);
  SampleUntilNfsError(1);
  const auto values = Sample();
  EXPECT_FALSE(values.contains("node_filesystem_size_bytes" + kNfs));
  EXPECT_TRUE(values.contains(
      R"(node_filesystem_size_bytes{device="/dev/vda",fstype="ext4",mountpoint="/"})"));
  EXPECT_TRUE(kernel_->Hanging());  // the one call; no more were piled on it
  kernel_->SetHangs(false);
  SampleUntilNfsError(0);
  EXPECT_TRUE(Sample().contains("node_filesystem_size_bytes" + kNfs));
}

TEST_F(FilesystemSamplerTest, CanBeDestroyedWhileAMountHangs) {
  kernel_->SetHangs(true);
  MakeSampler();
  Sample();
  {
    const MutexLock lock(&kernel_->mu);
    while (kernel_->waiting == 0) {
      kernel_->changed.Wait(&kernel_->mu);
    }
  }
  sampler_.reset();
  const MutexLock lock(&kernel_->mu);
  EXPECT_EQ(kernel_->waiting, 1);
}

TEST_F(FilesystemSamplerTest, MountsComeGoAndTurnReadOnly) {
  MakeSampler();
  tree_.Write("proc/self/mountinfo", "1 0 254:0 / / rw - ext4 /dev/vda rw\n");
  const std::string root = R"({device="/dev/vda",fstype="ext4",mountpoint="/"})";
  EXPECT_EQ(Sample()["node_filesystem_readonly" + root], 0);
  tree_.Write(
      "proc/self/mountinfo",
      "1 0 254:0 / / ro - ext4 /dev/vda ro\n2 1 8:1 / /data\\040two rw - xfs /dev/sda1 rw\n");
  auto values = Sample();
  EXPECT_EQ(values["node_filesystem_readonly" + root], 1);
  const std::string data = R"({device="/dev/sda1",fstype="xfs",mountpoint="/data two"})";
  EXPECT_TRUE(values.contains("node_filesystem_size_bytes" + data));
  tree_.Write("proc/self/mountinfo", "1 0 254:0 / / ro - ext4 /dev/vda ro\n");
  EXPECT_FALSE(Sample().contains("node_filesystem_size_bytes" + data));
}

TEST_F(FilesystemSamplerTest, SaysWhatIsMalformed) {
  MakeSampler();
  tree_.Write("proc/self/mountinfo", "1 0 254:0 / / rw - ext4\n");
  EXPECT_THAT(sampler_->Sample(0, table_),
              StatusIs(absl::StatusCode::kDataLoss,
                       tree_.proc() + "/self/mountinfo: field mount source is missing"));
  tree_.Write("proc/self/mountinfo", "1 0 254:0 / / rw - ext4 /dev/vda rw\n");
  EXPECT_FALSE(Sample().empty());
}

TEST(MayHang, NetworkAndUserSpaceFileSystems) {
  for (const std::string_view type : {"nfs", "nfs4", "cifs", "fuse.sshfs", "fuseblk", "ceph"}) {
    EXPECT_TRUE(MayHang(type)) << type;
  }
  for (const std::string_view type : {"ext4", "xfs", "btrfs", "tmpfs", "zfs"}) {
    EXPECT_FALSE(MayHang(type)) << type;
  }
}

}  // namespace
}  // namespace ronda::agent
