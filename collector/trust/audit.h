// The audit: every change by a person, in a chain that shows when one was altered or taken out.
//
// Entries are state of ronda.db (space "audit", key: the number with twelve digits), committed
// together with the change they speak of, kept for ever, and part of each backup. An entry is a
// line of JSON:
//
//   {"seq":7,"t_ms":1795000000000,"who":"local root (admin)","from":"unix:","what":"revoke",
//    "subject":"node web1","detail":"","prev":"<SHA-256 of the line before, hex>"}
//
// The first has prev "". The space "audit-head" holds the number and the hash of the last one, so
// that a chain that was cut is seen too. Whoever can write the file can write a whole new chain:
// the hash of the last entry, noted elsewhere, shows that as well (`ronda audit --check`).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/state_write.h"
#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace ronda::trust {

inline constexpr std::string_view kAuditSpace = "audit";
inline constexpr std::string_view kAuditHeadSpace = "audit-head";

struct AuditEntry {
  int64_t seq = 0;
  int64_t t_ms = 0;
  std::string who;      // access::Describe()
  std::string from;     // address
  std::string what;     // "enroll", "revoke", "token", "user", ...
  std::string subject;  // "node web1"
  std::string detail;
  std::string prev;
};

std::string FormatEntry(const AuditEntry& entry);
absl::StatusOr<AuditEntry> ParseEntry(std::string_view line);

// Thread-safe.
class Audit {
 public:
  // Takes up the chain where it ends. Both must outlive it.
  static absl::StatusOr<std::unique_ptr<Audit>> Open(store::Store& store, const Clock& clock);

  // Adds an entry (its number, time and prev are filled in) and makes it durable together with
  // `change`, before it returns. An error: neither is there. kDeadlineExceeded: the disk is too
  // slow to say; both or neither will be.
  absl::Status Write(AuditEntry entry, std::vector<store::StateWrite> change);

 private:
  Audit(store::Store& store, const Clock& clock);

  store::Store& store_;
  const Clock& clock_;
  const store::Epoch epoch_;
  Mutex mu_;
  int64_t last_seq_ ABSL_GUARDED_BY(mu_) = 0;
  std::string last_hash_ ABSL_GUARDED_BY(mu_);
};

// Walks a chain. Thread-compatible.
class AuditChecker {
 public:
  // The next line. What is wrong with it goes to problems().
  void Add(std::string_view line);
  // After the last one: `head` is the value in kAuditHeadSpace ("" if it is not there).
  void Finish(std::string_view head);

  int64_t entries() const { return entries_; }
  const std::string& head_hash() const { return hash_; }
  // True if an entry, or none yet, had this hash.
  bool Passed(std::string_view hash) const;
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  int64_t entries_ = 0;
  int64_t seq_ = 0;
  std::string hash_;
  std::vector<std::string> hashes_;
  std::vector<std::string> problems_;
};

}  // namespace ronda::trust
