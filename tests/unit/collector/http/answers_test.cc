#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "collector/http/api.h"

namespace ronda::http {
namespace {

std::vector<std::string> Texts(size_t n) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < n; ++i) {
    texts.push_back("text " + std::to_string(i));
  }
  return texts;
}

TEST(AnswersTest, NoAnnotationsLeaveTheirFieldsOut) {
  EXPECT_EQ(DataResponse("[1]").body, "{\"status\":\"success\",\"data\":[1]}\n");
}

TEST(AnswersTest, TenAnnotationsAreToldAndTheRestCounted) {
  const auto ten = nlohmann::json::parse(DataResponse("[]", Texts(10), Texts(1)).body);
  EXPECT_EQ(ten["warnings"].get<std::vector<std::string>>(), Texts(10));
  EXPECT_EQ(ten["infos"].get<std::vector<std::string>>(), Texts(1));

  const auto more = nlohmann::json::parse(DataResponse("[]", Texts(12), Texts(11)).body);
  ASSERT_EQ(more["warnings"].size(), 11u);
  EXPECT_EQ(more["warnings"][9], "text 9");
  EXPECT_EQ(more["warnings"][10], "2 more warning annotations omitted");
  ASSERT_EQ(more["infos"].size(), 11u);
  EXPECT_EQ(more["infos"][10], "1 more info annotations omitted");
}

}  // namespace
}  // namespace ronda::http
