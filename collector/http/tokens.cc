// Tested by tests/unit/collector/http/tokens_test.cc.
#include "collector/http/tokens.h"

#include <openssl/crypto.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "common/base/digest.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/model/labels.h"
#include "common/obs/log.h"

namespace ronda::http {
namespace {

constexpr int64_t kLookEveryMs = 1000;
constexpr size_t kMaxFileBytes = 4 << 20;
constexpr size_t kHashDigits = 64;

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-").find(c) != std::string_view::npos;
  });
}

bool IsHash(std::string_view text) {
  return text.size() == kHashDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

absl::StatusOr<TokenEntry> ParseLine(std::string_view line) {
  std::vector<std::string> words =
      absl::StrSplit(ToAbsl(line), absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
  if (words.size() < 3) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "expected NAME ROLE SHA256, as `ronda-collector token add` writes it");
  }
  TokenEntry entry;
  if (!IsName(words[0])) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "\"{}\" is no name: letters, digits and . _ - are allowed", words[0]);
  }
  entry.identity.name = words[0];
  RONDA_ASSIGN_OR_RETURN(entry.identity.role, ParseRole(words[1]));
  if (!IsHash(words[2])) {
    return Fail(absl::StatusCode::kInvalidArgument, "the third word must be {} digits of SHA-256",
                kHashDigits);
  }
  entry.hash = words[2];
  for (size_t i = 3; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word.starts_with("node=") && IsName(word.substr(5))) {
      entry.identity.node = word.substr(5);
    } else if (word.starts_with("node_label=") && IsLabelName(word.substr(11))) {
      entry.identity.node_label = word.substr(11);
    } else {
      return Fail(absl::StatusCode::kInvalidArgument,
                  "\"{}\": expected node=NODE or node_label=LABEL", word);
    }
  }
  return entry;
}

std::string Describe(const struct stat& info) {
  return fmt::format("{} {} {} {}", info.st_size, info.st_ino, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec);
}

}  // namespace

std::string_view ToString(Role role) {
  switch (role) {
    case Role::kWrite:
      return "write";
    case Role::kRead:
      return "read";
    case Role::kOperate:
      return "operate";
    case Role::kAdmin:
      return "admin";
  }
  return "";
}

absl::StatusOr<Role> ParseRole(std::string_view text) {
  for (const Role role : {Role::kWrite, Role::kRead, Role::kOperate, Role::kAdmin}) {
    if (text == ToString(role)) {
      return role;
    }
  }
  return Fail(absl::StatusCode::kInvalidArgument,
              "\"{}\" is no role: expected read, operate, admin, or write (sending samples alone)",
              text);
}

absl::StatusOr<std::vector<TokenEntry>> ParseTokens(std::string_view path, std::string_view text) {
  std::vector<TokenEntry> entries;
  std::set<std::string> names;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(ToAbsl(text), '\n')) {
    ++number;
    const absl::string_view content = line.substr(0, line.find('#'));
    if (content.find_first_not_of(" \t\r") == absl::string_view::npos) {
      continue;
    }
    auto entry = ParseLine(ToStd(content));
    if (entry.ok() && !names.insert(entry->identity.name).second) {
      entry = Fail(absl::StatusCode::kInvalidArgument, "the name {} is there twice",
                   entry->identity.name);
    }
    if (!entry.ok()) {
      return Annotate(entry.status(), fmt::format("{}:{}", path, number));
    }
    entries.push_back(*std::move(entry));
  }
  return entries;
}

absl::StatusOr<std::vector<TokenEntry>> LoadTokens(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return ErrnoStatus(errno, "reading the tokens in " + path);
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Fail(absl::StatusCode::kPermissionDenied,
                "others may write the tokens in {} (mode {:04o}); run: chmod 600 {}", path,
                info.st_mode & 07777, path);
  }
  RONDA_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFileBytes));
  return ParseTokens(path, text);
}

absl::Status SaveTokens(const std::string& path, const std::vector<TokenEntry>& entries) {
  std::string text =
      "# Bearer tokens of ronda-collector: NAME ROLE SHA256 [node=NODE] "
      "[node_label=LABEL]\n# Written by `ronda-collector token`.\n";
  for (const TokenEntry& entry : entries) {
    const Identity& who = entry.identity;
    text += fmt::format("{} {} {}", who.name, ToString(who.role), entry.hash);
    text += who.node.empty() ? "" : " node=" + who.node;
    text += who.node_label.empty() ? "" : " node_label=" + who.node_label;
    text += "\n";
  }
  const mode_t before = umask(077);
  absl::Status written = WriteFileAtomically(path, text);
  umask(before);
  return written;
}

std::string NewToken() {
  std::string bits;
  for (int i = 0; i < 4; ++i) {
    const uint64_t word = RandomBits();
    bits.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  return "ronda_" + ToHex(bits);
}

std::string HashToken(std::string_view token) {
  Sha256 sha;
  sha.Add(token);
  return sha.Finish();
}

TokenStore::TokenStore(std::string path, const Clock& clock)
    : path_(std::move(path)), clock_(clock) {}

std::shared_ptr<const Identity> TokenStore::Find(std::string_view token) {
  const std::string hash = absl::HexStringToBytes(HashToken(token));
  MutexLock lock(&mu_);
  RefreshLocked();
  std::shared_ptr<const Identity> found;
  for (const Known& known : known_) {
    if (CRYPTO_memcmp(known.hash.data(), hash.data(), hash.size()) == 0) {
      found = known.identity;
    }
  }
  return found;
}

bool TokenStore::empty() {
  MutexLock lock(&mu_);
  RefreshLocked();
  return known_.empty();
}

void TokenStore::RefreshLocked() {
  const int64_t now = clock_.MonotonicMs();
  if (looked_ms_ >= 0 && now - looked_ms_ < kLookEveryMs) {
    return;
  }
  looked_ms_ = now;
  struct stat info {};
  const std::string seen = stat(path_.c_str(), &info) == 0 ? Describe(info) : "";
  if (seen == seen_) {
    return;
  }
  seen_ = seen;
  if (const absl::Status status = ReloadLocked(); !status.ok()) {
    obs::Error("http", "the tokens known before stay in force: {}", Message(status));
  }
}

absl::Status TokenStore::Reload() {
  MutexLock lock(&mu_);
  return ReloadLocked();
}

absl::Status TokenStore::ReloadLocked() {
  auto entries = LoadTokens(path_);
  if (entries.status().code() == absl::StatusCode::kNotFound) {
    known_.clear();
    return absl::OkStatus();
  }
  RONDA_RETURN_IF_ERROR(entries.status());
  known_.clear();
  for (TokenEntry& entry : *entries) {
    known_.push_back({absl::HexStringToBytes(entry.hash),
                      std::make_shared<const Identity>(std::move(entry.identity))});
  }
  return absl::OkStatus();
}

}  // namespace ronda::http
