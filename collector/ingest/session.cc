// Tested by tests/unit/collector/ingest/session_test.cc.
#include "collector/ingest/session.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

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
constexpr int64_t kRefusedLogMs = 60'000;
constexpr size_t kMaxHeldRanges = 1000;
// What an agent may have in flight of backfill, in samples: granted at first, and again as it is
// committed. So the pace is that of the disk, and even among agents; an import has no live data
// beside it and may have more.
constexpr uint64_t kBackfillCredit = 250'000;
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

int ReasonOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnimplemented:
      return v1::Reject::UNSUPPORTED_VERSION;
    case absl::StatusCode::kFailedPrecondition:
      return v1::Reject::OUT_OF_ORDER;
    case absl::StatusCode::kResourceExhausted:
      return v1::Reject::TOO_LARGE;
    default:
      return v1::Reject::DAMAGED;
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
    Close(Fail(absl::StatusCode::kFailedPrecondition, "the first message must be Hello"));
    return;
  }
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
    Close(Fail(absl::StatusCode::kFailedPrecondition, "Hello came twice"));
    return;
  }
  if (hello.versions().min() > kProtocolVersion || hello.versions().max() < kProtocolVersion) {
    Close(Fail(absl::StatusCode::kUnimplemented,
               "the agent speaks protocol versions {} to {}, this collector {}: upgrade the older "
               "of the two",
               hello.versions().min(), hello.versions().max(), kProtocolVersion));
    return;
  }
  if (hello.kept_size() > kMaxKeptEpochs) {
    Close(Fail(absl::StatusCode::kInvalidArgument,
               "the agent kept frames of {} earlier epochs, {} are allowed", hello.kept_size(),
               kMaxKeptEpochs));
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
    Close(may);
    return;
  }
  auto joined =
      import_ ? pipeline_.JoinImport(request) : pipeline_.Join(request, shared_from_this());
  if (!joined.ok()) {
    Close(joined.status());
    return;
  }
  joined_ = true;
  node_ = joined->node;
  epochs_[request.epoch.id] = {request.epoch, joined->held};
  node_name_ = request.node;
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
  welcome->mutable_credit()->set_samples(import_ ? kImportCredit : kBackfillCredit);
  ToProto(joined->durable, welcome->mutable_held(), kMaxHeldRanges);
  outlet_.send(std::move(answer));
  obs::Info("ingest", "{} joined node={} peer={} version={} clock_offset_ms={}",
            import_ ? "import" : "agent", node_name_, peer_, request.agent_version,
            request.clock_offset_ms);
}

absl::Status Session::CheckSchema(const Schema& schema) const {
  if (schema.series.size() > limits_.max_series) {
    return Fail(absl::StatusCode::kResourceExhausted, "{} series, {} are allowed",
                schema.series.size(), limits_.max_series);
  }
  for (const Schema::Series& series : schema.series) {
    for (const Label& label : series.labels.all()) {
      if (!node_labels_.Get(label.name).empty()) {
        return Fail(absl::StatusCode::kInvalidArgument,
                    "the node's label {} is also a label of {}: rename it in agent.yml", label.name,
                    schema.metrics[series.metric].name);
      }
    }
  }
  return absl::OkStatus();
}

void Session::OnSchema(const std::string& content) {
  auto schema = codec::DecodeSchema(content);
  if (!schema.ok()) {
    Close(Annotate(schema.status(), "schema"));
    return;
  }
  if (codec::HashSchema(*schema) != awaited_ || ++schemas_taken_ > limits_.max_schemas) {
    Close(Fail(absl::StatusCode::kInvalidArgument,
               "a schema that was not asked for, or more than {} on one stream",
               limits_.max_schemas));
    return;
  }
  if (schema->series.size() > limits_.max_series) {
    refused_schemas_[awaited_] = schema->series.size();  // not kept: its frames are refused
  } else if (absl::Status added =
                 store_.AddSchema(std::make_shared<const Schema>(*std::move(schema)));
             !added.ok()) {
    Close(Annotate(added, "adding a schema"));
    return;
  }
  awaited_ = {};
  Pending pending;
  std::deque<Parked> parked = std::exchange(parked_, {});
  parked_bytes_ = 0;
  for (const Parked& frame : parked) {
    if (!parked_.empty()) {
      // It was parked again, for another schema: the rest follows it.
      if (!Park(frame.origin, frame.bytes)) {
        return;
      }
      continue;
    }
    if (frame.origin != pending.origin) {
      Deliver(std::exchange(pending, {}));
      pending.origin = frame.origin;
    }
    TakeFrame(frame.bytes, &pending);
  }
  Deliver(std::move(pending));
}

void Session::OnFrames(const FramesView& view) {
  if (over_) {
    return;
  }
  if (!joined_) {
    Close(Fail(absl::StatusCode::kFailedPrecondition, "the first message must be Hello"));
    return;
  }
  TakeFrames(view);
}

void Session::TakeFrames(const FramesView& view) {
  const Origin origin{!view.backfill, view.epoch == 0 ? epoch_.id : view.epoch};
  if (!epochs_.contains(origin.epoch) || (origin.live && origin.epoch != epoch_.id)) {
    Close(
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
  }
  Deliver(std::move(pending));
}

bool Session::Park(const Origin& origin, std::string_view bytes) {
  parked_bytes_ += bytes.size();
  if (parked_bytes_ > limits_.max_parked_bytes) {
    Close(Fail(absl::StatusCode::kResourceExhausted,
               "the schema that was asked for did not come before {} bytes of frames",
               limits_.max_parked_bytes));
    return false;
  }
  parked_.push_back({origin, std::string(bytes)});
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
  const Origin origin = pending->origin;
  const bool live = origin.live;
  if (!live && origin.epoch != backfill_epoch_) {
    backfill_epoch_ = origin.epoch;
    std::erase_if(groups_, [](const auto& group) { return !group.first.first; });
  }
  if (bytes.size() > codec::kMaxFrameBytes) {
    RejectFrame(origin.epoch, 0, v1::Reject::TOO_LARGE,
                Fail(absl::StatusCode::kResourceExhausted, "a frame of {} bytes, {} are allowed",
                     bytes.size(), codec::kMaxFrameBytes));
    return;
  }
  const auto header = codec::ParseFrameHeader(bytes);
  if (!header.ok()) {
    RejectFrame(origin.epoch, 0, ReasonOf(header.status()), header.status());
    return;
  }
  const absl::StatusOr<bool> known = IsKnown(origin.epoch, *header);
  if (over_) {
    return;
  }
  if (!known.ok()) {
    RejectFrame(origin.epoch, header->seq, ReasonOf(known.status()), known.status());
    return;
  }
  if (groups_.size() >= 2 * limits_.max_groups && !groups_.contains({live, header->group})) {
    RejectFrame(
        origin.epoch, header->seq, v1::Reject::TOO_MANY_SERIES,
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
    RejectFrame(epoch, header.seq, ReasonOf(decoded), decoded);
    return;
  }
  const codec::SampleRunDecoder& frame = group.samples;
  if (codec::IsKey(header.kind)) {
    const auto refused = refused_schemas_.find(frame.schema_hash());
    if (refused != refused_schemas_.end()) {
      group.skip_run = true;
      RejectFrame(epoch, header.seq, v1::Reject::TOO_MANY_SERIES,
                  Fail(absl::StatusCode::kResourceExhausted, "{} series, {} are allowed",
                       refused->second, limits_.max_series));
      return;
    }
    group.schema = store_.FindSchema(frame.schema_hash());
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
    group.skip_run = false;
    absl::Status fits =
        checked_.contains(frame.schema_hash()) ? absl::OkStatus() : CheckSchema(*group.schema);
    if (fits.ok() && frame.values().size() != group.schema->series.size()) {
      fits = Fail(absl::StatusCode::kDataLoss, "{} values for a schema of {} series",
                  frame.values().size(), group.schema->series.size());
    }
    if (fits.ok() && identities_.insert(frame.identity()).second &&
        identities_.size() > limits_.max_groups) {
      fits = Fail(absl::StatusCode::kResourceExhausted, "more than {} groups", limits_.max_groups);
    }
    if (fits.ok() && (frame.identity().job.empty() || frame.identity().name.empty())) {
      fits = Fail(absl::StatusCode::kInvalidArgument, "a group without a name or a job");
    }
    if (!fits.ok()) {
      group.skip_run = true;
      const int reason = fits.code() == absl::StatusCode::kInvalidArgument
                             ? static_cast<int>(v1::Reject::RESERVED_LABEL)
                         : fits.code() == absl::StatusCode::kResourceExhausted
                             ? static_cast<int>(v1::Reject::TOO_MANY_SERIES)
                             : static_cast<int>(v1::Reject::DAMAGED);
      RejectFrame(epoch, header.seq, reason, fits);
      return;
    }
    checked_.insert(frame.schema_hash());
  }
  if (group.skip_run) {
    RejectFrame(epoch, header.seq, v1::Reject::OUT_OF_ORDER,
                Fail(absl::StatusCode::kFailedPrecondition, "its run was refused"));
    return;
  }
  if (frame.t_ms() > clock_.NowMs() + limits_.max_ahead_ms) {
    group.skip_run = true;  // its deltas would have no predecessor in the store
    RejectFrame(epoch, header.seq, v1::Reject::FROM_THE_FUTURE,
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
    RejectFrame(epoch, header.seq, ReasonOf(decoded), decoded);
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

void Session::RejectFrame(uint64_t epoch, uint64_t seq, int reason, const absl::Status& why) {
  v1::CollectorMessage message;
  v1::Reject* reject = message.mutable_reject();
  const auto reason_value = static_cast<v1::Reject::Reason>(reason);
  reject->set_reason(reason_value);
  reject->set_detail(std::string(Message(why)));
  reject->set_epoch(epoch == epoch_.id ? 0 : epoch);
  if (seq != 0) {
    v1::SeqRange* range = reject->add_range();
    range->set_first(seq);
    range->set_last(seq);
  }
  outlet_.send(std::move(message));
  // The first at once, then one line a minute with their number.
  ++refused_since_log_;
  const int64_t now = clock_.MonotonicMs();
  if (refused_log_ms_ != 0 && now - refused_log_ms_ < kRefusedLogMs) {
    return;
  }
  obs::Warn("ingest", "refused frames node={} peer={} count={} last_seq={} reason={} detail=\"{}\"",
            node_name_, peer_, refused_since_log_, seq, v1::Reject::Reason_Name(reason_value),
            Message(why));
  refused_log_ms_ = now;
  refused_since_log_ = 0;
}

void Session::Deliver(Pending pending) {
  if (over_ || pending.acknowledge.empty()) {
    return;
  }
  // Granted again with the commit; what was known already cost the agent credit as well.
  credit_due_ += pending.backfilled;
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
    grant.mutable_credit()->set_samples(credit_due_.exchange(0));
    outlet_.send(std::move(grant));
  }
}

void Session::Close(const absl::Status& why) {
  over_ = true;
  outlet_.close(why);
}

}  // namespace ronda::ingest
