#include "common/config/spec.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "common/base/status.h"
#include "common/config/address.h"
#include "common/config/units.h"
#include "common/obs/mask.h"

namespace ronda::config {
namespace {

constexpr size_t kMaxErrors = 50;
constexpr std::string_view kMask = "<secret>";

// As YAML that reads back as this very text.
std::string Quote(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '/' || c == '.';
  };
  const auto inner = [&plain](char c) {
    return plain(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  bool simple = !text.empty() && plain(text.front());
  for (const char c : text) {
    simple = simple && inner(c);
  }
  static const auto* const words = new std::set<std::string_view>{"null", "Null", "NULL"};
  if (simple && !words->contains(text)) {
    return std::string(text);
  }
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

// Numbers, durations and sizes: plain text that `parse` turns into a number within a range.
template <typename V, typename ParseFn, typename PrintFn>
Type<V> Number(std::string name, std::string expected, V min, V max, ParseFn parse, PrintFn print) {
  Type<V> type;
  type.name = std::move(name);
  type.read = [=](const Value& value, const std::string& path, Errors* errors, V* out) {
    absl::StatusOr<V> number = absl::InvalidArgumentError("");
    if (value.kind == Value::Kind::kScalar && !value.quoted) {
      number = parse(value.text);
    }
    if (!number.ok()) {
      return internal::WrongType(value, path, errors, expected);
    }
    if (*number < min || *number > max) {
      return errors->Add(
          value.position, path,
          fmt::format("{} is out of range, expected {} to {}", value.text, print(min), print(max)));
    }
    *out = *number;
  };
  type.print = print;
  return type;
}

template <typename V>
absl::StatusOr<V> FromChars(std::string_view text) {
  V number{};
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end) {
    return absl::InvalidArgumentError("");
  }
  return number;
}

Type<std::string> Text(TextCheck check, std::string name, bool secret,
                       std::function<std::string(const std::string&)> print) {
  Type<std::string> type;
  type.name = std::move(name);
  type.read = [check = std::move(check), secret, expected = "a " + type.name](
                  const Value& value, const std::string& path, Errors* errors, std::string* out) {
    if (value.kind != Value::Kind::kScalar) {
      return internal::WrongType(value, path, errors, expected);
    }
    if (check != nullptr) {
      if (const std::string what = check(value.text); !what.empty()) {
        return errors->Add(value.position, path, secret ? what : obs::MaskSecrets(what));
      }
    }
    *out = value.text;
  };
  type.print = std::move(print);
  return type;
}

}  // namespace

void Errors::Add(const Position& where, std::string_view path, std::string_view what) {
  std::string line = file_name_;
  if (where.line > 0) {
    line += fmt::format(":{}:{}", where.line, where.column);
  }
  line += path.empty() ? fmt::format(": {}", what) : fmt::format(": {}: {}", path, what);
  lines_.push_back(std::move(line));
}

void Errors::Append(const Errors& other) {
  lines_.insert(lines_.end(), other.lines_.begin(), other.lines_.end());
}

absl::Status Errors::ToStatus() const {
  if (lines_.empty()) {
    return absl::OkStatus();
  }
  std::vector<std::string> shown(
      lines_.begin(),
      lines_.begin() + static_cast<std::ptrdiff_t>(std::min(lines_.size(), kMaxErrors)));
  if (lines_.size() > kMaxErrors) {
    shown.push_back(fmt::format("and {} more", lines_.size() - kMaxErrors));
  }
  return MakeStatus(absl::StatusCode::kInvalidArgument, internal::Join(shown, "\n"));
}

std::string Errors::Resolve(const std::string& path) const {
  const size_t slash = file_name_.rfind('/');
  if (path.empty() || path.front() == '/' || slash == std::string::npos) {
    return path;
  }
  return file_name_.substr(0, slash + 1) + path;
}

Type<bool> Bool() {
  Type<bool> type;
  type.name = "true or false";
  type.read = [](const Value& value, const std::string& path, Errors* errors, bool* out) {
    const bool scalar = value.kind == Value::Kind::kScalar && !value.quoted;
    if (!scalar || (value.text != "true" && value.text != "false")) {
      return internal::WrongType(value, path, errors, "true or false");
    }
    *out = value.text == "true";
  };
  type.print = [](bool value) { return std::string(value ? "true" : "false"); };
  return type;
}

Type<int64_t> Int(int64_t min, int64_t max) {
  return Number<int64_t>("number", "a whole number", min, max, FromChars<int64_t>,
                         [](int64_t v) { return fmt::format("{}", v); });
}

Type<double> Double(double min, double max) {
  const auto parse = [](std::string_view text) -> absl::StatusOr<double> {
    absl::StatusOr<double> number = FromChars<double>(text);
    if (number.ok() && !std::isfinite(*number)) {
      return absl::InvalidArgumentError("");
    }
    return number;
  };
  return Number<double>("number", "a number", min, max, parse,
                        [](double v) { return fmt::format("{}", v); });
}

Type<int64_t> Duration(int64_t min_ms, int64_t max_ms) {
  return Number<int64_t>("duration", "a duration such as 500ms, 30s, 5m, 1h30m or 28d", min_ms,
                         max_ms, ParseDuration, FormatDuration);
}

Type<int64_t> Size(int64_t min_bytes, int64_t max_bytes) {
  return Number<int64_t>("size", "a size such as 64KiB, 256MiB or 2GiB", min_bytes, max_bytes,
                         ParseSize, FormatSize);
}

Type<std::string> String(TextCheck check, std::string name) {
  return Text(std::move(check), std::move(name), false,
              [](const std::string& text) { return Quote(text); });
}

Type<std::string> OptionalString(TextCheck check, std::string name) {
  return Text(std::move(check), std::move(name), false,
              [](const std::string& text) { return text.empty() ? std::string() : Quote(text); });
}

Type<std::string> Secret() {
  return Text(nullptr, "text", true,
              [](const std::string& text) { return text.empty() ? std::string() : Quote(kMask); });
}

Type<std::string> StringWithSecrets(TextCheck check, std::string name) {
  return Text(std::move(check), std::move(name), false, [](const std::string& text) {
    return text.empty() ? std::string() : Quote(obs::MaskSecrets(text));
  });
}

Type<std::string> AddressText(bool allow_port_zero) {
  return String(
      [allow_port_zero](std::string_view text) {
        const absl::StatusOr<Address> address = ParseAddress(text, allow_port_zero);
        return address.ok() ? std::string() : std::string(Message(address.status()));
      },
      "HOST:PORT");
}

Type<StringTable> Table(TextCheck check_key, bool secret) {
  Type<StringTable> type;
  type.name = "mapping of texts";
  type.read = [check_key = std::move(check_key), secret](
                  const Value& value, const std::string& path, Errors* errors, StringTable* out) {
    if (value.kind != Value::Kind::kMap) {
      return internal::WrongType(value, path, errors, "a mapping of names to texts");
    }
    StringTable table;
    for (const Member& member : value.members) {
      const std::string inner = ChildPath(path, member.key);
      const std::string what = check_key == nullptr ? "" : check_key(member.key);
      if (!what.empty()) {
        errors->Add(member.position, inner, what);
      } else if (member.value.kind != Value::Kind::kScalar) {
        internal::WrongType(member.value, inner, errors, secret ? "a secret text" : "a text");
      } else {
        table[member.key] = member.value.text;
      }
    }
    *out = std::move(table);
  };
  type.print = [secret](const StringTable& table) {
    std::vector<std::string> texts;
    for (const auto& [key, text] : table) {
      texts.push_back(Quote(key) + ": " + Quote(secret ? kMask : std::string_view(text)));
    }
    return fmt::format("{{{}}}", internal::Join(texts, ", "));
  };
  return type;
}

Position PositionOf(const Value& object, std::string_view key) {
  const Value* value = object.Find(key);
  return value != nullptr ? value->position : object.position;
}

std::string ChildPath(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

namespace internal {

void ReadChoice(const Value& value, const std::string& path, Errors* errors,
                const std::vector<std::string>& names, const std::function<void(size_t)>& found) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (value.kind == Value::Kind::kScalar && value.text == names[i]) {
      return found(i);
    }
  }
  WrongType(value, path, errors, "one of " + Join(names, ", "));
}

void WrongType(const Value& value, const std::string& path, Errors* errors,
               std::string_view expected) {
  errors->Add(value.position, path,
              fmt::format("expected {}, got {}", expected, obs::MaskSecrets(DescribeValue(value))));
}

void ReadMembers(const Value& value, const std::string& path, Errors* errors,
                 const std::vector<std::string>& keys,
                 const std::function<void(size_t, const Value&, const std::string&)>& read_member) {
  if (value.kind == Value::Kind::kNull) {
    return;
  }
  if (value.kind != Value::Kind::kMap) {
    return WrongType(value, path, errors, "a mapping of keys to values");
  }
  for (const Member& member : value.members) {
    const std::string inner = ChildPath(path, member.key);
    const auto known = std::find(keys.begin(), keys.end(), member.key);
    if (known != keys.end()) {
      if (member.value.kind != Value::Kind::kNull) {
        read_member(static_cast<size_t>(known - keys.begin()), member.value, inner);
      }
      continue;
    }
    const std::string_view near = Nearest(member.key, keys);
    errors->Add(member.position, inner,
                near.empty() ? fmt::format("unknown key; known here: {}", Join(keys, ", "))
                             : fmt::format("unknown key; did you mean \"{}\"?", near));
  }
}

std::string Join(const std::vector<std::string>& texts, std::string_view separator) {
  std::string joined;
  for (const std::string& text : texts) {
    joined += joined.empty() ? "" : separator;
    joined += text;
  }
  return joined;
}

std::string Indent(std::string_view text, std::string_view first, std::string_view rest) {
  std::string indented(first);
  for (const char c : text) {
    indented += c;
    if (c == '\n') {
      indented += rest;
    }
  }
  return indented;
}

}  // namespace internal
}  // namespace ronda::config
