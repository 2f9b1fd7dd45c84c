#include "agent/samplers/host/text.h"

#include <algorithm>
#include <charconv>

#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr std::string_view kBlanks = " \t";

template <typename T, typename... Args>
bool ParseWhole(std::string_view text, T* value, Args... args) {
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, *value, args...);
  return result.ec == std::errc() && result.ptr == end && !text.empty();
}

}  // namespace

std::string_view TakeLine(std::string_view* text) {
  const size_t end = std::min(text->find('\n'), text->size());
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return line;
}

std::string_view TakeField(std::string_view* line) {
  line->remove_prefix(std::min(line->find_first_not_of(kBlanks), line->size()));
  const size_t end = std::min(line->find_first_of(kBlanks), line->size());
  const std::string_view field = line->substr(0, end);
  line->remove_prefix(end);
  return field;
}

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

bool ParseUint(std::string_view text, uint64_t* value) { return ParseWhole(text, value); }
bool ParseInt(std::string_view text, int64_t* value) { return ParseWhole(text, value); }
bool ParseHex(std::string_view text, uint64_t* value) { return ParseWhole(text, value, 16); }
bool ParseDecimal(std::string_view text, double* value) {
  return ParseWhole(text, value) && std::isfinite(*value);
}

absl::Status BadField(std::string_view path, std::string_view field, std::string_view text) {
  return Fail(absl::StatusCode::kDataLoss, "reading {}: field {} is not a number: '{}'", path,
              field, text.substr(0, 40));
}

}  // namespace ronda::agent
