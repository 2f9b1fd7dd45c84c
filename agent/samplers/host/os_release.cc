#include "agent/samplers/host/os_release.h"

#include <array>
#include <cctype>
#include <iterator>

#include "agent/samplers/host/text.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor kMetrics[] = {
    {"node_os_info", MetricType::kGauge, "",
     "build_id,id,id_like,image_id,image_version,name,pretty_name,variant,variant_id,version,"
     "version_codename,version_id",
     "What os-release says; always 1."},
    {"node_os_version", MetricType::kGauge, "", "id,id_like,name",
     "The number (major.minor) at the front of os-release's VERSION_ID."},
};
// The keys of the labels of node_os_info.
constexpr std::string_view kKeys[] = {"BUILD_ID",      "ID",      "ID_LIKE",          "IMAGE_ID",
                                      "IMAGE_VERSION", "NAME",    "PRETTY_NAME",      "VARIANT",
                                      "VARIANT_ID",    "VERSION", "VERSION_CODENAME", "VERSION_ID"};
constexpr size_t kMaxBytes = 64 << 10;

// A shell word in double or single quotes, or bare.
std::string Unquote(std::string_view text) {
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
      text.back() == text.front()) {
    const bool escapes = text.front() == '"';
    text = text.substr(1, text.size() - 2);
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      if (escapes && text[i] == '\\' && i + 1 < text.size()) {
        ++i;
      }
      out.push_back(text[i]);
    }
    return out;
  }
  return std::string(text);
}

// "12", "22.04"; "" if there is no number.
std::string_view LeadingNumber(std::string_view text) {
  size_t n = 0;
  bool point = false;
  while (n < text.size() && (std::isdigit(static_cast<unsigned char>(text[n])) != 0 ||
                             (text[n] == '.' && n > 0 && !point))) {
    point = point || text[n] == '.';
    ++n;
  }
  text = text.substr(0, n);
  return text.ends_with('.') ? text.substr(0, n - 1) : text;
}

}  // namespace

absl::StatusOr<StringMap<std::string>> ParseOsRelease(std::string_view path,
                                                      std::string_view text) {
  StringMap<std::string> values;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = Trim(TakeLine(&text));
    if (line.empty() || line.starts_with('#')) {
      continue;
    }
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return Fail(absl::StatusCode::kDataLoss, "reading {}: line {} is not KEY=value: '{}'", path,
                  number, line.substr(0, 40));
    }
    values[std::string(line.substr(0, equals))] = Unquote(line.substr(equals + 1));
  }
  return values;
}

OsSampler::OsSampler(const std::string& rootfs) : rootfs_(rootfs == "/" ? "" : rootfs) {}

std::span<const MetricDescriptor> OsSampler::metrics() const { return kMetrics; }

absl::Status OsSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  std::string path = rootfs_ + "/etc/os-release";
  absl::StatusOr<std::string> text = ReadFile(path, kMaxBytes);
  if (absl::IsNotFound(text.status())) {
    path = rootfs_ + "/usr/lib/os-release";
    text = ReadFile(path, kMaxBytes);
  }
  if (absl::IsNotFound(text.status())) {
    return absl::OkStatus();
  }
  RONDA_RETURN_IF_ERROR(text.status());
  RONDA_ASSIGN_OR_RETURN(const StringMap<std::string> values, ParseOsRelease(path, *text));
  std::array<std::string_view, std::size(kKeys)> labels;
  const auto value = [&](std::string_view key) {
    const auto it = values.find(key);
    return it == values.end() ? std::string_view() : std::string_view(it->second);
  };
  for (size_t i = 0; i < labels.size(); ++i) {
    labels[i] = value(kKeys[i]);
  }
  table.Set(table.Declare(kMetrics[0], labels), 1);
  double version = 0;
  if (ParseDecimal(LeadingNumber(value("VERSION_ID")), &version)) {
    table.Set(table.Declare(kMetrics[1], {value("ID"), value("ID_LIKE"), value("NAME")}), version);
  }
  return absl::OkStatus();
}

}  // namespace ronda::agent
