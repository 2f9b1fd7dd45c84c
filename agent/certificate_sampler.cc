#include "agent/certificate_sampler.h"

#include <utility>

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/tls/certificate.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor kMetrics[] = {
    {"ronda_certificate_expiry_seconds", MetricType::kGauge, "seconds", "",
     "Time for which the certificate of the agent is still good; negative once it is over."},
};

}  // namespace

CertificateSampler::CertificateSampler(tls::Files files, const Clock& clock)
    : files_(std::move(files)), clock_(clock) {}

std::span<const MetricDescriptor> CertificateSampler::metrics() const { return kMetrics; }

absl::Status CertificateSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  RONDA_ASSIGN_OR_RETURN(const std::string pem, ReadFile(files_.certificate, 1 << 20));
  const auto info = tls::ReadCertificate(pem);
  if (!info.ok()) {
    return Annotate(info.status(), files_.certificate);
  }
  const int64_t left_ms = info->not_after_ms - clock_.NowMs();
  table.Set(table.Declare(kMetrics[0]), static_cast<double>(left_ms / 1000));
  return absl::OkStatus();
}

}  // namespace ronda::agent
