// IsOk() and StatusIs(code, "part of the message"), for Status and StatusOr.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/status.h"

namespace ronda {

inline const absl::Status& StatusOf(const absl::Status& s) { return s; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& s) {
  return s.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

MATCHER_P2(StatusIs, code, text, "") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code &&
         std::string(Message(StatusOf(arg))).find(text) != std::string::npos;
}

}  // namespace ronda

#define ASSERT_OK(expr) ASSERT_THAT((expr), ::ronda::IsOk())
#define EXPECT_OK(expr) EXPECT_THAT((expr), ::ronda::IsOk())
// ASSERT_OK_AND_ASSIGN(auto v, F());
#define ASSERT_OK_AND_ASSIGN_(tmp, lhs, expr)    \
  auto tmp = (expr);                             \
  ASSERT_TRUE(tmp.ok()) << tmp.status();         \
  lhs = std::move(tmp).value()
#define ASSERT_OK_AND_ASSIGN(lhs, expr) \
  ASSERT_OK_AND_ASSIGN_(RONDA_CONCAT_(test_statusor_, __LINE__), lhs, expr)
