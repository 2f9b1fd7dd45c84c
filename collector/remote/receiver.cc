// Tested by tests/unit/collector/remote/receiver_test.cc.
#include "collector/remote/receiver.h"

#include <algorithm>
#include <chrono>

#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/base/utf8.h"
#include "common/codec/schema_limits.h"
#include "common/codec/varint.h"
#include "common/model/node_checks.h"
#include "common/model/sample.h"
#include "common/obs/log.h"

namespace ronda::remote {
namespace {

// The space of StateWrite that holds descriptions of families.
constexpr std::string_view kFamilySpace = "remote-family";
constexpr size_t kMaxFamilies = 100'000;
using codec::kMaxLabels;
using codec::kMaxNameBytes;
using codec::kMaxTextBytes;
constexpr int64_t kPollMs = 100;
// An ordinary NaN, for one that has the bits of a hole.
constexpr uint64_t kPlainNan = 0x7ff8000000000001ULL;

absl::Status Bad(std::string_view what) {
  return MakeStatus(absl::StatusCode::kInvalidArgument, what);
}

std::string EncodeFamily(const FamilyInfo& info) {
  std::string out(1, static_cast<char>(info.type));
  codec::PutBytes(&out, info.help);
  codec::PutBytes(&out, info.unit);
  return out;
}

bool DecodeFamily(std::string_view bytes, FamilyInfo* out) {
  codec::ByteReader in(bytes);
  const uint8_t type = in.U8();
  out->type = type <= 7 ? static_cast<FamilyType>(type) : FamilyType::kUnknown;
  out->help = in.Bytes();
  out->unit = in.Bytes();
  return in.done();
}

MetricType TypeOf(FamilyType type) {
  return type == FamilyType::kCounter ? MetricType::kCounter
         : type == FamilyType::kGauge || type == FamilyType::kInfo ||
                 type == FamilyType::kStateSet || type == FamilyType::kSummary
             ? MetricType::kGauge
             : MetricType::kUnknown;
}

}  // namespace

// Waits for the commits of one request. The pipeline holds it weakly: a request that gave up is
// not told any more.
class Receiver::Commits : public ingest::SessionPort {
 public:
  void Acknowledge(uint64_t, const codec::RangeSet&) override {
    MutexLock lock(&mu_);
    ++done_;
    changed_.SignalAll();
  }
  void Close(const absl::Status&) override {}

  void Expect() {
    MutexLock lock(&mu_);
    ++expected_;
  }
  void Forget() {
    MutexLock lock(&mu_);
    --expected_;
  }

  absl::Status Wait(int64_t max_ms, const Clock& clock, const std::atomic<bool>& cancelled) {
    const int64_t until = clock.MonotonicMs() + max_ms;
    MutexLock lock(&mu_);
    while (done_ < expected_) {
      if (cancelled.load()) {
        return Fail(absl::StatusCode::kCancelled, "the collector stops: send it again");
      }
      if (clock.MonotonicMs() > until) {
        return Fail(absl::StatusCode::kDeadlineExceeded,
                    "the samples were not durable after {} s: send them again", max_ms / 1000);
      }
      changed_.WaitFor(&mu_, std::chrono::milliseconds(kPollMs));
    }
    return absl::OkStatus();
  }

 private:
  Mutex mu_;
  CondVar changed_;
  int expected_ ABSL_GUARDED_BY(mu_) = 0;
  int done_ ABSL_GUARDED_BY(mu_) = 0;
};

Receiver::Receiver(const Options& options, ingest::Pipeline& pipeline, store::Store& store,
                   const Clock& clock)
    : options_(options),
      pipeline_(pipeline),
      store_(store),
      clock_(clock),
      epoch_{RandomBits(), clock.NowMs()} {}

absl::StatusOr<std::unique_ptr<Receiver>> Receiver::New(const Options& options,
                                                        ingest::Pipeline& pipeline,
                                                        store::Store& store, const Clock& clock) {
  std::unique_ptr<Receiver> receiver(new Receiver(options, pipeline, store, clock));
  RONDA_RETURN_IF_ERROR(receiver->Restore());
  return receiver;
}

absl::Status Receiver::Restore() {
  std::map<std::string, FamilyInfo> families;
  RONDA_RETURN_IF_ERROR(
      store_.ScanState(kFamilySpace, [&families](std::string_view key, std::string_view value) {
        FamilyInfo info;
        if (DecodeFamily(value, &info)) {
          families[std::string(key)] = std::move(info);
        }
      }));
  MutexLock lock(&families_mu_);
  families_ = std::move(families);
  return absl::OkStatus();
}

absl::StatusOr<Outcome> Receiver::Write(const Sender& sender, std::string_view body,
                                        const std::atomic<bool>& cancelled) {
  absl::StatusOr<WriteRequest> request = DecodeWriteRequest(body, options_.limits);
  absl::StatusOr<Outcome> outcome = Outcome();
  if (request.ok()) {
    TakeMetadata(*request);
    outcome = Take(sender, *request, cancelled);
  } else {
    outcome = request.status();
  }
  MutexLock lock(&mu_);
  ++counters_.requests;
  if (!outcome.ok()) {
    ++counters_.failed_requests;
    return outcome;
  }
  counters_.samples += outcome->samples;
  counters_.rejected_samples += outcome->rejected;
  counters_.exemplars += static_cast<int64_t>(request->exemplars);
  return outcome;
}

Receiver::Node& Receiver::NodeOf(const std::string& name, const Sender& sender) {
  MutexLock lock(&mu_);
  std::unique_ptr<Node>& node = nodes_[sender.node_label == "node" ? name + "\n" : name];
  if (node == nullptr) {
    node = std::make_unique<Node>();
  }
  return *node;
}

absl::StatusOr<Outcome> Receiver::Take(const Sender& sender, const WriteRequest& request,
                                       const std::atomic<bool>& cancelled) {
  Outcome outcome;
  std::map<std::string, std::vector<const SeriesView*>> parts;
  const std::string own_node = sender.node.empty() ? sender.name : sender.node;
  for (const SeriesView& series : request.series) {
    std::string node = own_node;
    for (size_t i = 0; !sender.node_label.empty() && i < series.labels; ++i) {
      const LabelView& label = request.labels[series.first_label + i];
      if (label.name == sender.node_label && !label.value.empty()) {
        // Of host:port the host.
        const size_t colon = label.value.rfind(':');
        const bool port =
            colon != std::string_view::npos && colon + 1 < label.value.size() &&
            label.value.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
        node = std::string(port ? label.value.substr(0, colon) : label.value);
      }
    }
    parts[node].push_back(&series);
  }
  const auto commits = std::make_shared<Commits>();
  for (const auto& [node, series] : parts) {
    RONDA_RETURN_IF_ERROR(TakePart(request, series, node, sender, commits, &outcome));
  }
  RONDA_RETURN_IF_ERROR(commits->Wait(options_.max_wait_ms, clock_, cancelled));
  return outcome;
}

absl::StatusOr<Labels> Receiver::ReadLabels(const WriteRequest& request, const SeriesView& series,
                                            const Sender& sender) const {
  std::vector<Label> labels;
  for (size_t i = 0; i < series.labels; ++i) {
    const LabelView& label = request.labels[series.first_label + i];
    if (label.value.empty()) {
      continue;  // the same as no label
    }
    if (label.name == kMetricName) {
      if (!IsName(label.value) || label.value.size() > kMaxNameBytes) {
        return Bad(fmt::format("invalid metric name \"{}\"", label.value.substr(0, 200)));
      }
    } else if (!IsName(label.name) || label.name.size() > kMaxNameBytes ||
               label.name.starts_with("__")) {
      return Bad(fmt::format("invalid label name \"{}\"", label.name.substr(0, 200)));
    }
    if (label.value.size() > kMaxTextBytes) {
      return Bad(fmt::format("the value of the label {} has {} bytes, {} are allowed", label.name,
                             label.value.size(), kMaxTextBytes));
    }
    if (!IsUtf8(label.value)) {
      return Bad(fmt::format("the value of the label {} is not UTF-8", label.name));
    }
    std::string name(label.name);
    if (name == "node") {
      if (sender.node_label == "node") {
        continue;
      }
      name = "exported_node";
    }
    labels.push_back({std::move(name), std::string(label.value)});
  }
  const size_t count = labels.size();
  Labels set(std::move(labels));
  if (set.size() != count) {
    return Bad(fmt::format("a label is there twice in {}", set.ToString()));
  }
  if (set.Get(kMetricName).empty()) {
    return Bad("a series without __name__");
  }
  if (set.size() > kMaxLabels) {
    return Bad(fmt::format("{} has {} labels, {} are allowed", set.Get(kMetricName), set.size(),
                           kMaxLabels));
  }
  if (set.Get("instance") == kNoInstance) {
    return Bad("a label instance that is a control character");
  }
  return set;
}

absl::Status Receiver::CheckRoom() const {
  return static_cast<size_t>(series_.load()) < options_.max_series
             ? absl::OkStatus()
             : Bad(fmt::format("a new series above the limit of {} pushed series",
                               options_.max_series));
}

absl::Status Receiver::TakePart(const WriteRequest& request,
                                const std::vector<const SeriesView*>& series,
                                const std::string& node_name, const Sender& sender,
                                const std::shared_ptr<Commits>& commits, Outcome* outcome) {
  const auto reject = [outcome](size_t samples, const absl::Status& why) {
    outcome->rejected += static_cast<int64_t>(samples);
    if (outcome->reason.empty()) {
      outcome->reason = std::string(Message(why));
    }
  };
  if (const absl::Status name = CheckNodeName(node_name); !name.ok()) {
    for (const SeriesView* one : series) {
      reject(one->samples, Annotate(name, fmt::format("the node \"{}\"", node_name)));
    }
    return absl::OkStatus();
  }
  const int64_t latest_ms = clock_.NowMs() + options_.max_ahead_ms;
  int64_t taken = 0;
  int64_t repeated = 0;
  Node& node = NodeOf(node_name, sender);
  MutexLock lock(&node.mu);
  if (node.packer == nullptr) {
    node.packer =
        std::make_unique<Packer>([this](const std::string& metric) { return Describe(metric); });
  }
  if (!node.joined) {
    ingest::JoinRequest join;
    join.node = node_name;
    join.epoch = {RandomBits(), clock_.NowMs()};
    RONDA_ASSIGN_OR_RETURN(const ingest::Joined joined, pipeline_.JoinImport(join));
    node.id = joined.node;
    node.joined = true;
    node.epoch = join.epoch;
    obs::Info("remote", "takes samples sender={} node={}", sender.name, node_name);
  }
  if (node.description != description_.load()) {
    node.description = description_.load();
    node.packer->DescribeAgain();
  }
  for (const SeriesView* one : series) {
    if (one->histograms > 0) {
      reject(one->histograms, Bad("native histograms are not supported"));
    }
    if (one->samples == 0) {
      continue;
    }
    std::optional<uint32_t> place = node.packer->Find(one->key);
    if (!place) {
      absl::StatusOr<Labels> labels = ReadLabels(request, *one, sender);
      if (labels.ok()) {
        if (const absl::Status room = CheckRoom(); !room.ok()) {
          labels = room;
        }
      }
      if (!labels.ok()) {
        reject(one->samples, labels.status());
        continue;
      }
      const auto before = static_cast<int64_t>(node.packer->series());
      place = node.packer->Add(one->key, *labels);
      series_ += static_cast<int64_t>(node.packer->series()) - before;
    }
    for (size_t i = 0; i < one->samples; ++i) {
      Sample sample = request.samples[one->first_sample + i];
      if (sample.t_ms < 0 || sample.t_ms > latest_ms) {
        reject(1, Bad(fmt::format("out of bounds: the time {} ms is {}", sample.t_ms,
                                  sample.t_ms < 0 ? "before 1970"
                                                  : "more than 10 minutes ahead of the "
                                                    "collector's clock")));
        continue;
      }
      if (IsHole(sample.value)) {
        sample.value = std::bit_cast<double>(kPlainNan);
      }
      node.packer->Put(*place, sample.t_ms, sample.value);
      ++taken;
    }
  }
  std::vector<PackedFrame> frames = node.packer->Pack(&node.next_seq, &repeated);
  if (frames.empty()) {
    return absl::OkStatus();
  }
  RONDA_RETURN_IF_ERROR(Append(node, std::move(frames), commits));
  outcome->samples += taken;
  MutexLock counters(&mu_);
  counters_.repeated_samples += repeated;
  return absl::OkStatus();
}

absl::Status Receiver::Append(Node& node, std::vector<PackedFrame> frames,
                              const std::shared_ptr<Commits>& commits) {
  std::vector<ingest::Arrival> arrivals;
  codec::RangeSet numbers;
  absl::Status status;
  for (PackedFrame& frame : frames) {
    if (frame.new_schema && status.ok()) {
      status = store_.AddSchema(frame.schema);
    }
    numbers.Add(frame.header.seq);
    ingest::Arrival& arrival = arrivals.emplace_back();
    arrival.live = false;
    arrival.schema = frame.schema;
    arrival.values = std::move(frame.values);
    arrival.entry.kind = frame.header.kind;
    arrival.entry.group = std::move(frame.group);
    arrival.entry.schema = frame.schema_hash;
    arrival.entry.run_first_seq = frame.run_first_seq;
    arrival.entry.seq = frame.header.seq;
    arrival.entry.crc = frame.header.crc;
    arrival.entry.t_ms = frame.t_ms;
    arrival.entry.bytes = std::move(frame.bytes);
  }
  if (status.ok()) {
    commits->Expect();
    status = pipeline_.AcceptImport(node.id, node.epoch, std::move(arrivals), numbers, commits);
    if (!status.ok()) {
      commits->Forget();
    }
  }
  if (!status.ok()) {
    node.packer->Undo();
  }
  return status;
}

void Receiver::TakeMetadata(const WriteRequest& request) {
  store::Batch batch;
  batch.epoch = epoch_;
  {
    MutexLock lock(&families_mu_);
    for (const MetadataView& view : request.metadata) {
      if (!IsName(view.family) || view.family.size() > kMaxNameBytes || !IsUtf8(view.help) ||
          !IsUtf8(view.unit)) {
        continue;
      }
      FamilyInfo info{view.type, std::string(view.help.substr(0, kMaxTextBytes)),
                      std::string(view.unit.substr(0, kMaxTextBytes))};
      while (!IsUtf8(info.help)) {
        info.help.pop_back();  // a letter that was cut
      }
      while (!IsUtf8(info.unit)) {
        info.unit.pop_back();
      }
      const std::string family(view.family);
      const auto known = families_.find(family);
      if ((known != families_.end() && known->second == info) ||
          (known == families_.end() && families_.size() >= kMaxFamilies)) {
        continue;
      }
      batch.state.push_back({std::string(kFamilySpace), family, EncodeFamily(info)});
      families_[family] = std::move(info);
    }
  }
  if (batch.state.empty()) {
    return;
  }
  ++description_;
  if (const absl::Status kept = store_.Append(std::move(batch)); !kept.ok()) {
    obs::Warn("remote", "descriptions of metrics are not kept over a restart: {}", Message(kept));
  }
}

MetricInfo Receiver::Describe(const std::string& metric) const {
  MutexLock lock(&families_mu_);
  const auto exact = families_.find(metric);
  if (exact != families_.end()) {
    return {metric, TypeOf(exact->second.type), exact->second.unit, exact->second.help};
  }
  for (const std::string_view suffix : {"_bucket", "_count", "_sum", "_total"}) {
    if (!metric.ends_with(suffix)) {
      continue;
    }
    const auto family = families_.find(metric.substr(0, metric.size() - suffix.size()));
    if (family != families_.end()) {
      return {metric, MetricType::kCounter, family->second.unit, family->second.help};
    }
  }
  // Nobody said. These endings are of counters by convention (OpenMetrics), and as such they are
  // rolled up; "_count" and "_sum" are of gauges too.
  const bool is_counter = metric.ends_with("_total") || metric.ends_with("_bucket");
  return {metric, is_counter ? MetricType::kCounter : MetricType::kUnknown, "", ""};
}

std::map<std::string, FamilyInfo> Receiver::Families() const {
  MutexLock lock(&families_mu_);
  return families_;
}

ReceiverCounters Receiver::counters() const {
  MutexLock lock(&mu_);
  ReceiverCounters out = counters_;
  out.series = series_.load();
  return out;
}

}  // namespace ronda::remote
