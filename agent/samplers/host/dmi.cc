#include "agent/samplers/host/dmi.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <iterator>

#include "agent/samplers/host/text.h"
#include "common/base/files.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor kMetrics[] = {
    {"node_dmi_info", MetricType::kGauge, "",
     "bios_date,bios_release,bios_vendor,bios_version,board_asset_tag,board_name,board_serial,"
     "board_vendor,board_version,chassis_asset_tag,chassis_serial,chassis_vendor,chassis_version,"
     "product_family,product_name,product_serial,product_sku,product_uuid,product_version,"
     "system_vendor",
     "What the firmware says about the machine; always 1. Files that the agent may not read are "
     "left out."},
};
// The labels' files.
constexpr std::string_view kFiles[] = {
    "bios_date",      "bios_release",   "bios_vendor",     "bios_version",    "board_asset_tag",
    "board_name",     "board_serial",   "board_vendor",    "board_version",   "chassis_asset_tag",
    "chassis_serial", "chassis_vendor", "chassis_version", "product_family",  "product_name",
    "product_serial", "product_sku",    "product_uuid",    "product_version", "sys_vendor"};
constexpr size_t kMaxBytes = 4096;

}  // namespace

DmiSampler::DmiSampler(const std::string& sysfs) : path_(sysfs + "/class/dmi/id") {}

std::span<const MetricDescriptor> DmiSampler::metrics() const { return kMetrics; }

absl::Status DmiSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  if (access(path_.c_str(), F_OK) != 0) {
    return absl::OkStatus();
  }
  std::array<std::string, std::size(kFiles)> values;
  std::array<std::string_view, std::size(kFiles)> labels;
  for (size_t i = 0; i < labels.size(); ++i) {
    // Serial numbers are for root only.
    values[i] = ReadFile(fmt::format("{}/{}", path_, kFiles[i]), kMaxBytes).value_or("");
    labels[i] = Trim(values[i]);
  }
  table.Set(table.Declare(kMetrics[0], labels), 1);
  return absl::OkStatus();
}

}  // namespace ronda::agent
