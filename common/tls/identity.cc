#include "common/tls/identity.h"

#include <fmt/format.h>

#include <algorithm>

namespace ronda::tls {
namespace {

constexpr std::string_view kNode = "ronda:node:";
constexpr std::string_view kUser = "ronda:user:";
constexpr std::string_view kCollector = "ronda:collector:";

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

std::string Encode(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (IsPlain(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

int HexDigit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string Decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
        HexDigit(text[i + 2]) >= 0) {
      out += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

std::string IdentityUri(const Identity& identity) {
  switch (identity.kind) {
    case IdentityKind::kUser:
      return fmt::format("{}{}:{}", kUser, identity.role, Encode(identity.name));
    case IdentityKind::kCollector:
      return std::string(kCollector) + Encode(identity.name);
    case IdentityKind::kNode:
      break;
  }
  return std::string(kNode) + Encode(identity.name);
}

Identity IdentityOf(const CertificateInfo& certificate) {
  for (const std::string& uri : certificate.uris) {
    if (uri.starts_with(kNode)) {
      return {IdentityKind::kNode, Decode(uri.substr(kNode.size())), ""};
    }
    if (uri.starts_with(kCollector)) {
      return {IdentityKind::kCollector, Decode(uri.substr(kCollector.size())), ""};
    }
    if (uri.starts_with(kUser)) {
      const std::string rest = uri.substr(kUser.size());
      const size_t colon = std::min(rest.find(':'), rest.size());
      return {IdentityKind::kUser, Decode(rest.substr(std::min(colon + 1, rest.size()))),
              rest.substr(0, colon)};
    }
  }
  return {IdentityKind::kNode, certificate.common_name, ""};
}

bool IsDnsName(std::string_view name) {
  if (name.empty() || name.size() > 253 || name.front() == '.' || name.front() == '-' ||
      name.find("..") != std::string_view::npos) {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [](char c) { return IsPlain(c) && c != '_'; });
}

}  // namespace ronda::tls
