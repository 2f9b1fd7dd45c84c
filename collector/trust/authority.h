// The collector's side of TLS: its own certificate, whom it trusts, and what it signs.
//
// Either Ronda's own authority, in the folder `trust` of the data folder:
//
//   ca.pem, ca.key                the authority, for ten years
//   collector.pem, collector.key  what it signed for this collector; made anew by itself
//
// or files of an authority of the user's: then nothing is signed here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/access/peer.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/tls/files.h"
#include "common/tls/issue.h"

namespace ronda::trust {

inline constexpr int64_t kCertificateDays = 90;

// Thread-safe.
class Authority {
 public:
  struct Options {
    std::string dir;                 // of Ronda's own authority
    std::vector<std::string> names;  // further names and addresses of this collector
    tls::Files files;                // of another authority; empty: Ronda's own
    // How long signed certificates are good.
    int64_t valid_ms = kCertificateDays * tls::kDayMs;
  };

  // Makes the folder and the authority if they are not there. Errors name the file.
  static absl::StatusOr<std::unique_ptr<Authority>> Open(const Options& options,
                                                         const Clock& clock);
  // Whether there is one in `dir`.
  static bool Exists(const std::string& dir);

  // The collector's own, for the server.
  std::shared_ptr<const tls::Material> own() const;
  // Who is trusted (PEM), and its SHA-256.
  std::string ca() const;
  std::string ca_fingerprint() const;
  bool can_sign() const { return options_.files.empty(); }

  // kFailedPrecondition if this authority is the user's; kInvalidArgument: the request is bad.
  absl::StatusOr<std::string> SignNode(std::string_view request_pem, const std::string& node) const;
  absl::StatusOr<std::string> SignUser(std::string_view request_pem, const std::string& name,
                                       access::Role role) const;

  // Who presented these certificates. kUnauthenticated says why they are not believed. Without any
  // the peer is anonymous.
  absl::StatusOr<access::Peer> Identify(const std::string& chain_pem) const;

  // Reads the files again if they have changed, and makes the own certificate anew when two thirds
  // of its life are over, or the machine has a new address. An error keeps what was in force. Each
  // minute, and on SIGHUP.
  absl::Status Refresh();

 private:
  Authority(const Options& options, const Clock& clock) : options_(options), clock_(clock) {}
  tls::Files OwnFiles() const;
  absl::Status MakeAuthority() const;
  absl::StatusOr<tls::Pair> SigningPair() const;
  absl::StatusOr<bool> NeedsOwnCertificate() const;
  absl::Status MakeOwnCertificate() const;

  const Options options_;
  const Clock& clock_;
  mutable Mutex mu_;
  std::shared_ptr<const tls::Material> material_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda::trust
