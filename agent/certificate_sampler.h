// How long this node's certificate is still good.
#pragma once

#include "agent/samplers/sampler.h"
#include "common/base/clock.h"
#include "common/tls/files.h"

namespace ronda::agent {

class CertificateSampler : public Sampler {
 public:
  // `clock` must outlive it.
  CertificateSampler(tls::Files files, const Clock& clock);

  std::string_view name() const override { return "certificate"; }
  std::span<const MetricDescriptor> metrics() const override;
  int interval_s() const override { return 5; }
  // The file is read each time: it is replaced when the certificate is renewed.
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  const tls::Files files_;
  const Clock& clock_;
};

}  // namespace ronda::agent
