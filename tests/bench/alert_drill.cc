#include "tests/bench/alert_drill.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

namespace ronda::bench {
namespace {

// Far above all that a host measures, and exact as a decimal.
constexpr double kThreshold = 1e15;
constexpr double kRaised = 1.5e15;
constexpr std::string_view kName = "Drill";

int64_t SteadyNs(std::chrono::steady_clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
}

std::string SelectorOf(const ScaleSet& set, size_t series) {
  Labels labels = set.schema->series[series].labels;
  labels.Set(kMetricName, set.schema->metric_of(static_cast<uint32_t>(series)).name);
  return labels.ToString();
}

// A message is about: node, series; status.
using Subject = std::tuple<int, uint32_t, std::string>;

std::optional<int> NumberAfter(const std::string& text, std::string_view prefix) {
  int number = 0;
  if (!text.starts_with(prefix)) {
    return std::nullopt;
  }
  const auto [end, error] =
      std::from_chars(text.data() + prefix.size(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number)
                                                                  : std::nullopt;
}

}  // namespace

std::string DrillRules(const ScaleSet& set, int rules, const std::string& group) {
  std::string yaml =
      fmt::format("groups:\n  - name: drill\n{}    rules:{}\n",
                  group.empty() ? "" : "    " + group + "\n", rules == 0 ? " []" : "");
  for (int i = 0; i < rules; ++i) {
    const size_t series = static_cast<size_t>(i) % set.series();
    const int level = i / static_cast<int>(set.series());
    yaml += fmt::format(
        "      - alert: {}{}\n        expr: '{} > {}'\n"
        "        labels: {{severity: critical}}\n"
        "        annotations: {{summary: \"{{{{ $labels.node }}}} has {{{{ $value }}}}\"}}\n",
        kName, i, SelectorOf(set, series), kThreshold * (1 + 9 * level));
  }
  return yaml;
}

AlertDrill::AlertDrill(const ScaleSet& set, int nodes, double per_second, uint64_t seed)
    : set_(set), chance_(per_second / nodes), random_(seed) {}

std::optional<ReplacedValue> AlertDrill::Before(int node, int64_t sampled_ns) {
  if (const auto up = up_.find(node); up != up_.end()) {
    lowered_at_.emplace(Pair(node, up->second), sampled_ns);
    up_.erase(up);
    return std::nullopt;
  }
  if (!raising_ || static_cast<double>(random_() >> 11) * 0x1p-53 >= chance_) {
    return std::nullopt;
  }
  const auto series = static_cast<uint32_t>(random_() % set_.series());
  if (!raised_at_.emplace(Pair(node, series), sampled_ns).second) {
    return std::nullopt;
  }
  up_.emplace(node, series);
  return ReplacedValue{series, kRaised};
}

DrillFigures AlertDrill::Judge(const std::vector<HttpSink::Request>& requests,
                               bool resolved) const {
  DrillFigures figures;
  figures.raised = raised();
  absl::flat_hash_map<std::string, int> nodes;
  for (const auto& [pair, at_ns] : raised_at_) {
    nodes.emplace(ScaleSet::NodeName(pair.first), pair.first);
  }
  std::map<Subject, int64_t> told;  // when first
  const auto unasked = [&figures](const std::string& what) {
    ++figures.unasked;
    figures.example = what;
  };
  for (const HttpSink::Request& request : requests) {
    const nlohmann::json message = nlohmann::json::parse(request.body, nullptr, false);
    for (const auto& alert : message.value("alerts", nlohmann::json::array())) {
      const nlohmann::json& labels = alert["labels"];
      const auto node = nodes.find(labels.value("node", ""));
      const auto series = NumberAfter(labels.value("alertname", ""), kName);
      const std::string status = alert.value("status", "");
      if (node == nodes.end() || !series ||
          !raised_at_.contains(Pair(node->second, static_cast<uint32_t>(*series)))) {
        unasked(fmt::format("nobody raised {}", labels.dump()));
        continue;
      }
      const Subject subject(node->second, static_cast<uint32_t>(*series), status);
      if (!told.emplace(subject, SteadyNs(request.received)).second && resolved) {
        unasked(fmt::format("told twice that it is {}: {}", status, labels.dump()));
      }
    }
  }
  const auto take = [&](const absl::flat_hash_map<Pair, int64_t>& sampled, const char* status,
                        std::vector<float>* out) {
    for (const auto& [pair, at_ns] : sampled) {
      const auto at = told.find(Subject(pair.first, pair.second, status));
      if (at == told.end()) {
        ++figures.untold;
        figures.example = fmt::format("not told that {}{} of {} is {}", kName, pair.second,
                                      ScaleSet::NodeName(pair.first), status);
      } else {
        out->push_back(static_cast<float>(at->second - at_ns) / 1e6F);
      }
    }
  };
  take(raised_at_, "firing", &figures.firing_ms);
  if (resolved) {
    take(lowered_at_, "resolved", &figures.resolved_ms);
  }
  return figures;
}

}  // namespace ronda::bench
