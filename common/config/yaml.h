// YAML text to a plain tree that knows where in the file each value stands.
//
// The subset is YAML 1.2 as yaml-cpp reads it, bounded before and while it is read, so that the
// text may come from anyone: at most 1 MiB, valid UTF-8, one document, 64 levels deep, 100,000
// values after aliases have been followed, every key of a mapping a plain text and there once.
// Aliases are copies of what they name; the merge key "<<" has no meaning.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace ronda::config {

inline constexpr size_t kMaxYamlBytes = 1 << 20;
inline constexpr size_t kMaxYamlDepth = 64;
inline constexpr size_t kMaxYamlValues = 100'000;

// Counted from 1; 0 is "no place in a file".
struct Position {
  int line = 0;
  int column = 0;
};

struct Member;

// One value. A value type.
struct Value {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  bool quoted = false;  // of a scalar: it was in quotes or a block, so it is text whatever it says
  Position position;
  std::string text;             // of a scalar
  std::vector<Value> items;     // of a list
  std::vector<Member> members;  // of a map, in the file's order

  // The value of `key`, or null if this is no map or has no such key.
  const Value* Find(std::string_view key) const;
};

struct Member {
  std::string key;
  Position position;  // of the key
  Value value;
};

// What is wrong at a place, where reading could go on.
struct Problem {
  Position position;
  std::string what;
};

// The document in `text`; an empty one, or one of comments alone, is kNull. kInvalidArgument with
// "file_name:line:column: what is wrong" for what is not YAML or beyond the bounds above. Keys that
// are there twice are an error too; if `repeated` is given they go there instead, and the first
// value counts.
absl::StatusOr<Value> ParseYaml(std::string_view text, std::string_view file_name,
                                std::vector<Problem>* repeated = nullptr);

// Reads and parses a file: as ParseYaml(), or kNotFound, kPermissionDenied.
absl::StatusOr<Value> ReadYamlFile(const std::string& path);

// "a mapping", "a list", "nothing" or the text in quotes: for "expected X, got Y". A long text is
// cut.
std::string DescribeValue(const Value& value);

}  // namespace ronda::config
