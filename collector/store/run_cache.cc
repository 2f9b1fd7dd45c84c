#include "collector/store/run_cache.h"

#include <bit>
#include <utility>

namespace ronda::store {
namespace {

// Dashboards ask each few seconds up to each minute.
constexpr std::chrono::seconds kIdle{90};
constexpr std::chrono::seconds kBetweenDrops{1};
// Of a decoder, for each series.
constexpr int64_t kDecoderBytes = 48;

}  // namespace

void RunColumns::Extend(std::span<const HeadFrame> frames) {
  for (size_t i = t_ms_.size(); i < frames.size() && !ended_; ++i) {
    const bool is_good =
        decoder_.Decode(frames[i].bytes).ok() && codec::IsKey(decoder_.header().kind) == (i == 0);
    if (is_good) {
      AddTick();
    }
    ended_ = !is_good;
  }
}

void RunColumns::AddTick() {
  const std::span<const double> values = decoder_.values();
  const size_t before = t_ms_.size();
  t_ms_.push_back(decoder_.t_ms());
  if (before == 0) {
    columns_.resize(values.size());
    for (uint32_t i = 0; i < columns_.size(); ++i) {
      columns_[i].first = values[i];
      columns_[i].kept = only_.empty();
    }
    for (const uint32_t i : only_) {
      if (i < columns_.size()) {
        columns_[i].kept = true;
      }
    }
    return;
  }
  for (const uint32_t i : changing_) {
    columns_[i].values.push_back(values[i]);
  }
  for (const uint32_t i : decoder_.changed()) {
    Column& column = columns_[i];
    if (column.kept && column.values.empty()) {
      column.values.assign(before, column.first);
      column.values.push_back(values[i]);
      changing_.push_back(i);
    }
  }
}

void RunColumns::Copy(uint32_t column, size_t first, size_t last, std::vector<double>* out) const {
  const Column& c = columns_[column];
  if (c.values.empty()) {
    out->insert(out->end(), last - first, c.first);
    return;
  }
  const auto begin = c.values.begin();
  out->insert(out->end(), begin + static_cast<std::ptrdiff_t>(first),
              begin + static_cast<std::ptrdiff_t>(last));
}

int64_t RunColumns::bytes() const {
  auto bytes = static_cast<int64_t>(sizeof(*this) + t_ms_.capacity() * sizeof(int64_t) +
                                    columns_.capacity() * (sizeof(Column) + kDecoderBytes));
  for (const uint32_t i : changing_) {
    bytes += static_cast<int64_t>(columns_[i].values.capacity() * sizeof(double));
  }
  return bytes;
}

void RunCache::Read(const RunSnapshot& run, std::span<const uint32_t> wanted,
                    absl::FunctionRef<void(const RunColumns&)> read) {
  const std::shared_ptr<Entry> entry = Find(run);
  if (entry == nullptr) {
    RunColumns columns(wanted);
    columns.Extend(run.frames);
    read(columns);
    return;
  }
  int64_t bytes = 0;
  {
    MutexLock lock(&entry->mu);
    const size_t before = entry->columns.frames();
    entry->columns.Extend(run.frames);
    read(entry->columns);
    if (entry->columns.frames() == before) {
      return;
    }
    bytes = entry->columns.bytes();
  }
  MutexLock lock(&mu_);
  const auto it = entries_.find(run.bytes.get());
  if (it != entries_.end() && it->second == entry) {
    bytes_ += bytes - std::exchange(entry->bytes, bytes);
  }
}

std::shared_ptr<RunCache::Entry> RunCache::Find(const RunSnapshot& run) {
  const Time now = std::chrono::steady_clock::now();
  MutexLock lock(&mu_);
  if (now >= next_drop_) {
    DropOld(now);
    next_drop_ = now + kBetweenDrops;
  }
  const auto it = entries_.find(run.bytes.get());
  if (it != entries_.end() && !it->second->run.expired()) {
    it->second->used = now;
    return it->second;
  }
  if (bytes_ >= max_bytes_) {
    return nullptr;
  }
  auto entry = std::make_shared<Entry>();
  entry->run = run.bytes;
  entry->used = now;
  entries_[run.bytes.get()] = entry;
  return entry;
}

void RunCache::DropOld(Time now) {
  for (auto it = entries_.begin(); it != entries_.end();) {
    const Entry& entry = *it->second;
    const bool is_old = entry.run.expired() || entry.used + kIdle < now;
    bytes_ -= is_old ? entry.bytes : 0;
    const auto here = it++;
    if (is_old) {
      entries_.erase(here);
    }
  }
}

int64_t RunCache::bytes() const {
  MutexLock lock(&mu_);
  return bytes_;
}

}  // namespace ronda::store
