// Built on yaml-cpp's events rather than on its nodes: events carry the place of every key, show
// keys that are there twice (nodes drop one without a word), and let aliases be counted while they
// are followed, so that a file of nested aliases cannot grow into gigabytes.
#include "common/config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <map>
#include <sstream>
#include <stdexcept>

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/utf8.h"

namespace ronda::config {
namespace {

constexpr size_t kShownBytes = 60;

Position At(const YAML::Mark& mark) {
  return mark.is_null() ? Position{1, 1} : Position{mark.line + 1, mark.column + 1};
}

// Stays in this file: thrown through yaml-cpp, which knows no other way to stop.
struct Refused : std::runtime_error {
  Refused(Position where, const std::string& what) : std::runtime_error(what), position(where) {}
  Position position;
};

size_t Count(const Value& value) {
  size_t count = 1;
  for (const Value& item : value.items) {
    count += Count(item);
  }
  for (const Member& member : value.members) {
    count += Count(member.value);
  }
  return count;
}

size_t Depth(const Value& value) {
  size_t deepest = 0;
  for (const Value& item : value.items) {
    deepest = std::max(deepest, Depth(item));
  }
  for (const Member& member : value.members) {
    deepest = std::max(deepest, Depth(member.value));
  }
  return deepest + 1;
}

class TreeBuilder : public YAML::EventHandler {
 public:
  Value TakeRoot() { return std::move(root_); }
  std::vector<Problem> TakeRepeated() { return std::move(repeated_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      throw Refused(At(mark), "a second document (---) in one file");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(Make(Value::Kind::kNull, mark), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) {
      throw Refused(At(mark), "an alias within the value that it names");
    }
    Value copy = known->second;
    if (open_.size() + Depth(copy) > kMaxYamlDepth) {
      throw Refused(At(mark), "values nested too deeply");
    }
    Spend(Count(copy), At(mark));
    Add(std::move(copy), YAML::NullAnchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    Value value = Make(Value::Kind::kScalar, mark);
    value.quoted = tag != "?";
    value.text = text;
    Add(std::move(value), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Push(Make(Value::Kind::kList, mark), anchor);
  }
  void OnSequenceEnd() override { Pop(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Push(Make(Value::Kind::kMap, mark), anchor);
  }
  void OnMapEnd() override { Pop(); }

 private:
  struct Open {
    Value value;
    YAML::anchor_t anchor = YAML::NullAnchor;
    bool has_key = false;      // of a map: the key has come, its value has not
    bool is_repeated = false;  // and it was there before
    Member member;
    std::map<std::string, int> lines;  // of the keys so far
  };

  Value Make(Value::Kind kind, const YAML::Mark& mark) {
    Spend(1, At(mark));
    Value value;
    value.kind = kind;
    value.position = At(mark);
    return value;
  }

  void Spend(size_t values, Position where) {
    values_ += values;
    if (values_ > kMaxYamlValues) {
      throw Refused(where, fmt::format("more than {} values, aliases included", kMaxYamlValues));
    }
  }

  void Push(Value value, YAML::anchor_t anchor) {
    if (open_.size() >= kMaxYamlDepth) {
      throw Refused(value.position, "values nested too deeply");
    }
    open_.push_back(Open{std::move(value), anchor, false, false, {}, {}});
  }

  void Pop() {
    Open done = std::move(open_.back());
    open_.pop_back();
    Add(std::move(done.value), done.anchor);
  }

  void Add(Value value, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) {
      Spend(Count(value), value.position);
      anchors_[anchor] = value;
    }
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    Open& parent = open_.back();
    if (parent.value.kind == Value::Kind::kList) {
      parent.value.items.push_back(std::move(value));
    } else if (parent.has_key) {
      parent.has_key = false;
      parent.member.value = std::move(value);
      if (!parent.is_repeated) {
        parent.value.members.push_back(std::move(parent.member));
      }
      parent.member = {};
    } else {
      AddKey(&parent, std::move(value));
    }
  }

  void AddKey(Open* parent, Value key) {
    if (key.kind != Value::Kind::kScalar) {
      throw Refused(key.position, "a key that is not a text");
    }
    const auto [earlier, is_new] = parent->lines.emplace(key.text, key.position.line);
    if (!is_new) {
      repeated_.push_back({key.position, fmt::format("the key {} is there already, in line {}",
                                                     DescribeValue(key), earlier->second)});
    }
    parent->is_repeated = !is_new;
    parent->member.key = std::move(key.text);
    parent->member.position = key.position;
    parent->has_key = true;
  }

  Value root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Value> anchors_;
  std::vector<Problem> repeated_;
  size_t values_ = 0;
  int documents_ = 0;
};

// The offset of the first byte that is not UTF-8, or npos. NUL is refused too.
size_t FindBadUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = text[i] == '\0' ? 0 : Utf8Length(text.substr(i));
    if (length == 0) {
      return i;
    }
    i += length;
  }
  return std::string_view::npos;
}

absl::Status Refuse(std::string_view file_name, Position where, std::string_view what) {
  return Fail(absl::StatusCode::kInvalidArgument, "{}:{}:{}: {}", file_name, where.line,
              where.column, what);
}

}  // namespace

const Value* Value::Find(std::string_view key) const {
  for (const Member& member : members) {
    if (member.key == key) {
      return &member.value;
    }
  }
  return nullptr;
}

absl::StatusOr<Value> ParseYaml(std::string_view text, std::string_view file_name,
                                std::vector<Problem>* repeated) {
  if (text.size() > kMaxYamlBytes) {
    return Refuse(file_name, {1, 1}, fmt::format("larger than {} bytes", kMaxYamlBytes));
  }
  if (const size_t bad = FindBadUtf8(text); bad != std::string_view::npos) {
    const std::string_view before = text.substr(0, bad);
    const int line = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
    const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
    return Refuse(file_name, {line, static_cast<int>(bad - line_start) + 1},
                  fmt::format("byte 0x{:02x} is not UTF-8 text",
                              static_cast<unsigned>(static_cast<unsigned char>(text[bad]))));
  }
  TreeBuilder builder;
  try {
    // yaml-cpp 0.7 takes a quote that is never closed for closed if the text ends with a newline,
    // and swallows the rest of the file. It sees the error if a comment comes last.
    std::istringstream stream{fmt::format("{}{}#", text, text.ends_with('\n') ? "" : "\n")};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refused& refused) {
    return Refuse(file_name, refused.position, refused.what());
  } catch (const YAML::Exception& error) {
    return Refuse(file_name, At(error.mark), "not valid YAML: " + error.msg);
  } catch (const std::exception& error) {
    return Refuse(file_name, {1, 1}, std::string("not valid YAML: ") + error.what());
  }
  std::vector<Problem> problems = builder.TakeRepeated();
  if (repeated != nullptr) {
    *repeated = std::move(problems);
  } else if (!problems.empty()) {
    return Refuse(file_name, problems.front().position, problems.front().what);
  }
  return builder.TakeRoot();
}

absl::StatusOr<Value> ReadYamlFile(const std::string& path) {
  RONDA_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxYamlBytes));
  return ParseYaml(text, path);
}

std::string DescribeValue(const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNull:
      return "nothing";
    case Value::Kind::kList:
      return "a list";
    case Value::Kind::kMap:
      return "a mapping";
    case Value::Kind::kScalar:
      break;
  }
  std::string shown;
  for (const char c : value.text.substr(0, kShownBytes)) {
    shown += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return '"' + shown + (value.text.size() > kShownBytes ? "...\"" : "\"");
}

}  // namespace ronda::config
