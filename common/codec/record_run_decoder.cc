#include <algorithm>
#include <bit>

#include "absl/cleanup/cleanup.h"
#include "common/base/status.h"
#include "common/codec/frame_format.h"
#include "common/codec/record_run.h"
#include "common/codec/varint.h"

namespace ronda::codec {
namespace {

// All that the next delta needs.
struct Run {
  RecordKind kind;
  uint64_t first_seq = 0;
  int frames = 0;  // 0: nothing decoded yet
  int64_t t_ms = 0;
  std::vector<int64_t> integers;
  std::vector<std::string> dictionary;
  size_t dictionary_bytes = 0;
};

absl::Status Malformed(const FrameHeader& header, std::string_view what) {
  return Fail(absl::StatusCode::kDataLoss, "decoding record frame {} of group {}: {}", header.seq,
              header.group, what);
}

bool ReadKind(ByteReader* reader, RecordKind* kind) {
  const std::string_view name = reader->Bytes();
  const uint64_t columns = reader->Varint();
  if (!reader->ok() || name.size() > kMaxRecordNameBytes || columns > kMaxRecordColumns) {
    return false;
  }
  kind->name = name;
  kind->columns.clear();
  for (uint64_t c = 0; c < columns; ++c) {
    const std::string_view column = reader->Bytes();
    const uint8_t type = reader->U8();
    if (!reader->ok() || column.size() > kMaxRecordNameBytes || type < 1 ||
        type > static_cast<uint8_t>(ColumnType::kString)) {
      return false;
    }
    kind->columns.push_back({std::string(column), static_cast<ColumnType>(type)});
  }
  return true;
}

// Reads a text and counts it; false if it is none or one too many.
bool ReadText(ByteReader* reader, Run* run, size_t* text_bytes, std::string* text) {
  const uint64_t number = reader->Varint();
  if (number > run->dictionary.size()) {
    return false;
  }
  if (number == 0) {
    const std::string_view fresh = reader->Bytes();
    if (!reader->ok() || fresh.size() > kMaxRecordTextBytes) {
      return false;
    }
    run->dictionary.emplace_back(fresh);
    run->dictionary_bytes += fresh.size() + kDictionaryEntryBytes;
  }
  const std::string& entry = run->dictionary[number == 0 ? run->dictionary.size() - 1 : number - 1];
  *text_bytes += entry.size();
  if (*text_bytes > kMaxFrameTextBytes) {
    return false;
  }
  *text = entry;
  return true;
}

// Reads rows to the end of the payload; `run` keeps what the next frame needs.
bool ReadRows(ByteReader* reader, Run* run, std::vector<Record>* rows) {
  const uint64_t count = reader->Varint();
  const size_t least = run->kind.columns.size() + 1;  // bytes of a row
  if (count > kMaxRecordRows || count > reader->remaining() / least) {
    return false;
  }
  rows->resize(count);
  size_t text_bytes = 0;
  for (Record& row : *rows) {
    run->t_ms = WrappingAdd(run->t_ms, reader->Signed());
    row.t_ms = run->t_ms;
    row.values.clear();
    row.values.reserve(run->kind.columns.size());
    for (size_t c = 0; c < run->kind.columns.size(); ++c) {
      switch (run->kind.columns[c].type) {
        case ColumnType::kInt:
          run->integers[c] = WrappingAdd(run->integers[c], reader->Signed());
          row.values.emplace_back(run->integers[c]);
          break;
        case ColumnType::kDouble:
          row.values.emplace_back(std::bit_cast<double>(reader->U64()));
          break;
        case ColumnType::kString: {
          std::string text;
          if (!ReadText(reader, run, &text_bytes, &text)) {
            return false;
          }
          row.values.emplace_back(std::move(text));
          break;
        }
      }
    }
  }
  return reader->done();
}

}  // namespace

struct RecordRunDecoder::State {
  FrameHeader header;
  Run run;
  std::vector<Record> rows;

  // What a frame brings, until all of it is known to be good.
  std::vector<Record> next_rows;
  std::vector<int64_t> old_integers;

  absl::Status DecodeKey(const FrameHeader& h, std::string_view payload);
  absl::Status DecodeDelta(const FrameHeader& h, std::string_view payload);
};

absl::Status RecordRunDecoder::State::DecodeKey(const FrameHeader& h, std::string_view payload) {
  ByteReader reader(payload);
  Run next;
  if (!ReadKind(&reader, &next.kind)) {
    return Malformed(h, "bad kind");
  }
  next.first_seq = h.seq;
  next.frames = 1;
  next.integers.resize(next.kind.columns.size());
  if (!ReadRows(&reader, &next, &next_rows)) {
    return Malformed(h, "bad rows");
  }
  run = std::move(next);
  return absl::OkStatus();
}

absl::Status RecordRunDecoder::State::DecodeDelta(const FrameHeader& h, std::string_view payload) {
  if (run.frames == 0 || h.prev_seq != header.seq || h.group != header.group) {
    return Fail(absl::StatusCode::kFailedPrecondition,
                "decoding record frame {} of group {}: it follows frame {}, but the last one here "
                "is {} of group {}",
                h.seq, h.group, h.prev_seq, header.seq, header.group);
  }
  if (run.frames == kMaxRunFrames || run.dictionary_bytes > kMaxDictionaryBytes) {
    return Malformed(h, "the run is too long");
  }
  old_integers = run.integers;
  absl::Cleanup undo = [&, t_ms = run.t_ms, texts = run.dictionary.size(),
                        bytes = run.dictionary_bytes] {
    run.integers = old_integers;
    run.t_ms = t_ms;
    run.dictionary.resize(texts);
    run.dictionary_bytes = bytes;
  };
  ByteReader reader(payload);
  if (!ReadRows(&reader, &run, &next_rows)) {
    return Malformed(h, "bad rows");
  }
  std::move(undo).Cancel();
  ++run.frames;
  return absl::OkStatus();
}

RecordRunDecoder::RecordRunDecoder() : state_(std::make_unique<State>()) {}
RecordRunDecoder::~RecordRunDecoder() = default;
RecordRunDecoder::RecordRunDecoder(RecordRunDecoder&&) noexcept = default;
RecordRunDecoder& RecordRunDecoder::operator=(RecordRunDecoder&&) noexcept = default;

absl::Status RecordRunDecoder::Decode(std::string_view frame) {
  FrameHeader h;
  std::string_view payload;
  RONDA_RETURN_IF_ERROR(OpenFrame(frame, &h, &payload));
  if (h.kind == FrameKind::kRecordKey) {
    RONDA_RETURN_IF_ERROR(state_->DecodeKey(h, payload));
  } else if (h.kind == FrameKind::kRecordDelta) {
    RONDA_RETURN_IF_ERROR(state_->DecodeDelta(h, payload));
  } else {
    return Malformed(h, "it is a frame of samples");
  }
  std::swap(state_->rows, state_->next_rows);
  state_->header = h;
  return absl::OkStatus();
}

const FrameHeader& RecordRunDecoder::header() const { return state_->header; }
uint64_t RecordRunDecoder::run_first_seq() const { return state_->run.first_seq; }
const RecordKind& RecordRunDecoder::kind() const { return state_->run.kind; }
std::span<const Record> RecordRunDecoder::rows() const { return state_->rows; }

}  // namespace ronda::codec
