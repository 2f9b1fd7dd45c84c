#include "tests/unit/agent/samplers/host/sample_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "common/base/files.h"
#include "gtest/gtest.h"

namespace ronda::agent {
namespace {

std::set<std::string> SplitLabels(std::string_view names) {
  std::set<std::string> out;
  while (!names.empty()) {
    const size_t comma = std::min(names.find(','), names.size());
    out.insert(std::string(names.substr(0, comma)));
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  return out;
}

}  // namespace

std::map<std::string, double> ValuesOf(SeriesTable& table) {
  std::map<std::string, double> values;
  const Schema& schema = *table.schema();
  for (size_t i = 0; i < schema.series.size(); ++i) {
    if (!IsStale(table.values()[i])) {
      Labels labels = schema.series[i].labels;
      labels.Set(kMetricName, schema.metric_of(i).name);
      values[labels.ToString()] = table.values()[i];
    }
  }
  return values;
}

std::map<std::string, double> ValuesOf(SeriesTable& table, std::string_view name) {
  std::map<std::string, double> values = ValuesOf(table);
  std::erase_if(values, [&](const auto& entry) {
    return std::string_view(entry.first).substr(0, entry.first.find('{')) != name;
  });
  return values;
}

std::string CheckDeclared(SeriesTable& table, std::span<const MetricDescriptor> metrics) {
  const Schema& schema = *table.schema();
  for (size_t i = 0; i < schema.series.size(); ++i) {
    const MetricInfo& info = schema.metric_of(i);
    const auto it = std::find_if(metrics.begin(), metrics.end(),
                                 [&](const MetricDescriptor& m) { return m.name == info.name; });
    if (it == metrics.end()) {
      return info.name + " is not declared";
    }
    if (it->type != info.type || it->unit != info.unit || it->help != info.help) {
      return info.name + " is not what it is declared as";
    }
    const std::set<std::string> declared = SplitLabels(it->labels);
    for (const Label& label : schema.series[i].labels.all()) {
      if (!declared.contains(label.name)) {
        return info.name + " has the label " + label.name + ", which is not declared";
      }
    }
  }
  return "";
}

FakeTree::FakeTree(const std::string& name) {
  std::filesystem::copy(
      TestData("host/" + name), dir_.path(),
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
}

void FakeTree::Write(const std::string& path, std::string_view text) {
  const std::filesystem::path full = dir_.File(path);
  std::filesystem::create_directories(full.parent_path());
  std::ofstream(full, std::ios::trunc | std::ios::binary) << text;
}

void FakeTree::Remove(const std::string& path) { std::filesystem::remove_all(dir_.File(path)); }

void FakeTree::Edit(const std::string& path, std::string_view from, std::string_view to) {
  std::string text = ReadFile(dir_.File(path)).value();
  const size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << path << " has no " << from;
  Write(path, text.replace(at, from.size(), to));
}

}  // namespace ronda::agent
