#include "collector/cli/sql_output.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "collector/cli/report.h"
#include "collector/promql/number_text.h"

namespace ronda::cli {
namespace {

using sql::Value;

constexpr size_t kPieceBytes = 64 << 10;
constexpr size_t kMeasuredRows = 1000;

std::string NumberText(const Value& value) {
  const auto* integer = std::get_if<int64_t>(&value);
  return integer != nullptr ? fmt::format("{}", *integer)
                            : promql::FormatNumber(std::get<double>(value));
}

bool IsNumber(const Value& value) {
  return std::holds_alternative<int64_t>(value) || std::holds_alternative<double>(value);
}

bool IsNull(const Value& value) { return std::holds_alternative<std::monostate>(value); }

class Csv final : public sql::RowSink {
 public:
  explicit Csv(Console& console) : console_(console) {}

  void Begin(const std::vector<std::string>& columns) override {
    for (size_t i = 0; i < columns.size(); ++i) {
      text_ += i > 0 ? "," : "";
      text_ += CsvField(columns[i]);
    }
    text_ += '\n';
  }

  bool Row(const std::vector<Value>& values) override {
    for (size_t i = 0; i < values.size(); ++i) {
      text_ += i > 0 ? "," : "";
      if (const auto* text = std::get_if<std::string>(&values[i])) {
        text_ += CsvField(*text);
      } else if (!IsNull(values[i])) {
        text_ += NumberText(values[i]);
      }
    }
    text_ += '\n';
    return text_.size() < kPieceBytes || console_.Out(std::exchange(text_, ""));
  }

  void End() override { console_.Out(std::exchange(text_, "")); }

 private:
  Console& console_;
  std::string text_;
};

class Json final : public sql::RowSink {
 public:
  explicit Json(Console& console) : console_(console) {}

  void Begin(const std::vector<std::string>& columns) override {
    names_.clear();
    for (const std::string& column : columns) {
      names_.push_back(JsonString(column));
    }
    text_ = "[";
    first_ = true;
  }

  bool Row(const std::vector<Value>& values) override {
    text_ += std::exchange(first_, false) ? "\n {" : ",\n {";
    for (size_t i = 0; i < values.size(); ++i) {
      text_ += i > 0 ? "," : "";
      text_ += names_[i] + ":" + ValueText(values[i]);
    }
    text_ += '}';
    return text_.size() < kPieceBytes || console_.Out(std::exchange(text_, ""));
  }

  void End() override { console_.Out(std::exchange(text_, "") + (first_ ? "]\n" : "\n]\n")); }

 private:
  static std::string ValueText(const Value& value) {
    if (IsNull(value)) {
      return "null";
    }
    if (const auto* text = std::get_if<std::string>(&value)) {
      return JsonString(*text);
    }
    const auto* number = std::get_if<double>(&value);
    const std::string text = NumberText(value);
    return number != nullptr && !std::isfinite(*number) ? JsonString(text) : text;
  }

  Console& console_;
  std::vector<std::string> names_;
  std::string text_;
  bool first_ = true;
};

class Aligned final : public sql::RowSink {
 public:
  explicit Aligned(Console& console) : console_(console) {}

  void Begin(const std::vector<std::string>& columns) override {
    widths_.clear();
    right_.assign(columns.size(), false);
    held_.clear();
    measured_ = false;
    std::vector<std::string> head;
    for (const std::string& column : columns) {
      head.push_back(Cell::Text(column).text);
      widths_.push_back(DisplayWidth(head.back()));
    }
    held_.push_back(std::move(head));
  }

  bool Row(const std::vector<Value>& values) override {
    std::vector<std::string> cells;
    for (size_t i = 0; i < values.size(); ++i) {
      if (IsNull(values[i])) {
        cells.emplace_back("-");
      } else if (IsNumber(values[i])) {
        cells.push_back(NumberText(values[i]));
        right_[i] = measured_ ? right_[i] : true;
      } else {
        cells.push_back(Cell::Text(std::get<std::string>(values[i])).text);
      }
      if (!measured_) {
        widths_[i] = std::max(widths_[i], DisplayWidth(cells.back()));
      }
    }
    if (!measured_) {
      held_.push_back(std::move(cells));
      return held_.size() <= kMeasuredRows || WriteHeld();
    }
    return Write(cells);
  }

  void End() override { WriteHeld(); }

 private:
  bool WriteHeld() {
    measured_ = true;
    bool first = true;
    bool wanted = true;
    for (const std::vector<std::string>& cells : std::exchange(held_, {})) {
      wanted = Write(cells, std::exchange(first, false));
    }
    return wanted;
  }

  bool Write(const std::vector<std::string>& cells, bool is_head = false) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      const size_t width = DisplayWidth(cells[i]);
      const std::string blanks(widths_[i] > width ? widths_[i] - width : 0, ' ');
      const std::string text =
          is_head ? Paint(cells[i], Colour::kFaint, console_.terminal().colour) : cells[i];
      const bool last = i + 1 == cells.size();
      line += right_[i] ? blanks + text : text + (last ? "" : blanks);
      line += last ? "\n" : "  ";
    }
    return console_.Out(line);
  }

  Console& console_;
  std::vector<size_t> widths_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> held_;
  bool measured_ = false;
};

}  // namespace

std::unique_ptr<sql::RowSink> NewRowSink(Format format, Console& console) {
  switch (format) {
    case Format::kCsv:
      return std::make_unique<Csv>(console);
    case Format::kJson:
      return std::make_unique<Json>(console);
    default:
      return std::make_unique<Aligned>(console);
  }
}

}  // namespace ronda::cli
