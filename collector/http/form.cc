#include "collector/http/form.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"

namespace ronda::http {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

absl::StatusOr<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out.push_back(' ');
    } else if (text[i] == '%') {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return Fail(absl::StatusCode::kInvalidArgument, "invalid URL escape \"{}\"",
                    text.substr(i, 3));
      }
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

absl::Status ParseForm(std::string_view text, std::vector<Pair>* out) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) {
      continue;
    }
    if (out->size() >= kMaxParams) {
      return Fail(absl::StatusCode::kInvalidArgument, "more than {} parameters", kMaxParams);
    }
    const size_t equals = std::min(pair.find('='), pair.size());
    RONDA_ASSIGN_OR_RETURN(std::string name, PercentDecode(pair.substr(0, equals), true));
    RONDA_ASSIGN_OR_RETURN(std::string value,
                           PercentDecode(pair.substr(std::min(equals + 1, pair.size())), true));
    out->emplace_back(std::move(name), std::move(value));
  }
  return absl::OkStatus();
}

}  // namespace ronda::http
