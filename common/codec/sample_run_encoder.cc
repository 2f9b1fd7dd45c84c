#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "common/base/check.h"
#include "common/codec/bits.h"
#include "common/codec/frame_format.h"
#include "common/codec/residual.h"
#include "common/codec/sample_run.h"
#include "common/codec/schema_codec.h"
#include "common/codec/units.h"
#include "common/codec/varint.h"
#include "common/model/sample.h"

namespace ronda::codec {
namespace {

// A decimal with more digits than this is taken for the dirt of binary sums (53.489000000000004)
// and travels raw: in its unit all later residuals would be long.
constexpr int64_t kDecimalLimit = int64_t{1} << 46;
constexpr int kMaxShift = kUnitMask - kUnitShift;
// Bytes that one series can take in any frame.
constexpr size_t kMaxSeriesBytes = 24;

struct Series {
  int64_t m = 0;     // the integer sent last
  int64_t step = 0;  // m less the one before, or 0
  uint8_t unit = 0;
  bool steps = false;  // residuals are against the step
  TokenWidth width;

  // Learnt while the schema stays; chooses the unit of the next run.
  uint8_t decimal = 0;  // smallest exponent that did
  uint64_t seen = 0;    // all whole values, or-ed: the zeros at its end are common to them
};

// The cheapest unit that gives a whole value back, given the values before it.
uint8_t WholeUnit(Series& s, int64_t* m) {
  s.seen |= static_cast<uint64_t>(*m < 0 ? -*m : *m);
  const int shift = s.seen == 0 ? 0 : std::min(std::countr_zero(s.seen), kMaxShift);
  *m >>= shift;
  return shift == 0 ? uint8_t{0} : static_cast<uint8_t>(kUnitShift + shift);
}

// Looks for a unit other than the present one.
bool FindUnit(Series& s, double value, uint8_t* unit, int64_t* m) {
  if (!(std::fabs(value) < static_cast<double>(kIntegerLimit))) {
    return false;
  }
  if (FitsUnit(0, value, m)) {
    *unit = WholeUnit(s, m);
    return true;
  }
  for (uint8_t k = 1; k <= kUnitMaxDecimal; ++k) {
    if (FitsUnit(k, value, m)) {
      if (*m >= kDecimalLimit || *m <= -kDecimalLimit) {
        return false;
      }
      *unit = k;
      s.decimal = std::max(s.decimal, k);
      return true;
    }
  }
  return false;
}

// The unit of a series at the start of a run.
uint8_t ChooseUnit(Series& s, double value, int64_t* m) {
  if (IsStale(value)) {
    return kUnitNone;
  }
  uint8_t unit = s.decimal;
  if (s.decimal > 0 && FitsUnit(unit, value, m)) {
    return unit;
  }
  return FindUnit(s, value, &unit, m) ? unit : kUnitRaw;
}

}  // namespace

struct SampleRunEncoder::State {
  const uint32_t group;
  const GroupIdentity identity;
  std::shared_ptr<const Schema> schema;
  SchemaHash schema_hash{};

  std::vector<Series> series;
  std::vector<double> values;  // as sent last
  int frames = 0;              // in the present run
  uint64_t seq = 0;
  int64_t t_ms = 0;
  int64_t step_ms = 0;
  std::string body;  // scratch, as large as any frame's part after the header

  State(uint32_t g, GroupIdentity id) : group(g), identity(std::move(id)) {}

  void PutKey(std::span<const double> now, std::string* out);
  void PutDelta(std::span<const double> now, std::string* out);
  char* PutChangeMap(std::span<const double> now, char* p);
  void PutValue(Series& s, double value, BitWriter* bits);
};

void SampleRunEncoder::State::PutKey(std::span<const double> now, std::string* out) {
  out->append(reinterpret_cast<const char*>(schema_hash.data()), schema_hash.size());
  PutBytes(out, identity.name);
  PutBytes(out, identity.job);
  PutBytes(out, identity.instance);
  PutSigned(out, t_ms);
  PutVarint(out, series.size());
  for (size_t i = 0; i < series.size(); ++i) {
    Series& s = series[i];
    int64_t m = 0;
    const uint8_t unit = ChooseUnit(s, now[i], &m);
    out->push_back(static_cast<char>(unit | (s.steps ? kStepFlag : 0)));
    if (unit == kUnitRaw) {
      PutU64(out, std::bit_cast<uint64_t>(now[i]));
    } else if (unit != kUnitNone) {
      PutSigned(out, m);
    }
    s.unit = IsUnit(unit) ? unit : uint8_t{0};
    s.m = IsUnit(unit) ? m : 0;
    s.step = 0;
    s.width.Reset();
    values[i] = now[i];
  }
}

// Writes which values differ: of each group of eight series a byte, but only those that are not
// zero, behind a map of these. Returns the end.
char* SampleRunEncoder::State::PutChangeMap(std::span<const double> now, char* p) {
  const size_t n = now.size();
  const size_t groups = (n + 7) / 8;
  char* top = p;
  p += (groups + 7) / 8;
  std::fill(top, p, '\0');
  for (size_t g = 0; g < groups; ++g) {
    unsigned map = 0;
    const size_t end = std::min(n, g * 8 + 8);
    for (size_t i = g * 8; i < end; ++i) {
      map |= (SameBits(now[i], values[i]) ? 0U : 1U) << (i & 7);
    }
    if (map != 0) {
      top[g / 8] = static_cast<char>(top[g / 8] | 1 << (g & 7));
      *p++ = static_cast<char>(map);
    }
  }
  return p;
}

void SampleRunEncoder::State::PutValue(Series& s, double value, BitWriter* bits) {
  int64_t m = 0;
  uint8_t unit = s.unit;
  bool fits = false;
  if (IsStale(value)) {
    PutToken(0, s.width.parameter(), bits);
    bits->Put(kEscapeNone, kEscapeBits);
    return;
  }
  if (FitsUnit(s.unit, value, &m)) {
    const int64_t step = m - s.m;
    const uint64_t token = ZigZag(step - (s.steps ? s.step : 0)) + 1;
    if (token < kTokenLimit) {
      PutToken(token, s.width.parameter(), bits);
      s.width.Follow(token);
      s.step = step;
      s.m = m;
      if (s.unit == 0 || s.unit > kUnitShift) {
        const auto whole = static_cast<uint64_t>(m < 0 ? -m : m);
        s.seen |= s.unit == 0 ? whole : whole << (s.unit - kUnitShift);
      }
      return;
    }
    fits = true;
  } else {
    fits = FindUnit(s, value, &unit, &m);
  }
  PutToken(0, s.width.parameter(), bits);
  if (!fits) {
    bits->Put(kEscapeRaw, kEscapeBits);
    bits->Put64(std::bit_cast<uint64_t>(value));
    s.width.Follow(0);
    return;
  }
  const uint64_t whole = ZigZag(m);
  const int length = static_cast<int>(std::bit_width(whole));
  bits->Put(kEscapeUnit, kEscapeBits);
  bits->Put(unit, kUnitBits);
  bits->Put(static_cast<uint64_t>(length), kLengthBits);
  bits->Put(whole, length);
  s.unit = unit;
  s.m = m;
  s.step = 0;
  s.width.Reset();
}

void SampleRunEncoder::State::PutDelta(std::span<const double> now, std::string* out) {
  char* const begin = body.data();
  char* const map = begin;
  char* p = PutChangeMap(now, map);
  const size_t groups = (now.size() + 7) / 8;
  const char* group_map = map + (groups + 7) / 8;
  BitWriter bits(p);
  for (size_t g = 0; g < groups; ++g) {
    if ((map[g / 8] >> (g & 7) & 1) == 0) {
      continue;
    }
    for (auto left = static_cast<uint8_t>(*group_map++); left != 0; left &= uint8_t(left - 1)) {
      const size_t i = g * 8 + static_cast<size_t>(std::countr_zero(left));
      PutValue(series[i], now[i], &bits);
      values[i] = now[i];
    }
  }
  p = bits.Finish();
  out->append(begin, static_cast<size_t>(p - begin));
}

SampleRunEncoder::SampleRunEncoder(uint32_t group, GroupIdentity identity)
    : state_(std::make_unique<State>(group, std::move(identity))) {}
SampleRunEncoder::~SampleRunEncoder() = default;

void SampleRunEncoder::StartRun(std::shared_ptr<const Schema> schema) {
  State& s = *state_;
  s.frames = 0;
  if (schema == s.schema) {
    return;
  }
  RONDA_CHECK(schema != nullptr);
  RONDA_CHECK(schema->series.size() <= kMaxSeries);
  const SchemaHash hash = HashSchema(*schema);
  s.schema = std::move(schema);
  if (hash == s.schema_hash) {
    return;
  }
  const size_t n = s.schema->series.size();
  s.schema_hash = hash;
  s.series.assign(n, Series{});
  for (size_t i = 0; i < n; ++i) {
    s.series[i].steps = s.schema->metric_of(i).type == MetricType::kCounter;
  }
  s.values.assign(n, StaleMarker());
  s.body.resize(n * kMaxSeriesBytes + 64);
}

void SampleRunEncoder::Encode(uint64_t seq, int64_t t_ms, std::span<const double> values,
                              std::string* out) {
  State& s = *state_;
  RONDA_CHECK(s.schema != nullptr);
  RONDA_CHECK(values.size() == s.series.size());
  const bool key = s.frames == 0 || s.frames == kMaxRunFrames || t_ms <= s.t_ms || seq <= s.seq;
  const size_t begin = out->size();
  PutFrameHeader(key ? FrameKind::kSampleKey : FrameKind::kSampleDelta, s.group, seq, s.seq, out);
  const int64_t step_ms = key ? kFirstStepMs : t_ms - s.t_ms;
  s.seq = seq;
  s.t_ms = t_ms;
  if (key) {
    s.frames = 0;
    s.PutKey(values, out);
  } else {
    PutSigned(out, step_ms - s.step_ms);
    s.PutDelta(values, out);
  }
  s.step_ms = step_ms;
  ++s.frames;
  PutFrameCrc(begin, out);
}

int SampleRunEncoder::frames_in_run() const { return state_->frames; }

}  // namespace ronda::codec
