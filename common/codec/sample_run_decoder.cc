#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "common/base/status.h"
#include "common/codec/bits.h"
#include "common/codec/frame_format.h"
#include "common/codec/residual.h"
#include "common/codec/sample_run.h"
#include "common/codec/units.h"
#include "common/codec/varint.h"
#include "common/model/sample.h"

namespace ronda::codec {
namespace {

struct Series {
  int64_t m = 0;
  int64_t step = 0;
  uint8_t unit = 0;
  bool steps = false;
  TokenWidth width;
};

// All that the next delta needs.
struct Run {
  GroupIdentity identity;
  SchemaHash schema_hash{};
  uint64_t first_seq = 0;
  int frames = 0;  // 0: nothing decoded yet
  int64_t step_ms = 0;
  std::vector<Series> series;
  std::vector<double> values;
};

absl::Status Malformed(const FrameHeader& header, std::string_view what) {
  return Fail(absl::StatusCode::kDataLoss, "decoding sample frame {} of group {}: {}", header.seq,
              header.group, what);
}

bool InRange(int64_t m) { return m > -kIntegerLimit && m < kIntegerLimit; }

}  // namespace

struct SampleRunDecoder::State {
  FrameHeader header;
  int64_t t_ms = 0;
  Run run;
  std::vector<uint32_t> changed;

  // What a frame brings, until all of it is known to be good.
  Run next_run;
  std::vector<uint32_t> next_changed;
  std::vector<Series> next_series;  // of next_changed
  std::vector<double> next_values;  // of next_changed

  absl::Status DecodeKey(const FrameHeader& h, std::string_view payload);
  absl::Status DecodeDelta(const FrameHeader& h, std::string_view payload);
  bool ReadChangeMap(ByteReader* reader);
};

namespace {

// Reads the new value of a series; false if the bits are none.
bool ReadValue(BitReader* bits, Series* s, double* value) {
  uint64_t token = 0;
  if (!GetToken(s->width.parameter(), bits, &token)) {
    return false;
  }
  if (token != 0) {
    const int64_t step = UnZigZag(token - 1) + (s->steps ? s->step : 0);
    s->width.Follow(token);
    s->m += step;
    s->step = step;
    *value = FromUnit(s->unit, s->m);
    return InRange(s->m);
  }
  switch (bits->Get(kEscapeBits)) {
    case kEscapeRaw:
      *value = std::bit_cast<double>(bits->Get64());
      s->width.Follow(0);
      return true;
    case kEscapeNone:
      *value = StaleMarker();
      return true;
    case kEscapeUnit: {
      s->unit = static_cast<uint8_t>(bits->Get(kUnitBits));
      const auto length = static_cast<int>(bits->Get(kLengthBits));
      if (!IsUnit(s->unit) || length > 54) {
        return false;
      }
      s->m = UnZigZag(bits->Get(length));
      s->step = 0;
      s->width.Reset();
      *value = FromUnit(s->unit, s->m);
      return InRange(s->m);
    }
    default:
      return false;
  }
}

// Reads one series of a key frame.
bool ReadFirstValue(ByteReader* reader, Series* s, double* value) {
  const uint8_t byte = reader->U8();
  const auto unit = static_cast<uint8_t>(byte & kUnitMask);
  *s = Series{};
  s->steps = (byte & kStepFlag) != 0;
  if (byte > (kUnitMask | kStepFlag)) {
    return false;
  }
  if (unit == kUnitRaw) {
    *value = std::bit_cast<double>(reader->U64());
  } else if (unit == kUnitNone) {
    *value = StaleMarker();
  } else {
    s->unit = unit;
    s->m = reader->Signed();
    *value = FromUnit(unit, s->m);
  }
  return reader->ok() && InRange(s->m);
}

}  // namespace

absl::Status SampleRunDecoder::State::DecodeKey(const FrameHeader& h, std::string_view payload) {
  ByteReader reader(payload);
  const std::string_view hash = reader.Take(next_run.schema_hash.size());
  const std::string_view name = reader.Bytes();
  const std::string_view job = reader.Bytes();
  const std::string_view instance = reader.Bytes();
  const int64_t t = reader.Signed();
  const uint64_t n = reader.Varint();
  if (!reader.ok()) {
    return Malformed(h, "truncated");
  }
  if (n > kMaxSeries || n > reader.remaining()) {
    return Malformed(h, "too many series");
  }
  if (std::max({name.size(), job.size(), instance.size()}) > kMaxIdentityBytes) {
    return Malformed(h, "the group's identity is too long");
  }
  std::copy(hash.begin(), hash.end(), next_run.schema_hash.begin());
  next_run.identity.name = name;
  next_run.identity.job = job;
  next_run.identity.instance = instance;
  next_run.first_seq = h.seq;
  next_run.frames = 1;
  next_run.step_ms = kFirstStepMs;
  next_run.series.resize(n);
  next_run.values.resize(n);
  for (size_t i = 0; i < n; ++i) {
    if (!ReadFirstValue(&reader, &next_run.series[i], &next_run.values[i])) {
      return Malformed(h, "bad value");
    }
  }
  if (!reader.done()) {
    return Malformed(h, "bytes are left over");
  }
  std::swap(run, next_run);
  changed.resize(n);
  std::iota(changed.begin(), changed.end(), 0U);
  t_ms = t;
  return absl::OkStatus();
}

// Fills next_changed.
bool SampleRunDecoder::State::ReadChangeMap(ByteReader* reader) {
  const size_t n = run.values.size();
  const size_t groups = (n + 7) / 8;
  const std::string_view top = reader->Take((groups + 7) / 8);
  next_changed.clear();
  for (size_t byte = 0; byte < top.size(); ++byte) {
    for (auto left = static_cast<uint8_t>(top[byte]); left != 0; left &= uint8_t(left - 1)) {
      const size_t g = byte * 8 + static_cast<size_t>(std::countr_zero(left));
      auto map = reader->U8();
      if (map == 0 || g >= groups) {
        return false;
      }
      for (; map != 0; map &= uint8_t(map - 1)) {
        next_changed.push_back(static_cast<uint32_t>(g * 8) +
                               static_cast<uint32_t>(std::countr_zero(map)));
      }
    }
  }
  return reader->ok() && (next_changed.empty() || next_changed.back() < n);
}

absl::Status SampleRunDecoder::State::DecodeDelta(const FrameHeader& h, std::string_view payload) {
  if (run.frames == 0 || h.prev_seq != header.seq || h.group != header.group) {
    return Fail(absl::StatusCode::kFailedPrecondition,
                "decoding sample frame {} of group {}: it follows frame {}, but the last one here "
                "is {} of group {}",
                h.seq, h.group, h.prev_seq, header.seq, header.group);
  }
  if (run.frames == kMaxRunFrames) {
    return Malformed(h, "the run is too long");
  }
  ByteReader reader(payload);
  int64_t step_ms = 0;
  int64_t t = 0;
  if (__builtin_add_overflow(run.step_ms, reader.Signed(), &step_ms) || step_ms <= 0 ||
      __builtin_add_overflow(t_ms, step_ms, &t)) {
    return Malformed(h, "bad time");
  }
  if (!ReadChangeMap(&reader)) {
    return Malformed(h, "bad map of changes");
  }
  BitReader bits(reader.Take(reader.remaining()));
  const size_t count = next_changed.size();
  next_series.resize(count);
  next_values.resize(count);
  for (size_t j = 0; j < count; ++j) {
    const uint32_t i = next_changed[j];
    next_series[j] = run.series[i];
    if (!ReadValue(&bits, &next_series[j], &next_values[j]) ||
        SameBits(next_values[j], run.values[i])) {
      return Malformed(h, "bad value");
    }
  }
  if (!bits.AtEnd()) {
    return Malformed(h, "values do not end with the frame");
  }
  for (size_t j = 0; j < count; ++j) {
    run.series[next_changed[j]] = next_series[j];
    run.values[next_changed[j]] = next_values[j];
  }
  std::swap(changed, next_changed);
  run.step_ms = step_ms;
  ++run.frames;
  t_ms = t;
  return absl::OkStatus();
}

SampleRunDecoder::SampleRunDecoder() : state_(std::make_unique<State>()) {}
SampleRunDecoder::~SampleRunDecoder() = default;
SampleRunDecoder::SampleRunDecoder(SampleRunDecoder&&) noexcept = default;
SampleRunDecoder& SampleRunDecoder::operator=(SampleRunDecoder&&) noexcept = default;

absl::Status SampleRunDecoder::Decode(std::string_view frame) {
  FrameHeader h;
  std::string_view payload;
  RONDA_RETURN_IF_ERROR(OpenFrame(frame, &h, &payload));
  if (h.kind == FrameKind::kSampleKey) {
    RONDA_RETURN_IF_ERROR(state_->DecodeKey(h, payload));
  } else if (h.kind == FrameKind::kSampleDelta) {
    RONDA_RETURN_IF_ERROR(state_->DecodeDelta(h, payload));
  } else {
    return Malformed(h, "it is a frame of records");
  }
  state_->header = h;
  return absl::OkStatus();
}

const FrameHeader& SampleRunDecoder::header() const { return state_->header; }
int64_t SampleRunDecoder::t_ms() const { return state_->t_ms; }
const GroupIdentity& SampleRunDecoder::identity() const { return state_->run.identity; }
const SchemaHash& SampleRunDecoder::schema_hash() const { return state_->run.schema_hash; }
uint64_t SampleRunDecoder::run_first_seq() const { return state_->run.first_seq; }
std::span<const double> SampleRunDecoder::values() const { return state_->run.values; }
std::span<const uint32_t> SampleRunDecoder::changed() const { return state_->changed; }

absl::StatusOr<DecodedRun> DecodeRun(std::span<const std::string_view> frames,
                                     std::span<const uint32_t> only) {
  SampleRunDecoder decoder;
  DecodedRun run;
  std::vector<uint32_t> wanted(only.begin(), only.end());
  for (const std::string_view frame : frames) {
    RONDA_RETURN_IF_ERROR(decoder.Decode(frame));
    if (run.t_ms.empty()) {
      const size_t n = decoder.values().size();
      run.identity = decoder.identity();
      run.schema_hash = decoder.schema_hash();
      run.first_seq = decoder.run_first_seq();
      run.columns.resize(n);
      if (only.empty()) {
        wanted.resize(n);
        std::iota(wanted.begin(), wanted.end(), 0U);
      }
      for (const uint32_t i : wanted) {
        if (i >= n) {
          return Fail(absl::StatusCode::kInvalidArgument,
                      "decoding a run of {} series: there is no series {}", n, i);
        }
        run.columns[i].reserve(frames.size());
      }
    } else if (IsKey(decoder.header().kind)) {
      return Malformed(decoder.header(), "a second key frame within a run");
    }
    run.t_ms.push_back(decoder.t_ms());
    run.last_seq = decoder.header().seq;
    const std::span<const double> values = decoder.values();
    for (const uint32_t i : wanted) {
      run.columns[i].push_back(values[i]);
    }
  }
  if (frames.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument, "decoding a run: it has no frames");
  }
  return run;
}

}  // namespace ronda::codec
