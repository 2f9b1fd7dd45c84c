#include "common/base/utf8.h"

#include <string>

#include <gtest/gtest.h>

namespace ronda {
namespace {

std::string Utf8(uint32_t code) {
  std::string out = "<";
  AppendUtf8(code, &out);
  return out;
}

TEST(Utf8Test, OneToFourBytes) {
  EXPECT_EQ(Utf8(0), std::string("<\0", 2));
  EXPECT_EQ(Utf8(0x7f), "<\x7f");
  EXPECT_EQ(Utf8(0x80), "<\xc2\x80");
  EXPECT_EQ(Utf8(0x7ff), "<\xdf\xbf");
  EXPECT_EQ(Utf8(0x800), "<\xe0\xa0\x80");
  EXPECT_EQ(Utf8(0xffff), "<\xef\xbf\xbf");
  EXPECT_EQ(Utf8(0x10000), "<\xf0\x90\x80\x80");
  EXPECT_EQ(Utf8(0x10ffff), "<\xf4\x8f\xbf\xbf");
}

TEST(Utf8Test, WhatIsUtf8) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("Köln €𝄞"));
  for (const char* text : {"\xc0\x80", "\xed\xa0\x80", "\xe2\x82", "\xf4\x90\x80\x80", "a\xff",
                           "\x80", "\xf0\x8f\xbf\xbf", "\xe0\x9f\xbf", "\xf5\x80\x80\x80"}) {
    EXPECT_FALSE(IsUtf8(text));
  }
}

// Every code point is one character of the length it was made with, and none of its beginnings is.
TEST(Utf8Test, EveryCodePoint) {
  for (uint32_t code = 0; code <= 0x10ffff; ++code) {
    std::string text;
    AppendUtf8(code, &text);
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    ASSERT_EQ(Utf8Length(text), surrogate ? 0 : text.size()) << code;
    for (size_t n = 1; n < text.size(); ++n) {
      ASSERT_EQ(Utf8Length(text.substr(0, n)), 0U) << code;
    }
  }
}

}  // namespace
}  // namespace ronda
