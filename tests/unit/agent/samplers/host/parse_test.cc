#include <gtest/gtest.h>

#include "agent/samplers/host/key_table.h"
#include "agent/samplers/host/mount_table.h"
#include "agent/samplers/host/name_filter.h"
#include "agent/samplers/host/os_release.h"
#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/host/text.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/agent/samplers/host/sample_table.h"

namespace ronda::agent {
namespace {

TEST(Text, TakesLinesAndFields) {
  std::string_view text = "a  b\tc\n\nlast";
  std::string_view line = TakeLine(&text);
  EXPECT_EQ(TakeField(&line), "a");
  EXPECT_EQ(TakeField(&line), "b");
  EXPECT_EQ(TakeField(&line), "c");
  EXPECT_EQ(TakeField(&line), "");
  EXPECT_EQ(TakeLine(&text), "");
  EXPECT_EQ(TakeLine(&text), "last");
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(TakeLine(&text), "");
  EXPECT_EQ(Trim(" \t x y\n"), "x y");
  EXPECT_EQ(Trim("\n"), "");
}

TEST(Text, NumbersMustBeWhole) {
  uint64_t u = 0;
  int64_t i = 0;
  double d = 0;
  EXPECT_TRUE(ParseUint("18446744073709551615", &u));
  EXPECT_EQ(u, UINT64_MAX);
  for (const std::string_view bad : {"", "-1", "1x", " 1", "18446744073709551616", "+1"}) {
    EXPECT_FALSE(ParseUint(bad, &u)) << bad;
  }
  EXPECT_TRUE(ParseInt("-1", &i));
  EXPECT_EQ(i, -1);
  EXPECT_TRUE(ParseHex("ff", &u));
  EXPECT_EQ(u, 255U);
  EXPECT_FALSE(ParseHex("0x1", &u));
  EXPECT_TRUE(ParseDecimal("0.20", &d));
  EXPECT_EQ(d, 0.2);
  for (const std::string_view bad : {"", "nan", "inf", "1.2.3", "x"}) {
    EXPECT_FALSE(ParseDecimal(bad, &d)) << bad;
  }
}

TEST(Text, Round2GivesShortDecimals) {
  EXPECT_EQ(Round2(44.444444), 44.44);
  EXPECT_EQ(Round2(99.999), 100);
  EXPECT_EQ(Round2(0), 0);
}

TEST(KeyTable, FindsKeysWhereverTheyAre) {
  KeyTable keys({"a", "b"});
  EXPECT_EQ(keys.Find(0, "b"), 1);
  EXPECT_EQ(keys.Find(0, "b"), 1);
  EXPECT_EQ(keys.Find(0, "a"), 0);  // another file layout
  EXPECT_EQ(keys.Find(1, "x"), KeyTable::kUnknown);
  EXPECT_EQ(keys.Find(1, "b"), 1);
  EXPECT_EQ(keys.Find(1, ""), KeyTable::kUnknown);
  EXPECT_EQ(keys.Find(1'000'000, "a"), 0);
}

TEST(ProcFile, ReadsWhatIsThereNow) {
  FakeTree tree;
  tree.Write("f", "one");
  ProcFile file(tree.root() + "/f");
  std::string_view text;
  ASSERT_OK(file.Read(&text));
  EXPECT_EQ(text, "one");
  const std::string longer(10'000, 'x');
  tree.Write("f", longer);
  ASSERT_OK(file.Read(&text));
  EXPECT_EQ(text, longer);
  tree.Write("f", "");
  ASSERT_OK(file.Read(&text));
  EXPECT_EQ(text, "");
}

TEST(ProcFile, SaysWhatIsMissingAndFindsItWhenItComes) {
  FakeTree tree;
  ProcFile file(tree.root() + "/f");
  std::string_view text;
  EXPECT_THAT(file.Read(&text), StatusIs(absl::StatusCode::kNotFound, tree.root() + "/f"));
  EXPECT_EQ(file.TryRead(&text), ENOENT);
  tree.Write("f", "x");
  ASSERT_OK(file.Read(&text));
  EXPECT_EQ(text, "x");
  ProcFile huge(tree.root() + "/huge");
  tree.Write("huge", std::string(ProcFile::kMaxBytes + 1, 'x'));
  EXPECT_THAT(huge.Read(&text), StatusIs(absl::StatusCode::kResourceExhausted, "longer than"));
  EXPECT_TRUE(text.empty());
}

TEST(DeviceMap, ForgetsWhatWasNotSeenInARun) {
  DeviceMap<int> map;
  map.Add("a", std::make_unique<int>(1));
  map.Add("b", std::make_unique<int>(2));
  map.EndRun();
  ASSERT_NE(map.Find("a"), nullptr);
  EXPECT_NE(map.Find("a"), nullptr);
  map.EndRun();
  EXPECT_EQ(map.Find("b"), nullptr);
  EXPECT_NE(map.Find("a"), nullptr);
}

TEST(MountInfo, UnescapesFiltersAndDropsDoubles) {
  ASSERT_OK_AND_ASSIGN(const NameFilter points, NameFilter::New("^/(sys|run)($|/)"));
  ASSERT_OK_AND_ASSIGN(const NameFilter types, NameFilter::New("^proc$"));
  std::vector<Mount> mounts;
  ASSERT_OK(ParseMountInfo("mi",
                           "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                           "2 1 0:4 / /proc rw - proc proc rw\n"
                           "3 1 0:5 / /run/x rw - tmpfs tmpfs rw\n"
                           "4 1 8:2 / /a\\040b\\134\\011 rw,noatime shared:1 master:2 - xfs "
                           "/dev/my\\040disk rw\n"
                           "5 1 8:2 / /a\\040b\\134\\011 ro - xfs /dev/my\\040disk rw\n"
                           "6 1 8:3 / /ro1 ro,x - ext4 /dev/sda3 rw\n"
                           "7 1 8:4 / /ro2 rw - ext4 /dev/sda4 ro\n"
                           "8 1 8:5 / /tail\\04 rw,errors=remount-ro - ext4 /dev/sda5 rw\n",
                           points, types, &mounts));
  const std::vector<Mount> expected = {
      {"/dev/sda1", "/", "ext4", false},         {"/dev/my disk", "/a b\\\t", "xfs", false},
      {"/dev/sda3", "/ro1", "ext4", true},       {"/dev/sda4", "/ro2", "ext4", true},
      {"/dev/sda5", "/tail\\04", "ext4", false},
  };
  EXPECT_EQ(mounts, expected);
  for (const std::string_view bad : {"1 0 8:1 / / rw\n", "x\n", "1 0 8:1 / / rw - ext4\n", "\n"}) {
    EXPECT_THAT(ParseMountInfo("mi", bad, points, types, &mounts),
                StatusIs(absl::StatusCode::kDataLoss, "reading mi: field mount source is missing"));
  }
}

TEST(MountTable, TheKernelSaysWhenThereIsNothingNew) {
  MountTable table("/proc/self/mountinfo", NameFilter(), NameFilter());
  bool changed = false;
  ASSERT_OK(table.Refresh(&changed));
  EXPECT_TRUE(changed);
  EXPECT_FALSE(table.mounts().empty());
  ASSERT_OK(table.Refresh(&changed));
  EXPECT_FALSE(changed);
}

TEST(OsRelease, ParsesQuotesAndComments) {
  ASSERT_OK_AND_ASSIGN(const auto values,
                       ParseOsRelease("f", "# x\n\nA=1\nB=\"two \\\"2\\\"\"\nC='c d'\nD=\nE=\"\n"));
  EXPECT_EQ(values.at("A"), "1");
  EXPECT_EQ(values.at("B"), "two \"2\"");
  EXPECT_EQ(values.at("C"), "c d");
  EXPECT_EQ(values.at("D"), "");
  EXPECT_EQ(values.at("E"), "\"");
  EXPECT_THAT(ParseOsRelease("f", "A=1\nnonsense\n"),
              StatusIs(absl::StatusCode::kDataLoss, "reading f: line 2 is not KEY=value"));
}

}  // namespace
}  // namespace ronda::agent
