#include "agent/samplers/host/meminfo.h"

#include <iterator>
#include <vector>

#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr std::string_view kHelp = "The field of /proc/meminfo (proc(5)) with this name.";

constexpr MetricDescriptor Bytes(std::string_view name) {
  return {name, MetricType::kGauge, "bytes", "", kHelp};
}
constexpr MetricDescriptor Pages(std::string_view name) {
  return {name, MetricType::kGauge, "", "", kHelp};
}

// All fields that fs/proc/meminfo.c and arch/*/mm have had since Linux 3.10; a new one is to be
// added here. Two derived ones come last.
constexpr MetricDescriptor kMetrics[] = {
    Bytes("node_memory_MemTotal_bytes"),
    Bytes("node_memory_MemFree_bytes"),
    Bytes("node_memory_MemAvailable_bytes"),
    Bytes("node_memory_Buffers_bytes"),
    Bytes("node_memory_Cached_bytes"),
    Bytes("node_memory_SwapCached_bytes"),
    Bytes("node_memory_Active_bytes"),
    Bytes("node_memory_Inactive_bytes"),
    Bytes("node_memory_Active_anon_bytes"),
    Bytes("node_memory_Inactive_anon_bytes"),
    Bytes("node_memory_Active_file_bytes"),
    Bytes("node_memory_Inactive_file_bytes"),
    Bytes("node_memory_Unevictable_bytes"),
    Bytes("node_memory_Mlocked_bytes"),
    Bytes("node_memory_HighTotal_bytes"),
    Bytes("node_memory_HighFree_bytes"),
    Bytes("node_memory_LowTotal_bytes"),
    Bytes("node_memory_LowFree_bytes"),
    Bytes("node_memory_MmapCopy_bytes"),
    Bytes("node_memory_SwapTotal_bytes"),
    Bytes("node_memory_SwapFree_bytes"),
    Bytes("node_memory_Zswap_bytes"),
    Bytes("node_memory_Zswapped_bytes"),
    Bytes("node_memory_Dirty_bytes"),
    Bytes("node_memory_Writeback_bytes"),
    Bytes("node_memory_AnonPages_bytes"),
    Bytes("node_memory_Mapped_bytes"),
    Bytes("node_memory_Shmem_bytes"),
    Bytes("node_memory_KReclaimable_bytes"),
    Bytes("node_memory_Slab_bytes"),
    Bytes("node_memory_SReclaimable_bytes"),
    Bytes("node_memory_SUnreclaim_bytes"),
    Bytes("node_memory_KernelStack_bytes"),
    Bytes("node_memory_ShadowCallStack_bytes"),
    Bytes("node_memory_PageTables_bytes"),
    Bytes("node_memory_SecPageTables_bytes"),
    Bytes("node_memory_NFS_Unstable_bytes"),
    Bytes("node_memory_Bounce_bytes"),
    Bytes("node_memory_WritebackTmp_bytes"),
    Bytes("node_memory_CommitLimit_bytes"),
    Bytes("node_memory_Committed_AS_bytes"),
    Bytes("node_memory_VmallocTotal_bytes"),
    Bytes("node_memory_VmallocUsed_bytes"),
    Bytes("node_memory_VmallocChunk_bytes"),
    Bytes("node_memory_Quicklists_bytes"),
    Bytes("node_memory_Percpu_bytes"),
    Bytes("node_memory_EarlyMemtestBad_bytes"),
    Bytes("node_memory_HardwareCorrupted_bytes"),
    Bytes("node_memory_AnonHugePages_bytes"),
    Bytes("node_memory_ShmemHugePages_bytes"),
    Bytes("node_memory_ShmemPmdMapped_bytes"),
    Bytes("node_memory_FileHugePages_bytes"),
    Bytes("node_memory_FilePmdMapped_bytes"),
    Bytes("node_memory_CmaTotal_bytes"),
    Bytes("node_memory_CmaFree_bytes"),
    Bytes("node_memory_Unaccepted_bytes"),
    Bytes("node_memory_Balloon_bytes"),
    Bytes("node_memory_GPUActive_bytes"),
    Bytes("node_memory_GPUReclaim_bytes"),
    Pages("node_memory_HugePages_Total"),
    Pages("node_memory_HugePages_Free"),
    Pages("node_memory_HugePages_Rsvd"),
    Pages("node_memory_HugePages_Surp"),
    Bytes("node_memory_Hugepagesize_bytes"),
    Bytes("node_memory_Hugetlb_bytes"),
    Bytes("node_memory_DirectMap4k_bytes"),
    Bytes("node_memory_DirectMap4M_bytes"),
    Bytes("node_memory_DirectMap2M_bytes"),
    Bytes("node_memory_DirectMap1G_bytes"),
    {"ronda_memory_usage_percent", MetricType::kGauge, "percent", "",
     "Memory in use (total less available) of the total."},
    {"ronda_swap_usage_percent", MetricType::kGauge, "percent", "",
     "Swap in use of the total; absent without swap."},
};
constexpr size_t kFields = std::size(kMetrics) - 2;
constexpr size_t kMemoryUsage = kFields;
constexpr size_t kSwapUsage = kFields + 1;

constexpr size_t FieldIndex(std::string_view metric) {
  size_t i = 0;
  while (kMetrics[i].name != metric) {
    ++i;
  }
  return i;
}

// The kernel's key of each metric: "node_memory_Active_anon_bytes" is "Active(anon)".
std::vector<std::string> Keys() {
  std::vector<std::string> keys;
  for (size_t i = 0; i < kFields; ++i) {
    std::string_view name = kMetrics[i].name;
    name.remove_prefix(std::string_view("node_memory_").size());
    if (kMetrics[i].unit == "bytes") {
      name.remove_suffix(std::string_view("_bytes").size());
    }
    std::string key(name);
    for (const std::string_view kind : {"_anon", "_file"}) {
      if (name.ends_with(kind)) {
        key = std::string(name.substr(0, name.size() - kind.size())) + "(" +
              std::string(kind.substr(1)) + ")";
      }
    }
    keys.push_back(std::move(key));
  }
  return keys;
}

double UsedPercent(uint64_t total, uint64_t unused) {
  const uint64_t used = total > unused ? total - unused : 0;
  return Round2(100.0 * static_cast<double>(used) / static_cast<double>(total));
}

}  // namespace

MeminfoSampler::MeminfoSampler(const std::string& procfs)
    : file_(procfs + "/meminfo"), keys_(Keys()), series_(kMetrics) {}

std::span<const MetricDescriptor> MeminfoSampler::metrics() const { return kMetrics; }

absl::Status MeminfoSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  std::string_view text;
  if (absl::Status status = file_.Read(&text); !status.ok()) {
    return status;
  }
  uint64_t kib[kFields];  // only what is `there`
  bool there[kFields] = {};
  for (size_t line_number = 0; !text.empty(); ++line_number) {
    std::string_view line = TakeLine(&text);
    std::string_view key = TakeField(&line);
    if (key.ends_with(':')) {
      key.remove_suffix(1);
    }
    const int field = keys_.Find(line_number, key);
    if (field == KeyTable::kUnknown) {
      continue;
    }
    const auto i = static_cast<size_t>(field);
    const std::string_view number = TakeField(&line);
    if (!ParseUint(number, &kib[i])) {
      return BadField(file_.path(), key, number);
    }
    there[i] = true;
    const double unit = kMetrics[i].unit == "bytes" ? 1024 : 1;
    series_.Set(table, i, static_cast<double>(kib[i]) * unit);
  }
  constexpr size_t kTotal = FieldIndex("node_memory_MemTotal_bytes");
  constexpr size_t kAvailable = FieldIndex("node_memory_MemAvailable_bytes");
  constexpr size_t kSwapTotal = FieldIndex("node_memory_SwapTotal_bytes");
  constexpr size_t kSwapFree = FieldIndex("node_memory_SwapFree_bytes");
  if (!there[kTotal] || kib[kTotal] == 0) {
    return Fail(absl::StatusCode::kDataLoss, "reading {}: field MemTotal is missing or 0",
                file_.path());
  }
  if (there[kAvailable]) {
    series_.Set(table, kMemoryUsage, UsedPercent(kib[kTotal], kib[kAvailable]));
  }
  if (there[kSwapTotal] && there[kSwapFree] && kib[kSwapTotal] > 0) {
    series_.Set(table, kSwapUsage, UsedPercent(kib[kSwapTotal], kib[kSwapFree]));
  }
  return absl::OkStatus();
}

}  // namespace ronda::agent
