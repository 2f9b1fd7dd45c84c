#include "collector/store/appender.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "common/base/status.h"
#include "common/codec/frame.h"

namespace ronda::store {
namespace {

absl::Status Refuse(const Batch& batch, const FrameEntry& frame, std::string_view why) {
  return Fail(absl::StatusCode::kInvalidArgument, "appending frame {} of node {}, group {}: {}",
              frame.seq, batch.node, frame.group.name, why);
}

bool IsSample(codec::FrameKind kind) {
  return kind == codec::FrameKind::kSampleKey || kind == codec::FrameKind::kSampleDelta;
}

}  // namespace

HeadRun* RestoreRun(StoreState* state, const RunKey& key, const CoveredRun& covered,
                    std::shared_ptr<const SourceEntry> source, int64_t now_ms) {
  if (source == nullptr || covered.frames.empty()) {
    return nullptr;
  }
  const absl::StatusOr<std::vector<HeadFrame>> frames =
      DecodeFrames(source->row.node_name, key, covered.frames);
  if (!frames.ok() || frames->empty()) {
    return nullptr;
  }
  HeadRun run;
  run.key = key;
  run.source = std::move(source);
  run.schema = state->catalogue.FindSchema(covered.schema);
  run.sealed_frames = frames->size();
  run.due_since_ms = now_ms;
  HeadRun* const added =
      state->head.AddRun(state->head.PutEpoch(key.node, key.epoch), std::move(run));
  for (const HeadFrame& frame : *frames) {
    state->head.AddFrame(added, frame);
  }
  return added;
}

absl::Status Appender::Append(std::vector<Batch> batches) {
  if (disk_.full() && std::any_of(batches.begin(), batches.end(), [](const Batch& batch) {
        return !batch.frames.empty() && !batch.essential;
      })) {
    return Fail(absl::StatusCode::kResourceExhausted, "appending: the disk is full");
  }
  if (journal_.pending_bytes() > max_pending_bytes_) {
    return Fail(absl::StatusCode::kResourceExhausted,
                "appending: {} bytes wait for the journal already", journal_.pending_bytes());
  }
  for (bool again = false;; again = true) {
    Plan plan;
    {
      MutexLock lock(&state_.mu);
      absl::Status status;
      for (const Batch& batch : batches) {
        status = CheckLocked(batch, &plan);
        if (!status.ok()) {
          break;
        }
      }
      if (status.ok() && plan.missing.empty()) {
        InsertLocked(&batches, std::move(plan));
        return status;
      }
      if (!plan.writes.empty()) {
        // Sources that were made on the way stay: their rows have to reach the file.
        journal_.Add(state_.next_order, {}, std::move(plan.writes), {}, {});
      }
      RONDA_RETURN_IF_ERROR(status);
    }
    if (again) {
      const RunKey& run = plan.missing[0].run;
      return Fail(absl::StatusCode::kFailedPrecondition,
                  "appending for node {}: run {} of epoch {:x} is not held", run.node,
                  run.first_seq, run.epoch.id);
    }
    for (const Planned& missing : plan.missing) {
      RONDA_RETURN_IF_ERROR(Reload(missing));
    }
  }
}

absl::Status Appender::CheckLocked(const Batch& batch, Plan* plan) {
  if (!batch.frames.empty() && state_.catalogue.FindNode(batch.node) == nullptr) {
    return Fail(absl::StatusCode::kInvalidArgument, "appending for node {}: not known", batch.node);
  }
  for (const FrameEntry& frame : batch.frames) {
    RONDA_RETURN_IF_ERROR(CheckFrameLocked(batch, frame, plan));
  }
  return absl::OkStatus();
}

absl::Status Appender::CheckFrameLocked(const Batch& batch, const FrameEntry& frame, Plan* plan) {
  const absl::StatusOr<codec::FrameHeader> header = codec::ParseFrameHeader(frame.bytes);
  RONDA_RETURN_IF_ERROR(header.status());
  if (header->seq != frame.seq || header->crc != frame.crc || header->kind != frame.kind) {
    return Refuse(batch, frame, "the frame says otherwise");
  }
  const EpochState* epoch = state_.head.FindEpoch(batch.node, batch.epoch.id);
  if ((epoch != nullptr && epoch->held.Contains(frame.seq)) ||
      !plan->numbers[{batch.node, batch.epoch.id}].Add(frame.seq)) {
    return Refuse(batch, frame, "held already");
  }
  Planned planned;
  planned.frame = &frame;
  planned.run = {batch.node, batch.epoch, frame.run_first_seq};
  if (IsSample(frame.kind)) {
    planned.schema = state_.catalogue.FindSchema(frame.schema);
    if (planned.schema == nullptr) {
      return Refuse(batch, frame, "its schema is not known");
    }
  }
  const HeadRun* const run = state_.head.FindRun(planned.run);
  const auto [in_plan, is_first] = plan->last_seq.try_emplace(planned.run, 0);
  planned.source = run != nullptr
                       ? run->source
                       : state_.catalogue.PutSource(batch.node, frame.group, &plan->writes);
  if (codec::IsKey(frame.kind)) {
    if (frame.seq != frame.run_first_seq || run != nullptr || !is_first) {
      return Refuse(batch, frame, "a key frame inside a run");
    }
  } else if (is_first && run == nullptr) {
    plan->missing.push_back(planned);
  } else if (header->prev_seq != (is_first ? run->frames.back().seq : in_plan->second)) {
    return Refuse(batch, frame, "not the next of its run");
  }
  in_plan->second = frame.seq;
  plan->frames.push_back(std::move(planned));
  return absl::OkStatus();
}

void Appender::InsertLocked(std::vector<Batch>* batches, Plan plan) {
  std::vector<QueuedFrame> queued;
  queued.reserve(plan.frames.size());
  for (const Planned& p : plan.frames) {
    queued.push_back({{p.run, p.source->id, p.schema != nullptr ? p.schema->id : 0},
                      p.frame->t_ms,
                      p.frame->bytes,
                      state_.head.PutEpoch(p.run.node, p.run.epoch),
                      p.frame->seq});
  }
  std::vector<StateWrite> state;
  std::vector<std::function<void()>> callbacks;
  for (Batch& batch : *batches) {
    for (StateWrite& write : batch.state) {
      state.push_back(std::move(write));
    }
    if (batch.on_commit) {
      callbacks.push_back(std::move(batch.on_commit));
    }
  }
  const int64_t commit = journal_.Add(state_.next_order, queued, std::move(plan.writes),
                                      std::move(state), std::move(callbacks));
  for (size_t i = 0; i < queued.size(); ++i) {
    const Planned& p = plan.frames[i];
    HeadRun* run = state_.head.FindRun(p.run);
    if (run == nullptr) {
      HeadRun added;
      added.key = p.run;
      added.source = p.source;
      added.schema = p.schema;
      added.due_since_ms = clock_.MonotonicMs();
      added.late = p.frame->t_ms < clock_.NowMs() - Store::kLateMs;
      run = state_.head.AddRun(queued[i].epoch, std::move(added));
      if (p.schema != nullptr) {
        state_.catalogue.AddPair(p.source, p.schema);
      }
    }
    const FrameEntry& frame = *p.frame;
    state_.head.AddFrame(
        run, {frame.seq, state_.next_order++, commit, frame.t_ms, frame.crc, frame.bytes});
    queued[i].epoch->held.Add(frame.seq);
    if (p.schema != nullptr) {
      state_.catalogue.SawSample(p.run.node, p.run.epoch, *p.source, *p.schema, frame.t_ms);
      state_.held.Drop(p.source->id, p.schema->id, frame.t_ms);
    }
  }
}

absl::Status Appender::Reload(const Planned& planned) {
  RONDA_ASSIGN_OR_RETURN(const std::optional<CoveredRun> covered, history_.FindRun(planned.run));
  MutexLock lock(&state_.mu);
  if (state_.head.FindRun(planned.run) == nullptr && covered) {
    // A run of records has no source of its own in the history: it is the group's.
    std::shared_ptr<const SourceEntry> source = state_.catalogue.FindSource(covered->source);
    RestoreRun(&state_, planned.run, *covered, source != nullptr ? source : planned.source,
               clock_.MonotonicMs());
  }
  return absl::OkStatus();
}

}  // namespace ronda::store
