// Tested by tests/unit/collector/ingest/account_test.cc.
#include "collector/ingest/account.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"

namespace ronda::ingest {
namespace {

uint64_t HashOf(const GroupIdentity& group, const SchemaHash& schema) {
  return absl::HashOf(group, schema);
}

uint64_t HashOf(const Schema& schema, size_t series) {
  uint64_t hash = absl::HashOf(schema.metric_of(series).name);
  for (const Label& label : schema.series[series].labels.all()) {
    hash = absl::HashOf(hash, label.name, label.value);
  }
  return hash;
}

class SeriesHashes {
 public:
  void Add(const Schema& schema) {
    hashes_.reserve(hashes_.size() + schema.series.size());
    for (size_t i = 0; i < schema.series.size(); ++i) {
      hashes_.insert(HashOf(schema, i));
    }
  }
  bool Has(uint64_t hash) const { return hashes_.contains(hash); }

 private:
  absl::flat_hash_set<uint64_t> hashes_;
};

// Until `missing` tokens have come, in whole milliseconds and at least one.
int64_t WaitMs(double missing, double per_second) {
  return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(missing / per_second * 1000)));
}

}  // namespace

std::string_view ToString(Refusal refusal) {
  switch (refusal) {
    case Refusal::kDamaged:
      return "damaged";
    case Refusal::kVersion:
      return "version";
    case Refusal::kMessageSize:
      return "message_size";
    case Refusal::kLabels:
      return "labels";
    case Refusal::kSeries:
      return "series";
    case Refusal::kNewSeries:
      return "new_series";
    case Refusal::kRate:
      return "rate";
    case Refusal::kClock:
      return "clock";
    case Refusal::kOutOfOrder:
      return "out_of_order";
    case Refusal::kProtocol:
      return "protocol";
    case Refusal::kIdentity:
      return "identity";
    case Refusal::kClone:
      return "clone";
    case Refusal::kRetired:
      return "retired";
    case Refusal::kAgents:
      return "agents";
  }
  return "";
}

double TokenBucket::Refill(double per_second, double most, int64_t now_ms) {
  if (!began_) {
    began_ = true;
    tokens_ = most;
  } else {
    const auto passed_ms = static_cast<double>(std::max<int64_t>(0, now_ms - at_ms_));
    tokens_ = std::min(most, tokens_ + passed_ms * per_second / 1000);
  }
  at_ms_ = now_ms;
  return tokens_;
}

int64_t Account::Charge(double samples, double per_second, int64_t now_mono_ms) {
  MutexLock lock(&mu_);
  const double left =
      work_.Refill(per_second, per_second * static_cast<double>(kBurstSeconds), now_mono_ms);
  work_.Take(samples);
  return left >= samples ? 0 : WaitMs(samples - left, per_second);
}

bool Account::TakeNewSeries(size_t count, double per_minute, double at_once, int64_t now_mono_ms,
                            int64_t* wait_ms) {
  MutexLock lock(&mu_);
  const double wanted = static_cast<double>(count);
  const double left = new_series_.Refill(per_minute / 60, at_once, now_mono_ms);
  if (left < wanted) {
    *wait_ms = WaitMs(wanted - left, per_minute / 60);
    return false;
  }
  new_series_.Take(wanted);
  return true;
}

bool Account::Had(const GroupIdentity& group, const SchemaHash& schema) const {
  MutexLock lock(&mu_);
  return std::find(had_.begin(), had_.end(), HashOf(group, schema)) != had_.end();
}

void Account::Remember(const GroupIdentity& group, const SchemaHash& hash,
                       const std::shared_ptr<const Schema>& schema) {
  const uint64_t key = HashOf(group, hash);
  MutexLock lock(&mu_);
  if (std::find(had_.begin(), had_.end(), key) != had_.end()) {
    return;
  }
  if (had_.size() >= kMaxRemembered) {
    had_.pop_front();
  }
  had_.push_back(key);
  const auto [first, added] = first_.try_emplace(group, schema);
  if (added) {
    return;
  }
  SeriesHashes known;
  known.Add(*first->second);
  for (size_t i = 0; i < schema->series.size(); ++i) {
    if (const uint64_t series = HashOf(*schema, i); !known.Has(series)) {
      if (seen_.size() >= kMaxSeen) {
        seen_.clear();
      }
      seen_.insert(absl::HashOf(group, series));
    }
  }
}

size_t Account::CountNew(const GroupIdentity& group, const Schema& schema,
                         const Schema* live) const {
  SeriesHashes known;
  if (live != nullptr) {
    known.Add(*live);
  }
  MutexLock lock(&mu_);
  if (const auto first = first_.find(group); first != first_.end()) {
    known.Add(*first->second);
  }
  size_t count = 0;
  for (size_t i = 0; i < schema.series.size(); ++i) {
    const uint64_t series = HashOf(schema, i);
    count += known.Has(series) || seen_.contains(absl::HashOf(group, series)) ? 0 : 1;
  }
  return count;
}

void Account::Note(Refusal refusal, int64_t count, std::string_view detail, int64_t now_ms) {
  MutexLock lock(&mu_);
  query::Refused& noted = refused_[refusal];
  noted.cause = ToString(refusal);
  noted.count += count;
  noted.last_ms = now_ms;
  noted.detail = detail.substr(0, kMaxDetail);
}

std::vector<query::Refused> Account::refused() const {
  std::vector<query::Refused> out;
  {
    MutexLock lock(&mu_);
    for (const auto& [refusal, noted] : refused_) {
      out.push_back(noted);
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const query::Refused& a, const query::Refused& b) {
    return a.last_ms > b.last_ms;
  });
  return out;
}

}  // namespace ronda::ingest
