#include "common/base/startup_pages.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/files.h"

namespace ronda {
namespace {

int64_t RssFileKib() {
  const std::string status = ReadFile("/proc/self/status").value_or("");
  const size_t at = status.find("RssFile:");
  return at == std::string::npos ? 0 : std::stoll(status.substr(at + 8));
}

// Addresses, which the dynamic linker writes at the start and then protects; and constants that it
// only maps.
const char* const kRelocated[] = {"one", "two", "three"};
constexpr char kConstants[3 * 4096] = {'c'};

TEST(StartupPagesTest, LeavesWhatTheDynamicLinkerWrote) {
  const char* const volatile* const relocated = kRelocated;
  const volatile char* const constants = kConstants;
  for (int i = 0; i < 2; ++i) {
    ReleaseStartupPages();
    EXPECT_STREQ(relocated[0], "one");
    EXPECT_STREQ(relocated[2], "three");
    EXPECT_EQ(constants[0], 'c');
    EXPECT_EQ(constants[2 * 4096], '\0');
  }
}

TEST(StartupPagesTest, GivesBackTextAndGoesOn) {
  const int64_t before = RssFileKib();
  ASSERT_GT(before, 0);
  EXPECT_GT(ReleaseStartupPages(), 64u << 10);
  EXPECT_LT(RssFileKib(), before);
  // What is needed again comes back by itself, again and again.
  for (int i = 0; i < 3; ++i) {
    EXPECT_GT(ReleaseStartupPages(), 64u << 10);
    EXPECT_EQ(std::to_string(i) + "x", std::string(1, static_cast<char>('0' + i)) + "x");
  }
}

}  // namespace
}  // namespace ronda
