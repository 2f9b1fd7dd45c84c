// Go's own functions: https://pkg.go.dev/text/template#hdr-Functions.
#include <algorithm>
#include <compare>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "collector/template/functions.h"
#include "collector/template/printf.h"
#include "common/base/status.h"

namespace ronda::tmpl {
namespace {

constexpr size_t kAny = std::numeric_limits<size_t>::max();
using Result = absl::StatusOr<Value>;

// Of values of one basic type; Go compares no int with a float.
absl::StatusOr<std::partial_ordering> Compare(const Value& a, const Value& b) {
  if (const auto* x = a.As<double>(), *y = b.As<double>(); x != nullptr && y != nullptr) {
    return *x <=> *y;
  }
  if (const auto* x = a.As<int64_t>(), *y = b.As<int64_t>(); x != nullptr && y != nullptr) {
    return std::partial_ordering(*x <=> *y);
  }
  if (const auto* x = a.As<std::string>(), *y = b.As<std::string>(); x != nullptr && y != nullptr) {
    return std::partial_ordering(*x <=> *y);
  }
  return Fail(absl::StatusCode::kInvalidArgument, "incompatible types for comparison: {} and {}",
              a.TypeName(), b.TypeName());
}

absl::StatusOr<bool> Equal(const Value& a, const Value& b) {
  if (const auto* x = a.As<bool>(), *y = b.As<bool>(); x != nullptr && y != nullptr) {
    return *x == *y;
  }
  if (a.IsNil() || b.IsNil()) {
    return a.IsNil() && b.IsNil();
  }
  RONDA_ASSIGN_OR_RETURN(const std::partial_ordering order, Compare(a, b));
  return order == std::partial_ordering::equivalent;
}

Result Eq(Arguments a, const Environment&) {
  for (size_t i = 1; i < a.size(); ++i) {
    RONDA_ASSIGN_OR_RETURN(const bool equal, Equal(a[0], a[i]));
    if (equal) {
      return Value(true);
    }
  }
  return Value(false);
}

Result Ne(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(const bool equal, Equal(a[0], a[1]));
  return Value(!equal);
}

template <bool (*kHolds)(std::partial_ordering)>
Result Ordered(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(const std::partial_ordering order, Compare(a[0], a[1]));
  return Value(kHolds(order));
}

bool Less(std::partial_ordering o) { return o < 0; }
bool LessEqual(std::partial_ordering o) { return o <= 0; }
bool Greater(std::partial_ordering o) { return o > 0; }
bool GreaterEqual(std::partial_ordering o) { return o >= 0; }

Result Not(Arguments a, const Environment&) { return Value(!a[0].Truth()); }
// Reached only by who runs templates without regard to their order.
Result Last(Arguments a, const Environment&) { return a.back(); }

Result Len(Arguments a, const Environment&) {
  std::optional<size_t> size;
  if (const auto* text = a[0].As<std::string>()) {
    size = text->size();
  } else if (const auto* labels = a[0].As<Labels>()) {
    size = labels->all().size();
  } else if (const auto* samples = a[0].As<Value::Samples>()) {
    size = samples->size();
  } else if (const auto* list = a[0].As<Value::List>()) {
    size = list->size();
  } else if (const auto* dict = a[0].As<Dict>()) {
    size = dict->entries.size();
  }
  if (!size) {
    return Fail(absl::StatusCode::kInvalidArgument, "len of type {}", a[0].TypeName());
  }
  return Value(static_cast<int64_t>(*size));
}

absl::StatusOr<size_t> Place(const Value& index, size_t size) {
  const auto* i = index.As<int64_t>();
  if (i == nullptr) {
    return Fail(absl::StatusCode::kInvalidArgument, "cannot index with type {}", index.TypeName());
  }
  if (*i < 0 || static_cast<uint64_t>(*i) >= size) {
    return Fail(absl::StatusCode::kInvalidArgument, "index out of range: {}", *i);
  }
  return static_cast<size_t>(*i);
}

Result IndexOne(const Value& of, const Value& index) {
  if (const auto* samples = of.As<Value::Samples>()) {
    RONDA_ASSIGN_OR_RETURN(const size_t i, Place(index, samples->size()));
    return Value((*samples)[i]);
  }
  if (const auto* list = of.As<Value::List>()) {
    RONDA_ASSIGN_OR_RETURN(const size_t i, Place(index, list->size()));
    return (*list)[i];
  }
  if (const auto* text = of.As<std::string>()) {
    RONDA_ASSIGN_OR_RETURN(const size_t i, Place(index, text->size()));
    return Value(int64_t{static_cast<unsigned char>((*text)[i])});
  }
  if (of.As<Labels>() != nullptr || of.As<Dict>() != nullptr) {
    RONDA_ASSIGN_OR_RETURN(const std::string name, ToText(index));
    return of.Field(name);
  }
  return Fail(absl::StatusCode::kInvalidArgument, "can't index item of type {}", of.TypeName());
}

Result Index(Arguments a, const Environment&) {
  Value at = a[0];
  for (const Value& index : a.subspan(1)) {
    RONDA_ASSIGN_OR_RETURN(at, IndexOne(at, index));
  }
  return at;
}

Result Slice(Arguments a, const Environment&) {
  const auto* text = a[0].As<std::string>();
  const auto* list = a[0].As<Value::List>();
  const auto* samples = a[0].As<Value::Samples>();
  if (text == nullptr && list == nullptr && samples == nullptr) {
    return Fail(absl::StatusCode::kInvalidArgument, "can't slice item of type {}", a[0].TypeName());
  }
  const size_t size = text != nullptr   ? text->size()
                      : list != nullptr ? list->size()
                                        : samples->size();
  size_t begin = 0;
  size_t end = size;
  if (a.size() > 1) {
    RONDA_ASSIGN_OR_RETURN(begin, Place(a[1], size + 1));
  }
  if (a.size() > 2) {
    RONDA_ASSIGN_OR_RETURN(end, Place(a[2], size + 1));
  }
  if (begin > end) {
    return Fail(absl::StatusCode::kInvalidArgument, "invalid slice index: {} > {}", begin, end);
  }
  const auto from = static_cast<ptrdiff_t>(begin);
  const auto to = static_cast<ptrdiff_t>(end);
  if (text != nullptr) {
    return Value(text->substr(begin, end - begin));
  }
  if (list != nullptr) {
    return Value(Value::List(list->begin() + from, list->begin() + to));
  }
  return Value(Value::Samples(samples->begin() + from, samples->begin() + to));
}

// A space between two of which none is a text.
Result Print(Arguments a, const Environment&) {
  std::string out;
  for (size_t i = 0; i < a.size(); ++i) {
    if (i > 0 && a[i].As<std::string>() == nullptr && a[i - 1].As<std::string>() == nullptr) {
      out += ' ';
    }
    out += a[i].IsNil() ? "<nil>" : a[i].Print();
  }
  return Value(std::move(out));
}

Result Println(Arguments a, const Environment&) {
  std::string out;
  for (const Value& value : a) {
    out += (out.empty() && &value == a.data() ? "" : " ") + value.Print();
  }
  return Value(out + "\n");
}

Result PrintfOf(Arguments a, const Environment&) {
  RONDA_ASSIGN_OR_RETURN(const std::string format, ToText(a[0]));
  return Value(Printf(format, a.subspan(1)));
}

// What all its arguments print, one after the other.
std::string Joined(Arguments a) {
  std::string out;
  for (const Value& value : a) {
    out += value.Print();
  }
  return out;
}

Result Html(Arguments a, const Environment&) {
  std::string out;
  for (const char c : Joined(a)) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return Value(std::move(out));
}

Result UrlQuery(Arguments a, const Environment&) {
  std::string out;
  for (const char c : Joined(a)) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 ||
        std::string_view("-_.~").find(c) != std::string_view::npos) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return Value(std::move(out));
}

constexpr Function kFunctions[] = {
    {"and", 1, kAny, Last},
    {"or", 1, kAny, Last},
    {"not", 1, 1, Not},
    {"eq", 2, kAny, Eq},
    {"ne", 2, 2, Ne},
    {"lt", 2, 2, Ordered<Less>},
    {"le", 2, 2, Ordered<LessEqual>},
    {"gt", 2, 2, Ordered<Greater>},
    {"ge", 2, 2, Ordered<GreaterEqual>},
    {"len", 1, 1, Len},
    {"index", 1, kAny, Index},
    {"slice", 1, 3, Slice},
    {"print", 0, kAny, Print},
    {"println", 0, kAny, Println},
    {"printf", 1, kAny, PrintfOf},
    {"html", 1, kAny, Html},
    {"urlquery", 1, kAny, UrlQuery},
    {"urlQueryEscape", 1, 1, UrlQuery},
};

}  // namespace

std::span<const Function> GoFunctions() { return kFunctions; }

}  // namespace ronda::tmpl
