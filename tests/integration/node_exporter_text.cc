#include "tests/integration/node_exporter_text.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "common/model/labels.h"

namespace ronda {
namespace {

// "a="b",c="d"}": takes the labels and the brace off *rest. False if that is not what it is.
bool TakeLabels(std::string_view* rest, std::vector<Label>* labels) {
  while (!rest->starts_with('}')) {
    const size_t equals = rest->find("=\"");
    if (equals == std::string_view::npos) {
      return false;
    }
    Label label{std::string(rest->substr(0, equals)), ""};
    size_t i = equals + 2;
    for (; i < rest->size() && (*rest)[i] != '"'; ++i) {
      if ((*rest)[i] == '\\' && i + 1 < rest->size()) {
        ++i;
        label.value.push_back((*rest)[i] == 'n' ? '\n' : (*rest)[i]);
      } else {
        label.value.push_back((*rest)[i]);
      }
    }
    if (i >= rest->size()) {
      return false;
    }
    labels->push_back(std::move(label));
    rest->remove_prefix(i + 1);
    if (rest->starts_with(',')) {
      rest->remove_prefix(1);
    }
  }
  rest->remove_prefix(1);
  return true;
}

}  // namespace

std::map<std::string, ExposedSeries> ParseExposition(std::string_view text) {
  std::map<std::string, ExposedSeries> all;
  std::map<std::string, std::string, std::less<>> types;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    constexpr std::string_view kType = "# TYPE ";
    if (line.starts_with(kType)) {
      line.remove_prefix(kType.size());
      const size_t blank = line.find(' ');
      types[std::string(line.substr(0, blank))] = line.substr(blank + 1);
      continue;
    }
    if (line.empty() || line.starts_with('#')) {
      continue;
    }
    const size_t name_end = line.find_first_of("{ ");
    const std::string metric(line.substr(0, name_end));
    line.remove_prefix(std::min(name_end, line.size()));
    std::vector<Label> labels;
    if (line.starts_with('{')) {
      line.remove_prefix(1);
      if (!TakeLabels(&line, &labels)) {
        all["error"];
        continue;
      }
    }
    all[Labels::Of(metric, std::move(labels)).ToString()] = {
        metric, types[metric], std::strtod(std::string(line).c_str(), nullptr)};
  }
  return all;
}

}  // namespace ronda
