#include "agent/samplers/host/interrupts.h"

#include <memory>
#include <utility>

#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor kMetrics[] = {
    {"node_interrupts_total", MetricType::kCounter, "", "cpu,type,info,devices",
     "Interrupts that the CPU has served."},
    {"ronda_interrupts_left_out", MetricType::kGauge, "", "",
     "Rows of /proc/interrupts that are not sampled because there are too many."},
};
constexpr size_t kTotal = 0;
constexpr size_t kLeftOut = 1;
constexpr std::string_view kCpu = "CPU";

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Runs of blanks become one.
std::string Squeeze(std::string_view line) {
  std::string text;
  for (std::string_view field = TakeField(&line); !field.empty(); field = TakeField(&line)) {
    text += text.empty() ? "" : " ";
    text += field;
  }
  return text;
}

}  // namespace

struct InterruptsSampler::Row {
  std::string description;        // the rest of the line, as it was when the series were made
  std::vector<SeriesSet> series;  // by column
};

InterruptsSampler::InterruptsSampler(const std::string& procfs)
    : file_(procfs + "/interrupts"), own_(kMetrics) {}

InterruptsSampler::~InterruptsSampler() = default;

std::span<const MetricDescriptor> InterruptsSampler::metrics() const { return kMetrics; }

absl::Status InterruptsSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  std::string_view text;
  const absl::Status status = file_.Read(&text);
  if (absl::IsNotFound(status)) {
    return absl::OkStatus();  // some containers hide it
  }
  RONDA_RETURN_IF_ERROR(status);
  if (const std::string_view header = TakeLine(&text); header != header_) {
    LearnCpus(header);
  }
  room_ = kMaxSeries;
  left_out_ = 0;
  while (!text.empty()) {
    RONDA_RETURN_IF_ERROR(SampleRow(TakeLine(&text), table));
  }
  rows_.EndRun();
  own_.Set(table, kLeftOut, static_cast<double>(left_out_));
  return absl::OkStatus();
}

// "           CPU0       CPU2": the CPUs that are on.
void InterruptsSampler::LearnCpus(std::string_view header) {
  header_ = header;
  cpus_.clear();
  rows_ = {};
  for (std::string_view name = TakeField(&header); name.starts_with(kCpu);
       name = TakeField(&header)) {
    cpus_.emplace_back(name.substr(kCpu.size()));
  }
}

// " 24:  1  0  IO-APIC  5-edge  ACPI:Ged" or "LOC: 7 9  Local timer interrupts". ERR and MIS have
// one count for the whole machine, and are left to node_intr_total.
absl::Status InterruptsSampler::SampleRow(std::string_view line, SeriesTable& table) {
  std::string_view type = TakeField(&line);
  if (!type.ends_with(':')) {
    return Fail(absl::StatusCode::kDataLoss, "reading {}: a row has no name: '{}'", file_.path(),
                type.substr(0, 40));
  }
  type.remove_suffix(1);
  if (!ParseCounts(&line)) {
    return absl::OkStatus();
  }
  if (room_ < cpus_.size()) {
    ++left_out_;
    return absl::OkStatus();
  }
  room_ -= cpus_.size();
  Row* row = rows_.Find(type);
  if (row == nullptr || row->description != line) {
    std::string_view rest = line;
    const std::string info = IsNumber(type) ? std::string(TakeField(&rest)) : Squeeze(rest);
    const std::string devices = IsNumber(type) ? Squeeze(rest) : "";
    auto made = std::make_unique<Row>();
    made->description = line;
    for (const std::string& cpu : cpus_) {
      made->series.emplace_back(std::span(kMetrics).first(1),
                                std::vector<std::string>{cpu, std::string(type), info, devices});
    }
    row = rows_.Add(type, std::move(made));
  }
  for (size_t i = 0; i < cpus_.size(); ++i) {
    row->series[i].Set(table, kTotal, static_cast<double>(counts_[i]));
  }
  return absl::OkStatus();
}

// Takes one count for each CPU off the line; false if there are fewer.
bool InterruptsSampler::ParseCounts(std::string_view* line) {
  counts_.clear();
  while (counts_.size() < cpus_.size()) {
    uint64_t count = 0;
    if (!ParseUint(TakeField(line), &count)) {
      return false;
    }
    counts_.push_back(count);
  }
  return true;
}

}  // namespace ronda::agent
