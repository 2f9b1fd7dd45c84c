// Prometheus and Alertmanager as Debian has them, asked to tell as soon as they can.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/process.h"

namespace ronda::bench {

struct AlertPeerOptions {
  std::string dir;    // for their files; must be there
  int nodes = 0;      // to scrape
  int port = 0;       // of 127.0.0.1, where node N is under /N
  std::string rules;  // a rule file's text
  std::string webhook;
};

// Scrapes and evaluates each second, and groups nothing: group_wait 0 s, group_interval 1 s, which
// is as small as one would set them.
class AlertPeer {
 public:
  // "" if both are installed, else what is missing.
  static std::string Missing();
  // kUnavailable if one of them does not start; their logs are in `dir`.
  static absl::StatusOr<std::unique_ptr<AlertPeer>> Start(const AlertPeerOptions& options);

  // CPU seconds so far, and memory now, of both together.
  double cpu_seconds() const;
  double rss_mib() const;
  // Both in order.
  void Stop();

 private:
  AlertPeer() = default;

  Process prometheus_;
  Process alertmanager_;
};

}  // namespace ronda::bench
