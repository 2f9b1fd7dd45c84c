#include "collector/store/journal_row.h"

#include <cstring>

#include "common/base/status.h"
#include "common/codec/crc32c.h"
#include "common/codec/frame.h"
#include "common/codec/varint.h"

namespace ronda::store {
namespace {

constexpr std::string_view kMagic = "RJ";
constexpr uint8_t kVersion = 1;

absl::Status Damaged(int64_t commit, std::string_view what) {
  return Fail(absl::StatusCode::kDataLoss, "journal row {}: {}", commit, what);
}

// The bytes under the checksum, without it.
absl::StatusOr<std::string_view> Checked(int64_t commit, std::string_view bytes) {
  uint32_t stored = 0;
  if (bytes.size() < kMagic.size() + 1 + sizeof(stored) || !bytes.starts_with(kMagic)) {
    return Damaged(commit, "not a journal row");
  }
  const std::string_view body = bytes.substr(0, bytes.size() - sizeof(stored));
  std::memcpy(&stored, bytes.data() + body.size(), sizeof(stored));
  if (codec::Crc32c(body) != stored) {
    return Damaged(commit, "wrong checksum");
  }
  if (static_cast<uint8_t>(body[kMagic.size()]) != kVersion) {
    return Fail(absl::StatusCode::kUnimplemented, "journal row {}: written by a later version",
                commit);
  }
  return body.substr(kMagic.size() + 1);
}

}  // namespace

void JournalRowBuilder::Add(const JournalRun& run, int64_t t_ms, std::string_view frame) {
  const auto [it, is_new] = runs_.try_emplace(run.key, runs_.size());
  if (is_new) {
    codec::PutSigned(&run_bytes_, run.key.node);
    codec::PutU64(&run_bytes_, run.key.epoch.id);
    codec::PutSigned(&run_bytes_, run.key.epoch.started_ms);
    codec::PutVarint(&run_bytes_, run.key.first_seq);
    codec::PutSigned(&run_bytes_, run.source);
    codec::PutSigned(&run_bytes_, run.schema);
  }
  codec::PutVarint(&frame_bytes_, it->second);
  codec::PutSigned(&frame_bytes_, static_cast<int64_t>(static_cast<uint64_t>(t_ms) -
                                                       static_cast<uint64_t>(last_t_ms_)));
  codec::PutBytes(&frame_bytes_, frame);
  last_t_ms_ = t_ms;
  ++frames_;
}

std::string JournalRowBuilder::Encode() const {
  std::string out;
  out.reserve(bytes() + 40);
  out.append(kMagic);
  out.push_back(static_cast<char>(kVersion));
  codec::PutSigned(&out, commit_);
  codec::PutVarint(&out, first_order_);
  codec::PutVarint(&out, runs_.size());
  out.append(run_bytes_);
  codec::PutVarint(&out, frames_);
  out.append(frame_bytes_);
  codec::PutU32(&out, codec::Crc32c(out));
  return out;
}

absl::StatusOr<JournalRow> DecodeJournalRow(int64_t commit, std::string_view bytes) {
  RONDA_ASSIGN_OR_RETURN(const std::string_view body, Checked(commit, bytes));
  codec::ByteReader in(body);
  JournalRow row;
  row.commit = in.Signed();
  row.first_order = in.Varint();
  const uint64_t runs = in.Varint();
  for (uint64_t i = 0; i < runs && in.ok(); ++i) {
    JournalRun run;
    run.key.node = in.Signed();
    run.key.epoch.id = in.U64();
    run.key.epoch.started_ms = in.Signed();
    run.key.first_seq = in.Varint();
    run.source = in.Signed();
    run.schema = in.Signed();
    row.runs.push_back(run);
  }
  const uint64_t frames = in.Varint();
  int64_t t_ms = 0;
  for (uint64_t i = 0; i < frames && in.ok(); ++i) {
    JournalFrame frame;
    frame.run = static_cast<size_t>(in.Varint());
    t_ms = static_cast<int64_t>(static_cast<uint64_t>(t_ms) + static_cast<uint64_t>(in.Signed()));
    frame.t_ms = t_ms;
    frame.bytes = in.Bytes();
    if (!in.ok() || frame.run >= row.runs.size()) {
      return Damaged(commit, "a frame that is cut short");
    }
    const absl::StatusOr<codec::FrameHeader> header = codec::ParseFrameHeader(frame.bytes);
    if (!header.ok()) {
      return Annotate(header.status(), fmt::format("journal row {}", commit));
    }
    frame.seq = header->seq;
    frame.prev_seq = header->prev_seq;
    frame.crc = header->crc;
    row.frames.push_back(frame);
  }
  if (!in.done() || row.commit != commit) {
    return Damaged(commit, "not as long as it says, or in another's place");
  }
  return row;
}

}  // namespace ronda::store
