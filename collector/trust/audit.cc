#include "collector/trust/audit.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/digest.h"
#include "common/base/status.h"

namespace ronda::trust {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::seconds kCommitTimeout{15};
constexpr char kHeadKey[] = "head";

std::string HashOf(std::string_view line) {
  Sha256 hash;
  hash.Add(line);
  return hash.Finish();
}

std::string HeadOf(int64_t seq, const std::string& hash) { return fmt::format("{} {}", seq, hash); }

// What waits for a commit, and the journal's thread that tells of it.
struct Waiter {
  Mutex mu;
  CondVar cv;
  bool committed ABSL_GUARDED_BY(mu) = false;
};

absl::Status Commit(store::Store& store, store::Batch batch) {
  auto waiter = std::make_shared<Waiter>();
  batch.essential = true;
  batch.on_commit = [waiter] {
    MutexLock lock(&waiter->mu);
    waiter->committed = true;
    waiter->cv.SignalAll();
  };
  RONDA_RETURN_IF_ERROR(store.Append(std::move(batch)));
  const auto until = std::chrono::steady_clock::now() + kCommitTimeout;
  MutexLock lock(&waiter->mu);
  while (!waiter->committed) {
    const auto left = until - std::chrono::steady_clock::now();
    if (left <= std::chrono::nanoseconds(0)) {
      return Fail(absl::StatusCode::kDeadlineExceeded,
                  "the change waits for the disk: see `ronda status`, and look again");
    }
    waiter->cv.WaitFor(&waiter->mu, left);
  }
  return absl::OkStatus();
}

// Numbers of entries have twelve digits.
constexpr int64_t kMaxSeq = 999'999'999'999;

// nlohmann would make an integer of any number, also of one that none holds.
int64_t IntegerAt(const Json& json, const char* key) {
  const Json& value = json.at(key);
  if (!value.is_number_integer() ||
      (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX)) {
    throw Json::type_error::create(302, std::string(key) + " is no whole number", &value);
  }
  return value.get<int64_t>();
}

}  // namespace

std::string FormatEntry(const AuditEntry& entry) {
  const Json json = {{"seq", entry.seq},       {"t_ms", entry.t_ms}, {"who", entry.who},
                     {"from", entry.from},     {"what", entry.what}, {"subject", entry.subject},
                     {"detail", entry.detail}, {"prev", entry.prev}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<AuditEntry> ParseEntry(std::string_view line) {
  const Json json = Json::parse(line, nullptr, false);
  AuditEntry entry;
  try {
    entry.seq = IntegerAt(json, "seq");
    entry.t_ms = IntegerAt(json, "t_ms");
    entry.who = json.at("who").get<std::string>();
    entry.from = json.at("from").get<std::string>();
    entry.what = json.at("what").get<std::string>();
    entry.subject = json.at("subject").get<std::string>();
    entry.detail = json.at("detail").get<std::string>();
    entry.prev = json.at("prev").get<std::string>();
  } catch (const Json::exception& error) {
    return Fail(absl::StatusCode::kDataLoss, "not an entry of the audit: {}", error.what());
  }
  if (entry.seq < 1 || entry.seq > kMaxSeq) {
    return Fail(absl::StatusCode::kDataLoss, "not an entry of the audit: its number is {}",
                entry.seq);
  }
  return entry;
}

Audit::Audit(store::Store& store, const Clock& clock)
    : store_(store), clock_(clock), epoch_{RandomBits(), clock.NowMs()} {}

absl::StatusOr<std::unique_ptr<Audit>> Audit::Open(store::Store& store, const Clock& clock) {
  std::unique_ptr<Audit> audit(new Audit(store, clock));
  std::string last;
  RONDA_RETURN_IF_ERROR(store.ScanState(
      kAuditSpace, [&](std::string_view, std::string_view value) { last = std::string(value); }));
  if (!last.empty()) {
    // One that cannot be read stays what it is: the check shows it, and the chain goes on after it.
    int64_t entries = 0;
    RONDA_RETURN_IF_ERROR(
        store.ScanState(kAuditSpace, [&](std::string_view, std::string_view) { ++entries; }));
    const auto entry = ParseEntry(last);
    MutexLock lock(&audit->mu_);
    audit->last_seq_ = entry.ok() ? entry->seq : entries;
    audit->last_hash_ = HashOf(last);
  }
  return audit;
}

absl::Status Audit::Write(AuditEntry entry, std::vector<store::StateWrite> change) {
  MutexLock lock(&mu_);
  entry.seq = last_seq_ + 1;
  entry.t_ms = clock_.NowMs();
  entry.prev = last_hash_;
  const std::string line = FormatEntry(entry);
  const std::string hash = HashOf(line);
  change.push_back({std::string(kAuditSpace), fmt::format("{:012}", entry.seq), line});
  change.push_back({std::string(kAuditHeadSpace), kHeadKey, HeadOf(entry.seq, hash)});
  store::Batch batch;
  batch.epoch = epoch_;
  batch.state = std::move(change);
  absl::Status status = Commit(store_, std::move(batch));
  if (status.ok() || status.code() == absl::StatusCode::kDeadlineExceeded) {
    last_seq_ = entry.seq;  // it is queued, and what is queued is never left out
    last_hash_ = hash;
  }
  return status;
}

void AuditChecker::Add(std::string_view line) {
  const auto entry = ParseEntry(line);
  ++entries_;
  if (!entry.ok()) {
    problems_.push_back(fmt::format("after entry {}: {}", seq_, Message(entry.status())));
    ++seq_;
  } else {
    if (entry->seq != seq_ + 1) {
      problems_.push_back(
          fmt::format("after entry {} comes {}: some are missing", seq_, entry->seq));
    }
    if (entry->prev != hash_) {
      problems_.push_back(fmt::format(
          "entry {} does not follow from the one before: one of them was changed", entry->seq));
    }
    seq_ = entry->seq;
  }
  hash_ = HashOf(line);
  hashes_.push_back(hash_);
}

void AuditChecker::Finish(std::string_view head) {
  const std::string expected = entries_ == 0 ? "" : HeadOf(seq_, hash_);
  if (head != expected) {
    problems_.push_back(
        fmt::format("the chain ends at entry {}, but its end was noted as \"{}\": "
                    "the last entries were changed or taken out",
                    seq_, head));
  }
}

bool AuditChecker::Passed(std::string_view hash) const {
  return std::find(hashes_.begin(), hashes_.end(), hash) != hashes_.end();
}

}  // namespace ronda::trust
