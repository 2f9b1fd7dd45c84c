#include "common/model/node_checks.h"

#include <algorithm>
#include <iterator>

#include "common/base/status.h"

namespace ronda {
namespace {

constexpr std::string_view kReservedLabels[] = {"node", "instance", "job", "le", "quantile"};

}  // namespace

absl::Status CheckNodeName(std::string_view name) {
  if (name.empty() || name.size() > 253) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "the node's name must have 1 to 253 characters, it has {}", name.size());
  }
  for (const char c : name) {
    const auto b = static_cast<unsigned char>(c);
    if (b <= 0x20 || b == 0x7f || c == '"' || c == '\\' || c == '/') {
      return Fail(absl::StatusCode::kInvalidArgument,
                  "the node's name holds a character that is not allowed (blank, control, quote, "
                  "slash)");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckNodeLabels(const Labels& labels) {
  if (labels.size() > 32) {
    return Fail(absl::StatusCode::kInvalidArgument, "the node has {} labels, 32 are allowed",
                labels.size());
  }
  for (const Label& label : labels.all()) {
    if (!IsLabelName(label.name) || label.name.size() > 128 || label.value.size() > 1024) {
      return Fail(absl::StatusCode::kInvalidArgument,
                  "the node's label {} is not a label name or is too long",
                  QuoteLabelValue(label.name.substr(0, 128)));
    }
    const auto* reserved =
        std::find(std::begin(kReservedLabels), std::end(kReservedLabels), label.name);
    if (reserved != std::end(kReservedLabels)) {
      return Fail(absl::StatusCode::kInvalidArgument, "the node's label {} is reserved",
                  label.name);
    }
  }
  return absl::OkStatus();
}

}  // namespace ronda
