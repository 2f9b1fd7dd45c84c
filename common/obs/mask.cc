#include "common/obs/mask.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace ronda::obs {
namespace {

constexpr std::string_view kMask = "<secret>";

// Keys whose value is a secret, as whole words in front of '=' or ':'; "db_" or "x-" may stand
// before them.
constexpr std::array<std::string_view, 14> kSecretKeys{
    "password", "passwd", "pwd",     "pgpassword", "passphrase",    "secret",      "token",
    "api_key",  "apikey", "api-key", "access_key", "client_secret", "private_key", "sslpassword"};

// URLs whose path is the credential: what follows the marker is masked up to the URL's end.
constexpr std::array<std::string_view, 5> kSecretPaths{
    "api.telegram.org/bot", "hooks.slack.com/services/", "discord.com/api/webhooks/",
    "discordapp.com/api/webhooks/", "webhook.office.com/"};

constexpr std::string_view kBearer = "bearer ";
constexpr std::string_view kBasic = "basic ";

bool IsWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
char Lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }
bool EndsUrl(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0 || c == '"' || c == '\'' || c == '<' ||
         c == '>' || c == '`';
}

// True if `lower`, which stands in lower case, is at `at` of `text`.
bool IsAt(std::string_view text, size_t at, std::string_view lower) {
  if (text.size() - at < lower.size()) {
    return false;
  }
  for (size_t i = 0; i < lower.size(); ++i) {
    if (Lower(text[at + i]) != lower[i]) {
      return false;
    }
  }
  return true;
}

size_t FindUrlEnd(std::string_view text, size_t at) {
  while (at < text.size() && !EndsUrl(text[at])) {
    ++at;
  }
  return at;
}

struct Span {
  size_t begin = 0;
  size_t end = 0;  // == begin: nothing here
};

// The value behind a key that ends at `at`: ="v", = 'v', : v, =v&..., and JSON's ": "v".
Span ValueSpan(std::string_view text, size_t at) {
  if (at < text.size() && (text[at] == '"' || text[at] == '\'')) {
    ++at;  // the quote that closes a JSON key
  }
  while (at < text.size() && text[at] == ' ') {
    ++at;
  }
  if (at >= text.size() || (text[at] != '=' && text[at] != ':')) {
    return {};
  }
  const bool colon = text[at] == ':';
  ++at;
  while (at < text.size() && text[at] == ' ') {
    ++at;
  }
  if (at >= text.size()) {
    return {};
  }
  const char quote = text[at];
  if (quote == '"' || quote == '\'') {
    size_t end = ++at;
    while (end < text.size() && text[end] != quote) {
      end += text[end] == '\\' ? 2 : 1;
    }
    return {at, std::min(end, text.size())};
  }
  size_t end = at;
  while (end < text.size() && !EndsUrl(text[end]) && text[end] != '&' &&
         !(colon && text[end] == ',')) {
    end += text[end] == '\\' ? 2 : 1;
  }
  return {at, std::min(end, text.size())};
}

bool IsPort(std::string_view text) {
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

// "basic settings" is prose; base64 has capitals, digits or '='.
bool LooksEncoded(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '=';
  });
}

// What to mask if a secret begins at `at`, or nothing.
Span SecretAt(std::string_view text, size_t at) {
  const bool word_start = at == 0 || !IsWord(text[at - 1]);
  if (text[at] == ':' && IsAt(text, at, "://")) {
    // user:password@host: the '@' that counts is the last one before the path.
    const size_t authority = at + 3;
    const std::string_view url = text.substr(authority, FindUrlEnd(text, authority) - authority);
    const size_t colon = url.find(':');
    const size_t path = url.find_first_of("/?#");
    size_t host = url.substr(0, path).rfind('@');
    if (host == std::string_view::npos && colon < path &&
        !IsPort(url.substr(colon + 1, path - colon - 1))) {
      host = url.rfind('@');  // a password with a '/' that somebody did not escape
    }
    if (host != std::string_view::npos && colon < host) {
      return {authority + colon + 1, authority + host};
    }
    return {};
  }
  if (!word_start) {
    return {};
  }
  for (const std::string_view marker : kSecretPaths) {
    if (IsAt(text, at, marker)) {
      return {at + marker.size(), FindUrlEnd(text, at + marker.size())};
    }
  }
  if (IsAt(text, at, kBearer)) {
    return {at + kBearer.size(), FindUrlEnd(text, at + kBearer.size())};
  }
  if (IsAt(text, at, kBasic)) {
    const Span span{at + kBasic.size(), FindUrlEnd(text, at + kBasic.size())};
    return LooksEncoded(text.substr(span.begin, span.end - span.begin)) ? span : Span{};
  }
  for (const std::string_view key : kSecretKeys) {
    const size_t end = at + key.size();
    if (IsAt(text, at, key) && (end == text.size() || (!IsWord(text[end]) && text[end] != '_'))) {
      return ValueSpan(text, end);
    }
  }
  return {};
}

}  // namespace

std::string MaskSecrets(std::string_view text) {
  std::string masked;
  masked.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Span span = SecretAt(text, at);
    if (span.end > span.begin) {
      masked += text.substr(at, span.begin - at);
      masked += kMask;
      at = span.end;
    } else {
      masked += text[at++];
    }
  }
  return masked;
}

}  // namespace ronda::obs
