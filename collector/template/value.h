// What a template works on: the values of Go's text/template as far as alert texts have them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/labels.h"

namespace ronda::tmpl {

class Value;

// One of what query() gives: .Labels and .Value.
struct Sample {
  Labels labels;
  double value = 0;
};

// Values by name: what {{ .Name }} is taken from. Of an open one a name that is not there is nil,
// of another an error.
struct Dict {
  std::map<std::string, Value, std::less<>> entries;
  bool open = false;
};

struct Time {
  double seconds = 0;  // since the epoch, UTC
};

struct Duration {
  double seconds = 0;
};

// Cheap to copy: what is large is shared and never changed.
class Value {
 public:
  using List = std::vector<Value>;
  using Samples = std::vector<Sample>;

  Value() = default;  // nil
  explicit Value(bool v) : data_(v) {}
  explicit Value(int64_t v) : data_(v) {}
  explicit Value(double v) : data_(v) {}
  explicit Value(std::string v) : data_(std::move(v)) {}
  explicit Value(Time v) : data_(v) {}
  explicit Value(Duration v) : data_(v) {}
  explicit Value(Labels v) : data_(std::make_shared<const Labels>(std::move(v))) {}
  explicit Value(Sample v) : data_(std::make_shared<const Sample>(std::move(v))) {}
  explicit Value(Samples v) : data_(std::make_shared<const Samples>(std::move(v))) {}
  explicit Value(List v) : data_(std::make_shared<const List>(std::move(v))) {}
  explicit Value(Dict v) : data_(std::make_shared<const Dict>(std::move(v))) {}
  explicit Value(const char*) = delete;

  // Null if it is of another type.
  template <typename T>
  const T* As() const {
    if constexpr (std::is_same_v<T, Labels> || std::is_same_v<T, Sample> ||
                  std::is_same_v<T, Samples> || std::is_same_v<T, List> ||
                  std::is_same_v<T, Dict>) {
      const auto* shared = std::get_if<std::shared_ptr<const T>>(&data_);
      return shared != nullptr ? shared->get() : nullptr;
    } else {
      return std::get_if<T>(&data_);
    }
  }
  bool IsNil() const { return std::holds_alternative<std::monostate>(data_); }

  // False are nil, false, 0, "" and what is empty.
  bool Truth() const;
  // As Go's %v: map[a:1 b:2] for labels, 1e+06 for a number, <no value> for nil.
  std::string Print() const;
  // Go's name of its type: "float64", "string", "map[string]string".
  std::string_view TypeName() const;

  // {{ .name }}. kInvalidArgument if it has no such field. A label that is not there is "".
  absl::StatusOr<Value> Field(std::string_view name) const;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, Time, Duration,
               std::shared_ptr<const Labels>, std::shared_ptr<const Sample>,
               std::shared_ptr<const Samples>, std::shared_ptr<const List>,
               std::shared_ptr<const Dict>>
      data_;
};

// A number as Go's %v prints a float64: the shortest form, with an exponent below 1e-4 and from
// 1e21 on.
std::string PrintNumber(double v);
// 2026-11-20 10:00:00 +0000 UTC.
std::string PrintTime(Time time);
// 1h1m40s, 1.5s, 300ms.
std::string PrintDuration(Duration duration);

}  // namespace ronda::tmpl
