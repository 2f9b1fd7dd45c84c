// Tested by tests/unit/collector/ingest/session_test.cc.
#include "collector/ingest/session.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/codec/schema_codec.h"
#include "common/obs/log.h"
#include "ronda/v1/ingest.pb.h"

namespace ronda::ingest {
namespace {

constexpr uint32_t kProtocolVersion = 1;
// The capability of `ronda import` (proto/ronda/v1/ingest.proto).
constexpr std::string_view kImport = "import";
// The capability to take frames of an agent's earlier epochs.
constexpr std::string_view kEpochs = "epochs";
// Of an agent that is started again and again while no collector is there.
constexpr int kMaxKeptEpochs = 256;
constexpr size_t kMaxHeldRanges = 1000;
// What an agent may have in flight of backfill, in samples: granted at first, and again as it is
// committed. So the pace is that of the disk, and even among agents; an import has no live data
// beside it and may have more.
constexpr uint64_t kBackfillCredit = 250'000;
// Of all agents together, so that what a large fleet kept finds room when it all comes at once; but
// each may send a frame at least.
constexpr uint64_t kFleetCredit = 100'000'000;
constexpr uint64_t kLeastCredit = 10'000;
constexpr uint64_t kImportCredit = 2'000'000;

// At most the newest `max` ranges: what is left out comes again, is known and is acknowledged then.
void ToProto(const codec::RangeSet& set, google::protobuf::RepeatedPtrField<v1::SeqRange>* out,
             size_t max = SIZE_MAX) {
  const std::vector<codec::SeqRange>& ranges = set.ranges();
  for (const codec::SeqRange& range : std::span(ranges).last(std::min(max, ranges.size()))) {
    v1::SeqRange* added = out->Add();
    added->set_first(range.first);
    added->set_last(range.last);
  }
}

// What the work for a frame costs beside its samples, in samples: so that many small ones are no
// way round the limit. (For a message: session_limits.cc.)
constexpr double kFrameCost = 10;
// A schema is decoded and compared, a series of it costs as much as so many samples.
constexpr double kSchemaSeriesCost = 5;
// Samples of one message: what unpacks to more is a bomb, since agents send a tick, and backfill
// ends with the credit.
constexpr double kMaxMessageSamples = 1'000'000;
// Decoded samples that wait to be handed on together.
constexpr size_t kMaxPendingSamples = 100'000;

// Of what a decoder says.
Refusal RefusalOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnimplemented:
      return Refusal::kVersion;
    case absl::StatusCode::kFailedPrecondition:
      return Refusal::kOutOfOrder;
    case absl::StatusCode::kResourceExhausted:
      return Refusal::kMessageSize;
    default:
      return Refusal::kDamaged;
  }
}

// Of why a stream may not begin.
Refusal JoinRefusalOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kAlreadyExists:
      return Refusal::kClone;
    case absl::StatusCode::kFailedPrecondition:
      return Refusal::kRetired;
    case absl::StatusCode::kResourceExhausted:
      return Refusal::kAgents;
    case absl::StatusCode::kInvalidArgument:
      return Refusal::kLabels;
    default:
      return Refusal::kIdentity;
  }
}

}  // namespace

Session::Session(Pipeline& pipeline, store::Store& store, const Clock& clock, SessionLimits limits,
                 std::string peer, Outlet outlet, access::Peer who,
                 std::shared_ptr<const void> listed)
    : pipeline_(pipeline),
      store_(store),
      clock_(clock),
      limits_(limits),
      peer_(std::move(peer)),
      who_(std::move(who)),
      listed_(std::move(listed)),
      outlet_(std::move(outlet)) {}

Session::~Session() = default;

void Session::OnMessage(const v1::AgentMessage& message) {
  if (over_) {
    return;
  }
  if (!joined_ && message.message_case() != v1::AgentMessage::kHello) {
    Refuse(Refusal::kProtocol,
           Fail(absl::StatusCode::kFailedPrecondition, "the first message must be Hello"));
    return;
  }
  BeginMessage();
  switch (message.message_case()) {
    case v1::AgentMessage::kHello:
      OnHello(message.hello());
      break;
    case v1::AgentMessage::kSchema:
      OnSchema(message.schema().content());
      break;
    case v1::AgentMessage::kFrames: {
      const v1::Frames& frames = message.frames();
      TakeFrames({.backfill = frames.lane() == v1::LANE_BACKFILL,
                  .epoch = frames.epoch(),
                  .frames = {frames.frame().begin(), frames.frame().end()}});
      SendRejects();
      break;
    }
    case v1::AgentMessage::kGoodbye:
      goodbye_ = message.goodbye().reason().empty() ? "stopped" : message.goodbye().reason();
      break;
    case v1::AgentMessage::kBackfilled:
      pipeline_.Backfilled(node_, this);
      break;
    default:
      break;  // of a later version, or reserved: this collector offered none of it
  }
}

void Session::OnHello(const v1::Hello& hello) {
  if (joined_) {
    Refuse(Refusal::kProtocol, Fail(absl::StatusCode::kFailedPrecondition, "Hello came twice"));
    return;
  }
  node_name_ = hello.node().substr(0, 253);
  if (hello.versions().min() > kProtocolVersion || hello.versions().max() < kProtocolVersion) {
    Refuse(Refusal::kVersion,
           Fail(absl::StatusCode::kUnimplemented,
                "the agent speaks protocol versions {} to {}, this collector {}: upgrade the older "
                "of the two",
                hello.versions().min(), hello.versions().max(), kProtocolVersion));
    return;
  }
  if (hello.kept_size() > kMaxKeptEpochs) {
    Refuse(Refusal::kProtocol, Fail(absl::StatusCode::kInvalidArgument,
                                    "the agent kept frames of {} earlier epochs, {} are allowed",
                                    hello.kept_size(), kMaxKeptEpochs));
    return;
  }
  std::vector<Label> labels;
  for (const v1::Label& label : hello.labels()) {
    labels.push_back({label.name(), label.value()});
  }
  JoinRequest request;
  request.node = hello.node();
  request.labels = Labels(std::move(labels));
  request.epoch = {hello.epoch(), hello.epoch_started_ms()};
  request.machine_id = hello.machine_id().substr(0, 64);
  request.boot_id = hello.boot_id().substr(0, 64);
  request.agent_version = hello.agent_version().substr(0, 64);
  request.peer = peer_;
  request.clock_offset_ms = hello.now_ms() - clock_.NowMs();
  request.elsewhere = hello.elsewhere().substr(0, 256);
  for (const v1::KeptEpoch& kept : hello.kept()) {
    if (kept.epoch() != 0 && kept.epoch() != hello.epoch()) {
      request.kept.push_back({{kept.epoch(), kept.started_ms()},
                              kept.last_seq(),
                              kept.newest_ms(),
                              1,
                              kept.stopped()});
    }
  }
  import_ = std::find(hello.capabilities().begin(), hello.capabilities().end(), kImport) !=
            hello.capabilities().end();
  if (absl::Status may = access::CheckStream(who_, import_, &request.node); !may.ok()) {
    obs::Warn("ingest", "refused a stream peer={} who=\"{}\" reason=\"{}\"", peer_,
              access::Describe(who_), Message(may));
    Refuse(Refusal::kIdentity, may);
    return;
  }
  auto joined =
      import_ ? pipeline_.JoinImport(request) : pipeline_.Join(request, shared_from_this());
  if (!joined.ok()) {
    node_name_ = request.node;
    Refuse(JoinRefusalOf(joined.status()), joined.status());
    return;
  }
  joined_ = true;
  account_ = joined->account;
  node_ = joined->node;
  epochs_[request.epoch.id] = {request.epoch, joined->held};
  node_name_ = joined->name;
  node_labels_ = request.labels;
  epoch_ = request.epoch;
  v1::CollectorMessage answer;
  v1::Welcome* welcome = answer.mutable_welcome();
  welcome->set_version(kProtocolVersion);
  welcome->set_now_ms(clock_.NowMs());
  if (import_) {
    welcome->add_capabilities(std::string(kImport));
  } else {
    welcome->add_capabilities(std::string(kEpochs));
  }
  for (const KeptEpoch& of : request.kept) {
    const store::Epoch& kept = of.epoch;
    epochs_[kept.id] = {kept, store_.Held(node_, kept)};
    v1::HeldEpoch* held = welcome->add_held_kept();
    held->set_epoch(kept.id);
    ToProto(store_.Durable(node_, kept), held->mutable_held(), kMaxHeldRanges);
  }
  const uint64_t least = std::max<uint64_t>(kLeastCredit, limits_.max_series);
  const uint64_t share = std::clamp(kFleetCredit / std::max<uint64_t>(1, joined->nodes), least,
                                    std::max(least, kBackfillCredit));
  credit_ = static_cast<int64_t>(import_ ? kImportCredit : share);
  welcome->mutable_credit()->set_samples(static_cast<uint64_t>(credit_.load()));
  ToProto(joined->durable, welcome->mutable_held(), kMaxHeldRanges);
  outlet_.send(std::move(answer));
  obs::Info("ingest", "{} joined node={} peer={} version={} clock_offset_ms={}",
            import_ ? "import" : "agent", node_name_, peer_, request.agent_version,
            request.clock_offset_ms);
}

void Session::OnSchema(const std::string& content) {
  auto schema = codec::DecodeSchema(content);
  const SchemaHash hash = schema.ok() ? codec::HashSchema(*schema) : ContentHash(content);
  if (hash != awaited_ || ++schemas_taken_ > limits_.max_schemas) {
    Refuse(Refusal::kProtocol,
           Fail(absl::StatusCode::kInvalidArgument,
                "a schema that was not asked for, or more than {} on one stream",
                limits_.max_schemas));
    return;
  }
  if (schema.ok()) {
    Charge(static_cast<double>(schema->series.size()) * kSchemaSeriesCost);
    offered_ = std::make_shared<const Schema>(*std::move(schema));
  } else if (schema.status().code() == absl::StatusCode::kInvalidArgument) {
    // As it should be, and not allowed: that costs its group, and not the others.
    RefuseSchema(awaited_, {Refusal::kLabels, schema.status()});
  } else {
    Refuse(RefusalOf(schema.status()), Annotate(schema.status(), "schema"));
    return;
  }
  offered_hash_ = awaited_;
  awaited_ = {};
  Pending pending;
  std::deque<Parked> parked = std::exchange(parked_, {});
  parked_bytes_ = 0;
  for (const Parked& frame : parked) {
    if (frame.message != message_) {
      message_ = frame.message;
      message_samples_ = 0;
    }
    if (!parked_.empty()) {
      // It was parked again, for another schema: the rest follows it.
      if (!Park(frame.origin, frame.bytes)) {
        return;
      }
      continue;
    }
    if (frame.origin != pending.origin ||
        pending.samples + pending.backfilled > kMaxPendingSamples) {
      Deliver(std::exchange(pending, {}));
      pending.origin = frame.origin;
    }
    TakeFrame(frame.bytes, &pending);
    if (over_) {
      return;
    }
  }
  offered_ = nullptr;
  Deliver(std::move(pending));
  SendRejects();
}

void Session::OnFrames(const FramesView& view) {
  if (over_) {
    return;
  }
  if (!joined_) {
    Refuse(Refusal::kProtocol,
           Fail(absl::StatusCode::kFailedPrecondition, "the first message must be Hello"));
    return;
  }
  BeginMessage();
  TakeFrames(view);
  SendRejects();
}

void Session::TakeFrames(const FramesView& view) {
  const Origin origin{!view.backfill, view.epoch == 0 ? epoch_.id : view.epoch};
  if (!epochs_.contains(origin.epoch) || (origin.live && origin.epoch != epoch_.id)) {
    Refuse(
        Refusal::kProtocol,
        Fail(absl::StatusCode::kInvalidArgument,
             "frames of an epoch that Hello did not name, or of an earlier one in the live lane"));
    return;
  }
  Pending pending;
  pending.origin = origin;
  for (const std::string_view bytes : view.frames) {
    if (!parked_.empty()) {
      if (!Park(origin, bytes)) {
        return;
      }
      continue;
    }
    TakeFrame(bytes, &pending);
    if (over_) {
      return;
    }
    if (pending.samples + pending.backfilled > kMaxPendingSamples) {
      Deliver(std::exchange(pending, {}));
      pending.origin = origin;
    }
  }
  Deliver(std::move(pending));
}

bool Session::Park(const Origin& origin, std::string_view bytes) {
  parked_bytes_ += bytes.size();
  if (parked_bytes_ > limits_.max_parked_bytes) {
    Refuse(Refusal::kProtocol,
           Fail(absl::StatusCode::kResourceExhausted,
                "the schema that was asked for did not come before {} bytes of frames",
                limits_.max_parked_bytes));
    return false;
  }
  parked_.push_back({origin, std::string(bytes), message_});
  return true;
}

absl::StatusOr<bool> Session::IsKnown(uint64_t epoch, const codec::FrameHeader& header) {
  const EpochSeen& of = epochs_.at(epoch);
  if (!of.seen.Contains(header.seq)) {
    return false;
  }
  const std::optional<uint32_t> crc = store_.FindCrc(node_, of.epoch, header.seq);
  if (!crc.has_value() || *crc == header.crc) {
    return true;
  }
  if (epoch != epoch_.id) {
    return Fail(absl::StatusCode::kDataLoss,
                "frame {} of an earlier epoch is held with another "
                "content",
                header.seq);
  }
  const int64_t now = clock_.NowMs();
  pipeline_.RecordGap(node_, now, now, "", "rejected",
                      fmt::format("sequence number {} came with two contents", header.seq));
  v1::CollectorMessage order;
  order.mutable_new_epoch()->set_detail(
      fmt::format("frame {} is held with another content", header.seq));
  outlet_.send(std::move(order));
  over_ = true;
  obs::Warn("ingest",
            "a sequence number came with two contents node={} seq={}: ordered a new "
            "epoch",
            node_name_, header.seq);
  return true;
}

void Session::TakeFrame(std::string_view bytes, Pending* pending) {
  if (over_) {
    return;
  }
  Charge(kFrameCost);
  const Origin origin = pending->origin;
  const bool live = origin.live;
  if (!live && origin.epoch != backfill_epoch_) {
    backfill_epoch_ = origin.epoch;
    std::erase_if(groups_, [](const auto& group) { return !group.first.first; });
  }
  if (bytes.size() > codec::kMaxFrameBytes) {
    RejectFrame(origin.epoch, 0, Refusal::kMessageSize,
                Fail(absl::StatusCode::kResourceExhausted, "a frame of {} bytes, {} are allowed",
                     bytes.size(), codec::kMaxFrameBytes));
    return;
  }
  const auto header = codec::ParseFrameHeader(bytes);
  if (!header.ok()) {
    RejectFrame(origin.epoch, 0, RefusalOf(header.status()), header.status());
    return;
  }
  const absl::StatusOr<bool> known = IsKnown(origin.epoch, *header);
  if (over_) {
    return;
  }
  if (!known.ok()) {
    RejectFrame(origin.epoch, header->seq, RefusalOf(known.status()), known.status());
    return;
  }
  if (groups_.size() >= 2 * limits_.max_groups && !groups_.contains({live, header->group})) {
    RejectFrame(
        origin.epoch, header->seq, Refusal::kSeries,
        Fail(absl::StatusCode::kResourceExhausted, "more than {} groups", limits_.max_groups));
    return;
  }
  Group& group = groups_[{live, header->group}];
  const bool records = header->kind == codec::FrameKind::kRecordKey ||
                       header->kind == codec::FrameKind::kRecordDelta;
  if (records) {
    TakeRecords(*header, bytes, *known, group, pending);
  } else {
    TakeSamples(*header, bytes, *known, group, pending);
  }
}

void Session::TakeSamples(const codec::FrameHeader& header, std::string_view bytes, bool known,
                          Group& group, Pending* pending) {
  const bool live = pending->origin.live;
  const uint64_t epoch = pending->origin.epoch;
  if (absl::Status decoded = group.samples.Decode(bytes); !decoded.ok()) {
    RejectFrame(epoch, header.seq, RefusalOf(decoded), decoded);
    return;
  }
  const codec::SampleRunDecoder& frame = group.samples;
  // Backfill has its credit.
  const double samples = live ? static_cast<double>(frame.values().size()) : 0;
  Charge(samples);
  message_samples_ += samples;
  if (message_samples_ > kMaxMessageSamples) {
    Refuse(Refusal::kMessageSize, Fail(absl::StatusCode::kResourceExhausted,
                                       "a message of more than {} samples", kMaxMessageSamples));
    return;
  }
  if (codec::IsKey(header.kind)) {
    const auto refused = refused_schemas_.find(frame.schema_hash());
    if (refused != refused_schemas_.end()) {
      if (refused->second.until_mono_ms > clock_.MonotonicMs()) {
        group.skip_run = true;
        RejectFrame(epoch, header.seq, refused->second.refusal, refused->second.why);
        return;
      }
      refused_schemas_.erase(refused);
    }
    group.schema = store_.FindSchema(frame.schema_hash());
    const bool is_new = group.schema == nullptr;
    if (is_new && offered_ != nullptr && offered_hash_ == frame.schema_hash()) {
      group.schema = offered_;
    }
    if (group.schema == nullptr) {
      Park(pending->origin, bytes);
      if (awaited_ != frame.schema_hash()) {
        awaited_ = frame.schema_hash();
        v1::CollectorMessage request;
        request.mutable_schema_request()->set_hash(std::string(awaited_.begin(), awaited_.end()));
        outlet_.send(std::move(request));
      }
      return;
    }
    Refusal refusal{};
    const absl::Status fits = BeginRun(frame, group, &refusal);
    group.skip_run = !fits.ok();
    if (!fits.ok()) {
      RejectFrame(epoch, header.seq, refusal, fits);
      return;
    }
    if (absl::Status added = is_new ? store_.AddSchema(offered_) : absl::OkStatus(); !added.ok()) {
      Close(Annotate(added, "adding a schema"));
      return;
    }
  }
  if (group.skip_run) {
    RejectFrame(epoch, header.seq, Refusal::kOutOfOrder,
                Fail(absl::StatusCode::kFailedPrecondition, "its run was refused"));
    return;
  }
  if (frame.t_ms() > clock_.NowMs() + limits_.max_ahead_ms) {
    group.skip_run = true;  // its deltas would have no predecessor in the store
    RejectFrame(epoch, header.seq, Refusal::kClock,
                Fail(absl::StatusCode::kOutOfRange,
                     "the node's clock is {} s ahead of the collector's: set it right",
                     (frame.t_ms() - clock_.NowMs()) / 1000));
    return;
  }
  pending->acknowledge.Add(header.seq);
  pending->backfilled += live ? 0 : frame.values().size();
  if (known) {
    return;
  }
  epochs_.at(epoch).seen.Add(header.seq);
  pending->samples += frame.values().size();
  Arrival arrival;
  arrival.live = live;
  arrival.schema = group.schema;
  arrival.values.assign(frame.values().begin(), frame.values().end());
  arrival.changed.assign(frame.changed().begin(), frame.changed().end());
  arrival.entry.kind = header.kind;
  arrival.entry.group = frame.identity();
  arrival.entry.schema = frame.schema_hash();
  arrival.entry.run_first_seq = frame.run_first_seq();
  arrival.entry.seq = header.seq;
  arrival.entry.crc = header.crc;
  arrival.entry.t_ms = frame.t_ms();
  arrival.entry.bytes.assign(bytes);
  pending->arrivals.push_back(std::move(arrival));
}

void Session::TakeRecords(const codec::FrameHeader& header, std::string_view bytes, bool known,
                          Group& group, Pending* pending) {
  const bool live = pending->origin.live;
  const uint64_t epoch = pending->origin.epoch;
  if (absl::Status decoded = group.records.Decode(bytes); !decoded.ok()) {
    RejectFrame(epoch, header.seq, RefusalOf(decoded), decoded);
    return;
  }
  pending->acknowledge.Add(header.seq);
  pending->backfilled += live ? 0 : 1;
  if (known) {
    return;
  }
  epochs_.at(epoch).seen.Add(header.seq);
  Arrival arrival;
  arrival.live = live;
  arrival.entry.kind = header.kind;
  arrival.entry.group.name = group.records.kind().name;
  arrival.entry.run_first_seq = group.records.run_first_seq();
  arrival.entry.seq = header.seq;
  arrival.entry.crc = header.crc;
  const auto rows = group.records.rows();
  arrival.entry.t_ms = rows.empty() ? clock_.NowMs() : rows.front().t_ms;
  arrival.entry.bytes.assign(bytes);
  pending->arrivals.push_back(std::move(arrival));
}

void Session::Deliver(Pending pending) {
  if (over_ || pending.acknowledge.empty()) {
    return;
  }
  // Granted again with the commit; what was known already cost the agent credit as well.
  credit_due_ += pending.backfilled;
  credit_ -= static_cast<int64_t>(pending.backfilled);
  if (credit_ < -static_cast<int64_t>(kImportCredit)) {
    Refuse(Refusal::kRate, Fail(absl::StatusCode::kResourceExhausted,
                                "{} samples of backfill beyond what was granted", -credit_));
    return;
  }
  absl::StatusOr<bool> taken = true;
  const store::Epoch epoch = epochs_.at(pending.origin.epoch).epoch;
  if (import_) {
    if (absl::Status status = pipeline_.AcceptImport(node_, epoch, std::move(pending.arrivals),
                                                     pending.acknowledge, weak_from_this());
        !status.ok()) {
      taken = std::move(status);
    }
  } else {
    taken = pipeline_.Accept(node_, epoch, std::move(pending.arrivals), pending.acknowledge,
                             weak_from_this());
  }
  if (!taken.ok()) {
    Close(taken.status());
    return;
  }
}

void Session::OnClosed() {
  over_ = true;
  if (joined_) {
    if (!import_) {
      pipeline_.Leave(node_, this, goodbye_);
    }
    obs::Info("ingest", "{} left node={} peer={} {}", import_ ? "import" : "agent", node_name_,
              peer_, goodbye_.empty() ? "without goodbye" : "goodbye=" + goodbye_);
  }
}

void Session::Acknowledge(uint64_t epoch, const codec::RangeSet& seqs) {
  v1::CollectorMessage message;
  message.mutable_ack()->set_epoch(epoch == epoch_.id ? 0 : epoch);
  ToProto(seqs, message.mutable_ack()->mutable_range());
  message.mutable_ack()->set_now_ms(clock_.NowMs());
  outlet_.send(std::move(message));
  // While much waits for the disk, with one of the next: live frames are acknowledged each second.
  if (credit_due_ > 0 && (import_ || pipeline_.TakesBackfill())) {
    v1::CollectorMessage grant;
    const uint64_t due = credit_due_.exchange(0);
    credit_ += static_cast<int64_t>(due);
    grant.mutable_credit()->set_samples(due);
    outlet_.send(std::move(grant));
  }
}

void Session::Close(const absl::Status& why) {
  over_ = true;
  outlet_.close(why);
}

}  // namespace ronda::ingest
