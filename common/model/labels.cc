#include "common/model/labels.h"

#include <algorithm>

#include "common/base/utf8.h"

namespace ronda {

Labels::Labels(std::vector<Label> labels) : labels_(std::move(labels)) {
  std::stable_sort(labels_.begin(), labels_.end(),
                   [](const Label& a, const Label& b) { return a.name < b.name; });
  std::vector<Label> kept;
  kept.reserve(labels_.size());
  for (size_t i = 0; i < labels_.size(); ++i) {
    const bool last_of_name = i + 1 == labels_.size() || labels_[i + 1].name != labels_[i].name;
    if (last_of_name && !labels_[i].value.empty()) {
      kept.push_back(std::move(labels_[i]));
    }
  }
  labels_ = std::move(kept);
}

Labels Labels::Of(std::string_view metric, std::vector<Label> labels) {
  labels.push_back({std::string(kMetricName), std::string(metric)});
  return Labels(std::move(labels));
}

std::string_view Labels::Get(std::string_view name) const {
  for (const Label& label : labels_) {
    if (label.name == name) {
      return label.value;
    }
  }
  return {};
}

void Labels::Set(std::string_view name, std::string_view value) {
  auto it = std::lower_bound(labels_.begin(), labels_.end(), name,
                             [](const Label& l, std::string_view n) { return l.name < n; });
  const bool found = it != labels_.end() && it->name == name;
  if (value.empty()) {
    if (found) {
      labels_.erase(it);
    }
  } else if (found) {
    it->value = value;
  } else {
    labels_.insert(it, {std::string(name), std::string(value)});
  }
}

std::string Labels::ToString() const {
  const std::string_view metric = Get(kMetricName);
  const bool plain = metric.empty() || IsMetricName(metric);
  std::string out(plain ? metric : "");
  std::string inner(plain ? "" : QuoteLabelValue(metric));
  for (const Label& label : labels_) {
    if (label.name == kMetricName) {
      continue;
    }
    if (!inner.empty()) {
      inner += ',';
    }
    inner += IsLabelName(label.name) ? label.name : QuoteLabelValue(label.name);
    inner += '=';
    inner += QuoteLabelValue(label.value);
  }
  if (!inner.empty() || out.empty()) {
    out += '{' + inner + '}';
  }
  return out;
}

std::string QuoteLabelValue(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  out += '"';
  return out;
}

namespace {

bool IsPlain(std::string_view name, bool colon) {
  if (name.empty()) {
    return false;
  }
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9' && i > 0;
    if (!letter && !digit && !(colon && c == ':')) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool IsName(std::string_view name) { return !name.empty() && IsUtf8(name); }
bool IsLabelName(std::string_view name) { return IsPlain(name, false); }
bool IsMetricName(std::string_view name) { return IsPlain(name, true); }

}  // namespace ronda
