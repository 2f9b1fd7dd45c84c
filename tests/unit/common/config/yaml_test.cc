#include "common/config/yaml.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/files.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::config {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(YamlTest, KeepsTheOrderAndThePlaceOfKeysAndValues) {
  ASSERT_OK_AND_ASSIGN(const Value root, ParseYaml("b: 1\na:\n  - x\n  - 'y'\n", "f.yml"));
  ASSERT_EQ(root.kind, Value::Kind::kMap);
  ASSERT_EQ(root.members.size(), 2u);
  EXPECT_EQ(root.members[0].key, "b");
  EXPECT_EQ(root.members[1].position.line, 2);
  EXPECT_EQ(root.members[1].position.column, 1);
  const Value* list = root.Find("a");
  ASSERT_NE(list, nullptr);
  ASSERT_EQ(list->items.size(), 2u);
  EXPECT_EQ(list->items[1].position.line, 4);
  EXPECT_EQ(list->items[1].position.column, 5);
  EXPECT_TRUE(list->items[1].quoted);
  EXPECT_FALSE(list->items[0].quoted);
  EXPECT_EQ(root.Find("c"), nullptr);
}

TEST(YamlTest, TakesAnEmptyFileAsNothing) {
  for (const char* text : {"", "\n\n", "# a comment\n", "---\n"}) {
    ASSERT_OK_AND_ASSIGN(const Value root, ParseYaml(text, "f.yml"));
    EXPECT_EQ(root.kind, Value::Kind::kNull) << text;
  }
}

TEST(YamlTest, ReadsBlockTexts) {
  ASSERT_OK_AND_ASSIGN(const Value root, ParseYaml("expr: |\n  up == 0\n  and on() x\n", "f.yml"));
  EXPECT_EQ(root.Find("expr")->text, "up == 0\nand on() x\n");
  ASSERT_OK_AND_ASSIGN(const Value kept, ParseYaml("a: |+\n  x\n\n", "f.yml"));
  EXPECT_EQ(kept.Find("a")->text, "x\n\n");
}

TEST(YamlTest, NamesThePlaceOfASyntaxError) {
  EXPECT_THAT(ParseYaml("a: 1\nb: [1, 2\nc: 3\n", "f.yml"), StatusIs(kInvalid, "f.yml:3:"));
  for (const char* text : {"a: \"open", "a: \"open\n", "a: 'open\nb: 1\n", "a: \"open\n\n"}) {
    EXPECT_THAT(ParseYaml(text, "f.yml"), StatusIs(kInvalid, "not valid YAML"));
  }
}

TEST(YamlTest, RefusesARepeatedKeyOrHandsItOver) {
  const std::string text = "a: 1\nb:\n  c: 1\n  c: 2\na: 3\n";
  EXPECT_THAT(ParseYaml(text, "f.yml"),
              StatusIs(kInvalid, "f.yml:4:3: the key \"c\" is there already, in line 3"));
  std::vector<Problem> repeated;
  ASSERT_OK_AND_ASSIGN(const Value root, ParseYaml(text, "f.yml", &repeated));
  ASSERT_EQ(repeated.size(), 2u);
  EXPECT_EQ(repeated[1].position.line, 5);
  EXPECT_EQ(root.Find("a")->text, "1");
  EXPECT_EQ(root.members.size(), 2u);
}

TEST(YamlTest, RefusesASecondDocument) {
  EXPECT_THAT(ParseYaml("a: 1\n---\nb: 1\n", "f.yml"), StatusIs(kInvalid, "second document"));
}

TEST(YamlTest, RefusesKeysThatAreNotTexts) {
  EXPECT_THAT(ParseYaml("? [a]\n: 1\n", "f.yml"), StatusIs(kInvalid, "not a text"));
  EXPECT_THAT(ParseYaml("~: 1\n", "f.yml"), StatusIs(kInvalid, "not a text"));
}

TEST(YamlTest, RefusesWhatIsNotUtf8) {
  EXPECT_THAT(ParseYaml("a: 1\nb: \xff\n", "f.yml"), StatusIs(kInvalid, "f.yml:2:4: byte 0xff"));
  for (const std::string& bad :
       {std::string("\xc0\xaf"), std::string("\xed\xa0\x80"), std::string("\xf4\x90\x80\x80"),
        std::string("\xe2\x82"), std::string("a\0b", 3), std::string("\xe0\x80\x80")}) {
    EXPECT_THAT(ParseYaml(bad, "f.yml"), StatusIs(kInvalid, "is not UTF-8"));
  }
  EXPECT_OK(ParseYaml("a: \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n", "f.yml"));
}

TEST(YamlTest, FollowsAliasesAsCopies) {
  ASSERT_OK_AND_ASSIGN(const Value root, ParseYaml("a: &x {k: 1}\nb: *x\n", "f.yml"));
  EXPECT_EQ(root.Find("b")->Find("k")->text, "1");
  EXPECT_THAT(ParseYaml("a: *nowhere\n", "f.yml"), StatusIs(kInvalid, "f.yml:1:"));
  EXPECT_THAT(ParseYaml("a: &x [*x]\n", "f.yml"), StatusIs(kInvalid, "f.yml:1:"));
}

TEST(YamlTest, BoundsAliasesThatMultiply) {
  std::string text = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    text += fmt::format("l{0}: &l{0} [*l{1}, *l{1}, *l{1}, *l{1}, *l{1}, *l{1}, *l{1}, *l{1}]\n", i,
                        i - 1);
  }
  EXPECT_THAT(ParseYaml(text, "f.yml"), StatusIs(kInvalid, "aliases included"));
}

TEST(YamlTest, BoundsDepthSizeAndNumberOfValues) {
  const std::string deep =
      std::string(kMaxYamlDepth + 1, '[') + std::string(kMaxYamlDepth + 1, ']');
  EXPECT_THAT(ParseYaml(deep, "f.yml"), StatusIs(kInvalid, "nested too deeply"));
  EXPECT_OK(ParseYaml(deep.substr(1, deep.size() - 2), "f.yml"));
  EXPECT_THAT(ParseYaml(std::string(100'000, '['), "f.yml"), StatusIs(kInvalid, "f.yml:"));
  EXPECT_THAT(ParseYaml(std::string(kMaxYamlBytes + 1, ' '), "f.yml"),
              StatusIs(kInvalid, "larger than"));
  std::string many = "[";
  for (size_t i = 0; i <= kMaxYamlValues; ++i) {
    many += "1,";
  }
  EXPECT_THAT(ParseYaml(many + "]", "f.yml"), StatusIs(kInvalid, "more than 100000 values"));
}

TEST(YamlTest, ReadsFilesAndNamesTheMissingOne) {
  const TempDir dir;
  ASSERT_OK(WriteFileAtomically(dir.File("a.yml"), "a: 1\n"));
  ASSERT_OK_AND_ASSIGN(const Value root, ReadYamlFile(dir.File("a.yml")));
  EXPECT_EQ(root.Find("a")->text, "1");
  EXPECT_THAT(ReadYamlFile(dir.File("b.yml")), StatusIs(absl::StatusCode::kNotFound, "b.yml"));
}

TEST(YamlTest, DescribesValuesForErrors) {
  ASSERT_OK_AND_ASSIGN(const Value root,
                       ParseYaml(fmt::format("[{:x<100}, ~, [], {{}}, \"a\\nb\"]", ""), "f.yml"));
  EXPECT_EQ(DescribeValue(root.items[0]), fmt::format("\"{:x<60}...\"", ""));
  EXPECT_EQ(DescribeValue(root.items[1]), "nothing");
  EXPECT_EQ(DescribeValue(root.items[2]), "a list");
  EXPECT_EQ(DescribeValue(root.items[3]), "a mapping");
  EXPECT_EQ(DescribeValue(root.items[4]), "\"a b\"");
}

}  // namespace
}  // namespace ronda::config
