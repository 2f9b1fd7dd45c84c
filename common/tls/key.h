// Private keys and the requests for certificates that they sign.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace ronda::tls {

// A new P-256 key as PKCS#8 PEM. A secret: write it with WriteKeyFile() (files.h) alone.
absl::StatusOr<std::string> NewKey();

// A request (PKCS#10, PEM) for a certificate of that key, signed by it. The name is a hint for
// people: whoever signs decides about names. kInvalidArgument: not a key.
absl::StatusOr<std::string> NewRequest(std::string_view key_pem, std::string_view common_name);

}  // namespace ronda::tls
