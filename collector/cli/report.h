// Rows for people (an aligned table) and for machines (CSV, JSON) from one description.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ronda::cli {

enum class Colour { kNone, kGood, kWarn, kBad, kFaint };

// `text` in that colour by ANSI escapes, or as it is.
std::string Paint(std::string_view text, Colour colour, bool enabled);

// A field as RFC 4180 has it: in quotes where it holds a comma, a quote or a line break. Lines end
// in LF alone, as cut, awk and sort want them.
std::string CsvField(std::string_view text);
// In double quotes, escaped; bytes that are not UTF-8 become U+FFFD.
std::string JsonString(std::string_view text);
// Columns that a text takes on a terminal, one for each character.
size_t DisplayWidth(std::string_view text);

struct Cell {
  std::string text;       // for people
  std::string raw;        // for machines
  bool json_raw = false;  // `raw` is JSON (a number, true, an object) and not a string; "" is null
  Colour colour = Colour::kNone;

  static Cell Text(std::string_view value, Colour colour = Colour::kNone);
  static Cell Number(int64_t value, std::string_view human);
  // Human text for people, a string for machines.
  static Cell Both(std::string_view human, std::string_view raw, Colour colour = Colour::kNone);
  // No value: "-" for people, an empty field, null.
  static Cell None();
};

struct Column {
  std::string title;   // for people
  std::string key;     // for machines
  bool right = false;  // aligned right
};

class Report {
 public:
  explicit Report(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as columns.
  void Add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }

  // With a head; columns two blanks apart, the last one not padded.
  std::string ToTable(bool colour) const;
  std::string ToCsv() const;
  // An array of objects, one a line.
  std::string ToJson() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace ronda::cli
