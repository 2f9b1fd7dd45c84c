#include "common/model/regex_groups.h"

#include <charconv>

namespace ronda {
namespace {

// The groups of a match by number and name.
struct Groups {
  const re2::RE2& regex;
  std::span<const re2::StringPiece> values;

  std::string_view Find(std::string_view name) const {
    size_t index = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
    if (error != std::errc() || end != name.data() + name.size()) {
      const auto& names = regex.NamedCapturingGroups();
      const auto found = names.find(std::string(name));
      if (found == names.end()) {
        return "";
      }
      index = static_cast<size_t>(found->second);
    }
    return index < values.size() ? std::string_view(values[index].data(), values[index].size())
                                 : "";
  }
};

bool IsNameCharacter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

}  // namespace

std::string ExpandGroups(std::string_view form, const re2::RE2& regex,
                         std::span<const re2::StringPiece> values) {
  const Groups groups{regex, values};
  std::string out;
  while (!form.empty()) {
    const size_t dollar = form.find('$');
    out += form.substr(0, dollar);
    if (dollar == std::string_view::npos) {
      break;
    }
    form.remove_prefix(dollar + 1);
    if (form.starts_with('$')) {
      out += '$';
      form.remove_prefix(1);
      continue;
    }
    const bool braced = form.starts_with('{');
    size_t length = braced ? 1 : 0;
    while (length < form.size() && IsNameCharacter(form[length])) ++length;
    const std::string_view name = form.substr(braced ? 1 : 0, length - (braced ? 1 : 0));
    if (name.empty() || (braced && (length == form.size() || form[length] != '}'))) {
      out += '$';  // no reference: as it is
      continue;
    }
    out += groups.Find(name);
    form.remove_prefix(length + (braced ? 1 : 0));
  }
  return out;
}

}  // namespace ronda
