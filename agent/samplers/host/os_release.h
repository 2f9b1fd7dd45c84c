// os-release(5): the distribution.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "agent/samplers/sampler.h"
#include "common/base/strings.h"

namespace ronda::agent {

// The assignments of an os-release file, unquoted. kDataLoss names the file and the line.
absl::StatusOr<StringMap<std::string>> ParseOsRelease(std::string_view path, std::string_view text);

class OsSampler : public Sampler {
 public:
  explicit OsSampler(const std::string& rootfs);

  std::string_view name() const override { return "os"; }
  std::span<const MetricDescriptor> metrics() const override;
  int interval_s() const override { return 60; }
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  const std::string rootfs_;
};

}  // namespace ronda::agent
