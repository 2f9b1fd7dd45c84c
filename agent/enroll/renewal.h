// Getting the next certificate in time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/tls/files.h"

namespace ronda::agent {

struct RenewalOptions {
  std::vector<std::string> collectors;  // host:port, tried in order
  tls::Files files;
};

// One thread that looks at the certificate now and then, and has the same key signed again when two
// thirds of its life are over, until it works. The stream takes the new one at its next connection.
// The key stays: so one file is replaced, whole, and no crash leaves a key without its certificate;
// a new key comes with a new enrolment.
class Renewal {
 public:
  // `clock` must outlive it.
  Renewal(RenewalOptions options, const Clock& clock);
  ~Renewal();

  void Start();
  // Idempotent.
  void Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ronda::agent
