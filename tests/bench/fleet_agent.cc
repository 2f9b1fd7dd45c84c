#include "tests/bench/fleet_agent.h"

#include <fmt/format.h>

#include <span>

#include "common/base/digest.h"
#include "common/codec/schema_codec.h"
#include "common/codec/varint.h"
#include "ronda/v1/ingest.pb.h"

namespace ronda::bench {
namespace {

// Runs of real agents begin when each of them was started, not all in one second.
int64_t FirstRunTicks(int node) {
  return 1 + static_cast<int64_t>(node) * 7919 % codec::kMaxRunFrames;
}

}  // namespace

FleetAgent::FleetAgent(const ScaleSet& set, int node, bool tls)
    : set_(set),
      node_(node),
      tls_(tls),
      epoch_(RandomBits()),
      values_(set, node),
      encoder_(1, {"host", set.job, ""}) {
  encoder_.StartRun(set.schema);
}

void FleetAgent::Connect(const std::string& authority, int64_t now_ms) {
  stream_ =
      std::make_unique<H2Stream>(tls_ ? "https" : "http", authority, "/ronda.v1.Ingest/Stream");
  welcomed_ = false;
  v1::AgentMessage message;
  v1::Hello* hello = message.mutable_hello();
  hello->mutable_versions()->set_min(1);
  hello->mutable_versions()->set_max(1);
  hello->set_node(ScaleSet::NodeName(node_));
  hello->set_epoch(epoch_);
  hello->set_epoch_started_ms(set_.start_ms);
  hello->set_boot_id("bench");
  hello->set_agent_version("ronda-bench");
  hello->set_now_ms(now_ms);
  stream_->Send(message.SerializeAsString());
}

void FleetAgent::SendFrame(const std::string& frame) {
  // AgentMessage{frames{lane: LANE_LIVE, frame}}, by hand: ten thousand a second.
  std::string frames{"\x08\x01\x12", 3};
  codec::PutVarint(&frames, frame.size());
  std::string message{"\x1a", 1};
  codec::PutVarint(&message, frames.size() + frame.size());
  message += frames;
  message += frame;
  stream_->Send(message);
}

void FleetAgent::Tick(int64_t t_ms, int64_t now_ns, FleetTally* tally) {
  std::span<const double> values = values_.Next();
  if (replaced_) {
    with_replaced_.assign(values.begin(), values.end());
    with_replaced_[replaced_->series] = replaced_->value;
    values = with_replaced_;
  }
  ++ticks_;
  if (!welcomed_) {
    return;
  }
  if (ticks_ == FirstRunTicks(node_)) {
    encoder_.StartRun(set_.schema);
  }
  const Sent& sent = sent_.emplace_back(Sent{static_cast<uint64_t>(ticks_), now_ns});
  frame_.clear();
  encoder_.Encode(sent.seq, t_ms, values, &frame_);
  ++tally->frames;
  tally->samples += static_cast<int64_t>(set_.series());
  SendFrame(frame_);
}

void FleetAgent::Disconnect() {
  stream_.reset();
  welcomed_ = false;
  sent_.clear();
  encoder_.StartRun(set_.schema);
}

void FleetAgent::Stop() {
  v1::AgentMessage message;
  message.mutable_goodbye()->set_reason("stopped");
  stream_->Send(message.SerializeAsString());
}

bool FleetAgent::Receive(std::string_view bytes, int64_t now_ns, FleetTally* tally) {
  return stream_->Receive(bytes,
                          [&](std::string_view message) { OnMessage(message, now_ns, tally); });
}

void FleetAgent::OnAck(uint64_t first, uint64_t last, int64_t now_ns, FleetTally* tally) {
  if (first == 0 || first > last || last > static_cast<uint64_t>(ticks_)) {
    ++tally->unasked;
    tally->Complain(fmt::format("{}: frames {} to {} were acknowledged, {} were sent",
                                ScaleSet::NodeName(node_), first, last, ticks_));
    return;
  }
  acknowledged_.AddRange({first, last});
  while (!sent_.empty() && acknowledged_.Contains(sent_.front().seq)) {
    ++tally->acknowledged;
    if (tally->keep_ack_ms) {
      tally->ack_ms.push_back(static_cast<float>(now_ns - sent_.front().at_ns) / 1e6F);
    }
    sent_.pop_front();
  }
}

void FleetAgent::OnMessage(std::string_view bytes, int64_t now_ns, FleetTally* tally) {
  v1::CollectorMessage message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    tally->Complain("a message that cannot be parsed");
    return;
  }
  switch (message.message_case()) {
    case v1::CollectorMessage::kWelcome:
      welcomed_ = true;
      for (const v1::SeqRange& range : message.welcome().held()) {
        OnAck(range.first(), range.last(), now_ns, tally);
      }
      break;
    case v1::CollectorMessage::kAck:
      ++tally->acks;
      for (const v1::SeqRange& range : message.ack().range()) {
        OnAck(range.first(), range.last(), now_ns, tally);
      }
      break;
    case v1::CollectorMessage::kSchemaRequest: {
      v1::AgentMessage answer;
      answer.mutable_schema()->set_content(codec::EncodeSchema(*set_.schema));
      stream_->Send(answer.SerializeAsString());
      break;
    }
    case v1::CollectorMessage::kReject:
      ++tally->rejected;
      tally->Complain(
          fmt::format("{}: refused, {}", ScaleSet::NodeName(node_), message.reject().detail()));
      break;
    case v1::CollectorMessage::kNewEpoch:
      tally->Complain(message.new_epoch().detail());
      break;
    default:
      break;
  }
}

std::string FleetRules() {
  struct Threshold {
    const char* expr;
    const char* hold;  // `for`
  };
  static constexpr Threshold kThresholds[] = {
      {"node_load1 > 40", "1m"},
      {"node_load5 > 30", "5m"},
      {"node_load15 > 20", "10m"},
      {"node_memory_MemAvailable_bytes < 1000000", "1m"},
      {"node_memory_MemFree_bytes < 1000000", "1m"},
      {"node_memory_Dirty_bytes > 1e12", "1m"},
      {"node_memory_Writeback_bytes > 1e12", "1m"},
      {"node_memory_Committed_AS_bytes > 1e13", "5m"},
      {"node_filesystem_avail_bytes < 1000", "0s"},
      {"node_filesystem_files_free < 10", "0s"},
      {"node_disk_io_now > 1000", "30s"},
      {"node_cpu_seconds_total{mode=\"steal\"} > 1e9", "1m"},
      {"node_cpu_seconds_total{mode=\"iowait\"} > 1e9", "1m"},
      {"node_network_receive_errs_total > 1e9", "1m"},
      {"node_network_transmit_drop_total > 1e9", "1m"},
      {"node_procs_blocked > 200", "1m"},
      {"node_procs_running > 500", "1m"},
      {"node_filefd_allocated > 1e9", "1m"},
      {"node_vmstat_oom_kill > 1e6", "0s"},
      {"node_netstat_Tcp_CurrEstab > 1e6", "1m"},
  };
  std::string yaml = "groups:\n  - name: fleet\n    rules:\n";
  int number = 0;
  for (const Threshold& threshold : kThresholds) {
    yaml += fmt::format(
        "      - alert: Fleet{}\n        expr: {}\n        for: {}\n"
        "        labels: {{severity: warning}}\n"
        "        annotations: {{summary: \"{{{{ $labels.node }}}} has {{{{ $value }}}}\"}}\n",
        ++number, threshold.expr, threshold.hold);
  }
  return yaml;
}

}  // namespace ronda::bench
