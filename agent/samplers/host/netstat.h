// /proc/net/netstat, snmp and snmp6: counters of the IP stack.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/samplers/host/key_table.h"
#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"
#include "common/base/strings.h"

namespace ronda::agent {

class NetstatSampler : public Sampler {
 public:
  explicit NetstatSampler(const std::string& procfs);

  std::string_view name() const override { return "netstat"; }
  std::span<const MetricDescriptor> metrics() const override;
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  // A line of names and the line of values below it. The kernel's names do not change while it
  // runs: the line is compared with the one before, and the columns that are wanted are known.
  struct Block {
    std::string header;
    std::vector<int> metric_of_column;  // KeyTable::kUnknown: not wanted
  };

  absl::Status SamplePairs(ProcFile& file, std::vector<Block>& blocks, SeriesTable& table);
  absl::Status SampleSnmp6(SeriesTable& table);
  // Notes which columns are wanted.
  void LearnHeader(std::string_view header, Block& block) const;

  ProcFile netstat_;
  ProcFile snmp_;
  ProcFile snmp6_;
  std::vector<Block> netstat_blocks_;
  std::vector<Block> snmp_blocks_;
  StringMap<int> columns_;  // "Tcp_InSegs" to its metric
  KeyTable snmp6_keys_;
  SeriesSet series_;
};

}  // namespace ronda::agent
