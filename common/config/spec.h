// One table from which a configuration is read, printed and documented.
//
//   struct HostConfig { bool enabled = true; int64_t interval_ms = 1000; };
//   Type<HostConfig> HostType() {
//     return Object<HostConfig>()
//         .Add("enabled", &HostConfig::enabled, Bool(), "watch this machine")
//         .Add("interval", &HostConfig::interval_ms, Duration(100, 60'000), "time between ticks")
//         .Build();
//   }
//
// Parse(text, file, HostType()) reads it; a key that is left out, or has no value, keeps the
// default that the struct has. All errors of a file are collected, each as
//   "agent.yml:12:5: postgres[0].timout: unknown key; did you mean \"timeout\"?"
// Types are values; they are built when a file is read and hold no state.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/files.h"
#include "common/config/yaml.h"

namespace ronda::config {

// The errors of one file, in the order in which they were found.
class Errors {
 public:
  explicit Errors(std::string file_name) : file_name_(std::move(file_name)) {}

  void Add(const Position& where, std::string_view path, std::string_view what);
  void Append(const Errors& other);
  bool empty() const { return lines_.empty(); }
  // kInvalidArgument with one line for each (at most 50, and how many more), or OK.
  absl::Status ToStatus() const;

  const std::string& file_name() const { return file_name_; }
  // A path in the file as the program must open it: relative ones start at the file's folder.
  std::string Resolve(const std::string& path) const;

 private:
  const std::string file_name_;
  std::vector<std::string> lines_;
};

// A key for the reference in deploy/README.md, and for the tests that hold it complete.
struct KeyInfo {
  std::string path;  // "host.filesystem.fs_types_exclude", "postgres[].name"
  std::string type;
  std::string default_text;  // "" if the default is that there is none
  std::string help;
};

// How values of type V are read and printed.
template <typename V>
struct Type {
  std::string name;    // "duration", for people
  bool block = false;  // printed on lines of its own, below the key
  // Reads `value` into *out; what is wrong goes to *errors, under the key `path`.
  std::function<void(const Value& value, const std::string& path, Errors* errors, V* out)> read;
  // As YAML that `read` takes again (except what is secret), or "" to leave the key out.
  std::function<std::string(const V&)> print;
  std::vector<KeyInfo> keys;  // of an object, and of those in it
};

Type<bool> Bool();
Type<int64_t> Int(int64_t min, int64_t max);
Type<double> Double(double min, double max);
// "30s" to milliseconds, "256MiB" to bytes; both ends of the range are allowed.
Type<int64_t> Duration(int64_t min_ms, int64_t max_ms);
Type<int64_t> Size(int64_t min_bytes, int64_t max_bytes);
// Any text. `check` (may be null) says what is wrong with it, or "".
using TextCheck = std::function<std::string(std::string_view)>;
Type<std::string> String(TextCheck check = nullptr, std::string name = "text");
// A text that is never printed and never part of an error.
Type<std::string> Secret();
// A text with MaskSecrets() of common/obs on its way out: a URL or a DSN.
Type<std::string> StringWithSecrets(TextCheck check = nullptr, std::string name = "text");
// The same, and left out when the configuration is printed if it is empty.
Type<std::string> OptionalString(TextCheck check = nullptr, std::string name = "text");
// "host:port".
Type<std::string> AddressText(bool allow_port_zero = false);
// Text to text. `check_key` as in String(). `secret` values are masked when printed.
using StringTable = std::map<std::string, std::string>;
Type<StringTable> Table(TextCheck check_key = nullptr, bool secret = false);

namespace internal {

// The half of Type<std::string> that enumerations share.
void ReadChoice(const Value& value, const std::string& path, Errors* errors,
                const std::vector<std::string>& names, const std::function<void(size_t)>& found);
void WrongType(const Value& value, const std::string& path, Errors* errors,
               std::string_view expected);
void ReadMembers(
    const Value& value, const std::string& path, Errors* errors,
    const std::vector<std::string>& keys,
    const std::function<void(size_t, const Value&, const std::string& path)>& read_member);
std::string Join(const std::vector<std::string>& texts, std::string_view separator);
std::string Indent(std::string_view text, std::string_view first, std::string_view rest);

}  // namespace internal

// One of a few words.
template <typename V>
Type<V> OneOf(std::vector<std::pair<std::string, V>> choices) {
  std::vector<std::string> names;
  for (const auto& choice : choices) {
    names.push_back(choice.first);
  }
  Type<V> type;
  type.name = internal::Join(names, ", ");
  type.read = [choices, names](const Value& value, const std::string& path, Errors* errors,
                               V* out) {
    internal::ReadChoice(value, path, errors, names,
                         [&](size_t index) { *out = choices[index].second; });
  };
  type.print = [choices](const V& value) -> std::string {
    for (const auto& choice : choices) {
      if (choice.second == value) {
        return choice.first;
      }
    }
    return "";
  };
  return type;
}

// A list, of at most `max_items`. It replaces the default, it does not add to it.
template <typename V>
Type<std::vector<V>> List(const Type<V>& item, size_t max_items = 1000) {
  Type<std::vector<V>> type;
  type.name = "list of " + item.name;
  type.block = item.block;
  for (KeyInfo key : item.keys) {
    key.path = "[]." + key.path;
    type.keys.push_back(std::move(key));
  }
  type.read = [item, max_items, name = type.name](const Value& value, const std::string& path,
                                                  Errors* errors, std::vector<V>* out) {
    if (value.kind != Value::Kind::kList) {
      return internal::WrongType(value, path, errors, "a " + name);
    }
    if (value.items.size() > max_items) {
      return errors->Add(value.position, path, "more than " + std::to_string(max_items) + " items");
    }
    std::vector<V> read(value.items.size());
    for (size_t i = 0; i < read.size(); ++i) {
      item.read(value.items[i], path + "[" + std::to_string(i) + "]", errors, &read[i]);
    }
    *out = std::move(read);
  };
  type.print = [item](const std::vector<V>& values) {
    std::vector<std::string> texts;
    for (const V& value : values) {
      const std::string text = item.print(value);
      texts.push_back(item.block ? internal::Indent(text, "- ", "  ") : text);
    }
    if (item.block) {
      return internal::Join(texts, "\n");
    }
    std::string line = "[";
    return line.append(internal::Join(texts, ", ")).append("]");
  };
  return type;
}

// A mapping with known keys to a struct.
template <typename T>
class Object {
 public:
  // What is wrong with the whole that the keys alone do not show; `value` tells the places (it may
  // be kNull). May also complete *out. Not called when a key was wrong already.
  using Check =
      std::function<void(const Value& value, const std::string& path, Errors* errors, T* out)>;

  // `default_text` documents a default that is found out when the program runs.
  template <typename V>
  Object& Add(std::string key, V T::*member, const Type<V>& type, std::string help,
              std::string default_text = "") {
    if (default_text.empty() && !type.block) {
      default_text = type.print(T{}.*member);
    }
    info_.push_back({key, type.name, default_text, help});
    for (KeyInfo inner : type.keys) {
      inner.path = key + (inner.path.starts_with("[") ? "" : ".") + inner.path;
      info_.push_back(std::move(inner));
    }
    names_.push_back(key);
    fields_.push_back(Field{
        [member, type](const Value& value, const std::string& path, Errors* errors, T* out) {
          type.read(value, path, errors, &(out->*member));
        },
        [member, type, key](const T& object) -> std::string {
          const std::string text = type.print(object.*member);
          if (text.empty()) {
            return "";
          }
          return type.block ? key + ":\n" + internal::Indent(text, "  ", "  ") : key + ": " + text;
        }});
    return *this;
  }

  Object& Also(Check check) {
    check_ = std::move(check);
    return *this;
  }

  Type<T> Build() const {
    Type<T> type;
    type.name = "mapping";
    type.block = true;
    type.keys = info_;
    type.read = [names = names_, fields = fields_, check = check_](
                    const Value& value, const std::string& path, Errors* errors, T* out) {
      Errors mine(errors->file_name());
      internal::ReadMembers(value, path, &mine, names,
                            [&](size_t index, const Value& member, const std::string& inner) {
                              fields[index].read(member, inner, &mine, out);
                            });
      if (mine.empty() && check != nullptr) {
        check(value, path, &mine, out);
      }
      errors->Append(mine);
    };
    type.print = [fields = fields_](const T& object) {
      std::vector<std::string> lines;
      for (const Field& field : fields) {
        if (std::string line = field.print(object); !line.empty()) {
          lines.push_back(std::move(line));
        }
      }
      return internal::Join(lines, "\n");
    };
    return type;
  }

 private:
  struct Field {
    std::function<void(const Value&, const std::string&, Errors*, T*)> read;
    std::function<std::string(const T&)> print;
  };
  std::vector<std::string> names_;
  std::vector<Field> fields_;
  std::vector<KeyInfo> info_;
  Check check_;
};

// The whole file. An empty one gives the defaults.
template <typename T>
absl::StatusOr<T> Parse(std::string_view text, const std::string& file_name, const Type<T>& type) {
  std::vector<Problem> repeated;
  absl::StatusOr<Value> root = ParseYaml(text, file_name, &repeated);
  if (!root.ok()) {
    return root.status();
  }
  Errors errors(file_name);
  for (const Problem& problem : repeated) {
    errors.Add(problem.position, "", problem.what);
  }
  T config;
  type.read(*root, "", &errors, &config);
  if (!errors.empty()) {
    return errors.ToStatus();
  }
  return config;
}

// Reads and parses the file `path`. With "" it is `default_path` if there is such a file, else the
// defaults.
template <typename T>
absl::StatusOr<T> Load(const std::string& path, const std::string& default_path,
                       const Type<T>& type) {
  const std::string& chosen = path.empty() ? default_path : path;
  absl::StatusOr<std::string> text = ReadFile(chosen, kMaxYamlBytes);
  if (!text.ok() && path.empty() && text.status().code() == absl::StatusCode::kNotFound) {
    return Parse("", chosen, type);
  }
  if (!text.ok()) {
    return text.status();
  }
  return Parse(*text, chosen, type);
}

// Where `key` of `object` stands; the object's own place if the key is not there.
Position PositionOf(const Value& object, std::string_view key);
// "host.filesystem" of "host" and "filesystem"; "host" of "" and "host".
std::string ChildPath(const std::string& path, std::string_view key);

}  // namespace ronda::config
