// gzip (RFC 1952) both ways.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace ronda::http {

// At the fastest level: the receiver is near, or the link is fast.
std::string Gzip(std::string_view bytes);

// kInvalidArgument if it is not whole; kResourceExhausted above `max_bytes`, before more than that
// is decoded.
absl::StatusOr<std::string> Gunzip(std::string_view bytes, size_t max_bytes);

}  // namespace ronda::http
