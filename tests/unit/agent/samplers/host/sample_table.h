// What the tests of samplers share: a tree of files that they change, and one tick's values.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "agent/samplers/sampler.h"
#include "tests/support/temp_dir.h"

namespace ronda::agent {

// name{a="b"} to value, of the series that have a sample.
std::map<std::string, double> ValuesOf(SeriesTable& table);

// The same for the series of the metric `name` alone.
std::map<std::string, double> ValuesOf(SeriesTable& table, std::string_view name);

// "" or what is wrong: each series must belong to a declared metric, with its type, unit and help,
// and have no label that is not declared.
std::string CheckDeclared(SeriesTable& table, std::span<const MetricDescriptor> metrics);

// A folder that stands for /proc and /sys.
class FakeTree {
 public:
  // Empty, or a copy of tests/testdata/host/NAME.
  FakeTree() = default;
  explicit FakeTree(const std::string& name);

  // Writes in place, as the kernel does: open descriptors see the new content.
  void Write(const std::string& path, std::string_view text);
  void Remove(const std::string& path);
  // Replaces the first `from` in a file.
  void Edit(const std::string& path, std::string_view from, std::string_view to);

  std::string proc() const { return dir_.File("proc"); }
  std::string sys() const { return dir_.File("sys"); }
  std::string root() const { return dir_.path(); }

 private:
  TempDir dir_;
};

}  // namespace ronda::agent
