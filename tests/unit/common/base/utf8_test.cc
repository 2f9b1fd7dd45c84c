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

}  // namespace
}  // namespace ronda
