#include "collector/trust/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::trust {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class AuditTest : public testing::Test {
 protected:
  void Open() {
    audit_.reset();
    store_.reset();
    store::Store::Options options;
    options.dir = dir_.File("data");
    ASSERT_OK_AND_ASSIGN(store_, store::Store::Open(options, clock_));
    ASSERT_OK_AND_ASSIGN(audit_, Audit::Open(*store_, clock_));
  }
  void Write(const std::string& what) {
    AuditEntry entry;
    entry.who = "local root (admin)";
    entry.from = "unix:";
    entry.what = what;
    entry.subject = "node \"web1\"";
    ASSERT_OK(audit_->Write(entry, {{"mine", what, "1"}}));
  }
  std::vector<std::string> Values(std::string_view space) {
    std::vector<std::string> values;
    EXPECT_OK(store_->ScanState(
        space, [&](std::string_view, std::string_view value) { values.emplace_back(value); }));
    return values;
  }
  static std::vector<std::string> Problems(const std::vector<std::string>& lines,
                                           const std::string& head) {
    AuditChecker checker;
    for (const std::string& line : lines) {
      checker.Add(line);
    }
    checker.Finish(head);
    return checker.problems();
  }

  TempDir dir_;
  SystemClock clock_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Audit> audit_;
};

TEST_F(AuditTest, AChainGoesOnAfterARestart) {
  Open();
  Write("token");
  Write("enroll");
  Open();
  Write("revoke");
  const auto lines = Values(kAuditSpace);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(Problems(lines, Values(kAuditHeadSpace)[0]), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const AuditEntry last, ParseEntry(lines[2]));
  EXPECT_EQ(last.seq, 3);
  EXPECT_EQ(last.what, "revoke");
  EXPECT_EQ(last.subject, "node \"web1\"");
  EXPECT_EQ(FormatEntry(last), lines[2]);
  EXPECT_EQ(Values("mine").size(), 3u);  // committed with it
}

TEST_F(AuditTest, WhateverIsChangedShows) {
  Open();
  for (const char* what : {"a", "b", "c", "d"}) {
    Write(what);
  }
  const auto lines = Values(kAuditSpace);
  const std::string head = Values(kAuditHeadSpace)[0];
  for (size_t i = 0; i < lines.size(); ++i) {
    auto changed = lines;
    changed[i].replace(changed[i].find("root"), 4, "evil");
    EXPECT_FALSE(Problems(changed, head).empty()) << i;
    auto removed = lines;
    removed.erase(removed.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(Problems(removed, head).empty()) << i;
  }
  auto swapped = lines;
  std::swap(swapped[1], swapped[2]);
  EXPECT_FALSE(Problems(swapped, head).empty());
  EXPECT_THAT(Problems({lines[0], lines[1]}, head), ElementsAre(HasSubstr("ends at entry 2")));
  EXPECT_THAT(Problems({}, head), ElementsAre(HasSubstr("taken out")));
  EXPECT_THAT(Problems({}, ""), IsEmpty());
  EXPECT_FALSE(Problems({"no json"}, "").empty());
}

TEST_F(AuditTest, AnotherWholeChainIsToldByAHashThatWasNoted) {
  Open();
  Write("a");
  AuditChecker checker;
  checker.Add(Values(kAuditSpace)[0]);
  const std::string noted = checker.head_hash();
  Write("b");
  AuditChecker later;
  for (const std::string& line : Values(kAuditSpace)) {
    later.Add(line);
  }
  EXPECT_TRUE(later.Passed(noted));
  EXPECT_FALSE(later.Passed(std::string(64, '0')));
}

}  // namespace
}  // namespace ronda::trust
