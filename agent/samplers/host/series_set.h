// Series that a sampler sets again and again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/samplers/sampler.h"
#include "common/base/strings.h"

namespace ronda::agent {

// The series of a table of metrics that share one set of label values: those of one device, or
// those without labels. Declares a series when it is first set, so that what the kernel lacks is in
// no schema.
class SeriesSet {
 public:
  // `metrics` must outlive the object.
  explicit SeriesSet(std::span<const MetricDescriptor> metrics,
                     std::vector<std::string> label_values = {});

  // Sets the series of metrics[i].
  void Set(SeriesTable& table, size_t i, double value) {
    if (generation_ != table.generation()) {
      Forget(table);
    }
    if (refs_[i] == kNoSeries) {
      Declare(table, i);
    }
    table.Set(refs_[i], value);
  }

 private:
  void Forget(const SeriesTable& table);
  void Declare(SeriesTable& table, size_t i);

  std::span<const MetricDescriptor> metrics_;
  std::vector<std::string> label_values_;
  std::vector<SeriesRef> refs_;
  uint64_t generation_ = 0;
};

// What a sampler knows about each device, by its name; forgets devices that are not there any more.
template <typename T>
class DeviceMap {
 public:
  // The device, or null if it was not there in the run before. Marks it as there.
  T* Find(std::string_view name) {
    const auto it = devices_.find(name);
    if (it == devices_.end()) {
      return nullptr;
    }
    Mark(it->second);
    return it->second.device.get();
  }
  T* Add(std::string_view name, std::unique_ptr<T> device) {
    Entry& entry = devices_[std::string(name)];
    entry.device = std::move(device);
    Mark(entry);
    return entry.device.get();
  }
  // At the end of a run over all devices: drops those that were not seen in it.
  void EndRun() {
    if (seen_ < devices_.size()) {
      absl::erase_if(devices_, [this](const auto& e) { return e.second.run != run_; });
    }
    seen_ = 0;
    ++run_;
  }

 private:
  struct Entry {
    std::unique_ptr<T> device;
    uint64_t run = 0;
  };
  void Mark(Entry& entry) {
    seen_ += entry.run != run_ ? 1 : 0;
    entry.run = run_;
  }

  StringMap<Entry> devices_;
  uint64_t run_ = 1;
  size_t seen_ = 0;
};

}  // namespace ronda::agent
