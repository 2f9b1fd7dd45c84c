// Bearer tokens and what they allow.
//
// The file has one token a line; '#' begins a remark:
//
//   NAME ROLE SHA256 [node=NODE] [node_label=LABEL]
//
// SHA256 is of the token's text, in hexadecimal: the file holds no secret, but who can write it can
// give himself any role, so that others than its owner may not.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace ronda::http {

// What a token allows. `kWrite` is of programs that send samples and may nothing else; each of the
// others includes the one before.
enum class Role { kWrite, kRead, kOperate, kAdmin };
std::string_view ToString(Role role);                   // "write", "read", "operate", "admin"
absl::StatusOr<Role> ParseRole(std::string_view text);  // kInvalidArgument

struct Identity {
  std::string name;
  Role role = Role::kRead;
  // Of samples that it sends: the node they belong to, or the label that names it.
  std::string node;
  std::string node_label;
};

struct TokenEntry {
  Identity identity;
  std::string hash;  // hexadecimal
};

// kInvalidArgument, "PATH:LINE: ...".
absl::StatusOr<std::vector<TokenEntry>> ParseTokens(std::string_view path, std::string_view text);
// kNotFound, kPermissionDenied (others may write it), or as above.
absl::StatusOr<std::vector<TokenEntry>> LoadTokens(const std::string& path);
// In one step, readable and writable by the owner alone.
absl::Status SaveTokens(const std::string& path, const std::vector<TokenEntry>& entries);

// 256 random bits as text, and the hash of such a text.
std::string NewToken();
std::string HashToken(std::string_view token);

// The tokens of a file that may change while it is used. Thread-safe.
class TokenStore {
 public:
  // The file need not be there: then no token is known until it is. `clock` must outlive the store.
  TokenStore(std::string path, const Clock& clock);

  // Null if there is no such token. Takes the same time wherever it is in the file.
  std::shared_ptr<const Identity> Find(std::string_view token);
  // Reads the file again, at the latest a second after it changed by itself. A file that cannot be
  // read leaves what was there in force, and is logged.
  absl::Status Reload();
  bool empty();
  const std::string& path() const { return path_; }

 private:
  struct Known {
    std::string hash;  // 32 bytes
    std::shared_ptr<const Identity> identity;
  };

  void RefreshLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status ReloadLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string path_;
  const Clock& clock_;
  Mutex mu_;
  std::vector<Known> known_ ABSL_GUARDED_BY(mu_);
  int64_t looked_ms_ ABSL_GUARDED_BY(mu_) = -1;
  std::string seen_ ABSL_GUARDED_BY(mu_);  // size, inode and time of the file that was read
};

}  // namespace ronda::http
