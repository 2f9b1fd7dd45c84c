#include "collector/promql/lexer.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace ronda::promql {
namespace {

std::vector<TokenKind> Kinds(std::string_view text) {
  const auto tokens = Lex(text);
  EXPECT_OK(tokens) << text;
  std::vector<TokenKind> kinds;
  if (tokens.ok()) {
    for (const Token& token : *tokens) {
      kinds.push_back(token.kind);
    }
  }
  return kinds;
}

Token Single(std::string_view text) {
  const auto tokens = Lex(text);
  EXPECT_OK(tokens) << text;
  if (!tokens.ok() || tokens->size() != 2) {
    ADD_FAILURE() << text << " is not one token";
    return {};
  }
  return (*tokens)[0];
}

TEST(LexerTest, KnowsEveryOperator) {
  using K = TokenKind;
  EXPECT_EQ(Kinds("+ - * / % ^ == != < <= > >= = =~ !~ ( ) { } [ ] , @"),
            (std::vector<K>{K::kAdd,          K::kSub,       K::kMul,        K::kDiv,
                            K::kMod,          K::kPow,       K::kEqual,      K::kNotEqual,
                            K::kLess,         K::kLessEqual, K::kGreater,    K::kGreaterEqual,
                            K::kAssign,       K::kMatches,   K::kNotMatches, K::kLeftParen,
                            K::kRightParen,   K::kLeftBrace, K::kRightBrace, K::kLeftBracket,
                            K::kRightBracket, K::kComma,     K::kAt,         K::kEnd}));
}

TEST(LexerTest, ReadsWholeQueriesOfTheLanguage) {
  using K = TokenKind;
  EXPECT_EQ(
      Kinds("sum by (job) (rate(a:b_c[5m:1m] offset 1h))"),
      (std::vector<K>{K::kIdentifier, K::kIdentifier, K::kLeftParen, K::kIdentifier, K::kRightParen,
                      K::kLeftParen, K::kIdentifier, K::kLeftParen, K::kIdentifier, K::kLeftBracket,
                      K::kDuration, K::kColon, K::kDuration, K::kRightBracket, K::kIdentifier,
                      K::kDuration, K::kRightParen, K::kRightParen, K::kEnd}));
}

TEST(LexerTest, NumbersAreThoseOfGo) {
  const std::pair<std::string_view, double> kCases[] = {
      {"0", 0},
      {"80", 80},
      {".5", 0.5},
      {"5.", 5},
      {"1.5e3", 1500},
      {"1e-3", 0.001},
      {"1E+2", 100},
      {"0x1F", 31},
      {"0Xa_b", 171},
      {"017", 15},
      {"018", 18},
      {"1_000", 1000},
      {"1_000.5", 1000.5},
      {"1e400", INFINITY},
      {"1e-400", 0},
      {"Inf", INFINITY},
      {"iNF", INFINITY},
      {"9007199254740993", 9007199254740992.0},
  };
  for (const auto& [text, value] : kCases) {
    const Token token = Single(text);
    EXPECT_EQ(token.kind, TokenKind::kNumber) << text;
    EXPECT_EQ(token.number, value) << text;
  }
  EXPECT_TRUE(std::isnan(Single("NaN").number));
}

TEST(LexerTest, DurationsAreSeconds) {
  const std::pair<std::string_view, double> kCases[] = {{"30s", 30},
                                                        {"5m", 300},
                                                        {"1h30m", 5400},
                                                        {"250ms", 0.25},
                                                        {"1y2w3d4h5m6s7ms", 33019506.007}};
  for (const auto& [text, value] : kCases) {
    const Token token = Single(text);
    EXPECT_EQ(token.kind, TokenKind::kDuration) << text;
    EXPECT_DOUBLE_EQ(token.number, value) << text;
  }
}

TEST(LexerTest, RefusesBadNumbersWhole) {
  for (const std::string_view text :
       {"1__0", "1_", "0x", "0xg", "5mm", "30m1h", "1h1h", "1.2.3", "1e", "12abc", "1.5h",
        "999999999999y", "0xfffffffffffffffff"}) {
    EXPECT_THAT(Lex(text), StatusIs(absl::StatusCode::kInvalidArgument,
                                    "1:1: bad number or duration \"" + std::string(text) + "\""));
  }
}

TEST(LexerTest, StringsInThreeQuotesWithEscapes) {
  EXPECT_EQ(Single(R"("a\"b\\c\n")").text, "a\"b\\c\n");
  EXPECT_EQ(Single(R"('it\'s "x"')").text, "it's \"x\"");
  EXPECT_EQ(Single("`raw \\n\n\"'`").text, "raw \\n\n\"'");
  EXPECT_EQ(Single(R"("\x41\102\u00e9\U0001F600")").text, "AB\xc3\xa9\xf0\x9f\x98\x80");
}

TEST(LexerTest, RefusesBadStringsWithTheirPlace) {
  EXPECT_THAT(Lex("up{a=\"b"), StatusIs(absl::StatusCode::kInvalidArgument, "1:6: string without"));
  EXPECT_THAT(Lex("\"a\nb\""), StatusIs(absl::StatusCode::kInvalidArgument, "1:1: string without"));
  EXPECT_THAT(Lex("`a"), StatusIs(absl::StatusCode::kInvalidArgument, "closing `"));
  for (const std::string_view text :
       {R"("\q")", R"("\x4")", R"("\400")", R"("\ud800")", R"("\U00110000")", R"("\')", R"("\)"}) {
    EXPECT_THAT(Lex(text), StatusIs(absl::StatusCode::kInvalidArgument, "1:2: bad escape")) << text;
  }
}

TEST(LexerTest, InfAndNanAreNamesInsideBraces) {
  const auto tokens = Lex("x{nan=\"1\"} > nan");
  ASSERT_OK(tokens);
  EXPECT_EQ((*tokens)[2].kind, TokenKind::kIdentifier);
  EXPECT_EQ((*tokens)[7].kind, TokenKind::kNumber);
}

TEST(LexerTest, PositionsCountCharactersAndLines) {
  const auto tokens = Lex("a # comment with > inside\n  {\"\xc3\xa9\"} > 1");
  ASSERT_OK(tokens);
  EXPECT_EQ((*tokens)[0].position, (Position{1, 1}));
  EXPECT_EQ((*tokens)[1].position, (Position{2, 3}));
  EXPECT_EQ((*tokens)[3].position, (Position{2, 7}));
  EXPECT_EQ((*tokens)[4].position, (Position{2, 9}));
}

TEST(LexerTest, RefusesForeignCharactersAndEndlessText) {
  EXPECT_THAT(Lex("up & 1"),
              StatusIs(absl::StatusCode::kInvalidArgument, "1:4: unexpected character \"&\""));
  EXPECT_THAT(Lex("\xe2\x82\xac"), StatusIs(absl::StatusCode::kInvalidArgument, "\xe2\x82\xac"));
  EXPECT_THAT(Lex(std::string_view("a\0b", 3)),
              StatusIs(absl::StatusCode::kInvalidArgument, "1:2"));
  EXPECT_THAT(Lex(std::string(kMaxExpressionBytes + 1, ' ')),
              StatusIs(absl::StatusCode::kInvalidArgument, "bytes long"));
}

}  // namespace
}  // namespace ronda::promql
