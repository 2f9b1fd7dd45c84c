#include "tests/property/reference_sample_decoder.h"

#include <cmath>
#include <cstring>

namespace ronda {
namespace {

// Wide enough that nothing below overflows.
using Wide = __int128;

constexpr uint64_t kNoSample = 0x7ff0000000000002;

uint64_t BitsOf(double value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, 8);
  return bits;
}

double DoubleOf(uint64_t bits) {
  double value = 0;
  std::memcpy(&value, &bits, 8);
  return value;
}

uint32_t BitwiseCrc(std::string_view bytes) {
  uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int i = 0; i < 8; ++i) {
      crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
    }
  }
  return ~crc;
}

// Everything that a frame is read from, a byte or a bit at a time. Any failure throws.
struct Bad {};

class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}

  size_t left() const { return bytes_.size() - at_; }

  uint8_t Byte() {
    if (at_ >= bytes_.size()) {
      throw Bad();
    }
    return static_cast<uint8_t>(bytes_[at_++]);
  }
  uint64_t Little(int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) {
      value |= uint64_t{Byte()} << (8 * i);
    }
    return value;
  }
  uint64_t Varint() {
    Wide value = 0;
    for (int i = 0; i < 10; ++i) {
      const uint8_t byte = Byte();
      value |= Wide{byte & 127} << (7 * i);
      if (byte < 128) {
        if ((byte == 0 && i > 0) || value > Wide{UINT64_MAX}) {
          throw Bad();
        }
        return static_cast<uint64_t>(value);
      }
    }
    throw Bad();
  }
  Wide Signed() { return ZigZag(Varint()); }
  void Text(uint64_t limit) {
    const uint64_t size = Varint();
    if (size > limit) {
      throw Bad();
    }
    for (uint64_t i = 0; i < size; ++i) {
      Byte();
    }
  }

  uint64_t Bits(int count) {
    uint64_t value = 0;
    for (int i = 0; i < count; ++i) {
      if (bit_ == 0) {
        current_ = Byte();
      }
      value |= uint64_t{(current_ >> bit_) & 1U} << i;
      bit_ = (bit_ + 1) % 8;
    }
    return value;
  }
  // What is left of the last byte read for bits.
  bool PaddingIsZero() const { return bit_ == 0 || (current_ >> bit_) == 0; }

  static Wide ZigZag(uint64_t v) { return v % 2 == 0 ? Wide{v / 2} : -Wide{v / 2} - 1; }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
  unsigned current_ = 0;
  int bit_ = 0;
};

int64_t Integer(Wide value) {
  const Wide limit = Wide{1} << 53;
  if (value <= -limit || value >= limit) {
    throw Bad();
  }
  return static_cast<int64_t>(value);
}

double Value(int unit, int64_t integer) {
  if (unit >= 18) {
    return std::ldexp(static_cast<double>(integer), unit - 17);
  }
  double power = 1;
  for (int i = 0; i < unit; ++i) {
    power *= 10;
  }
  return static_cast<double>(integer) / power;
}

int FloorLog2(uint64_t v) {
  int log = 0;
  while (v > 1) {
    v /= 2;
    ++log;
  }
  return log;
}

int FloorDiv4(int v) { return static_cast<int>(std::floor(v / 4.0)); }

uint64_t Token(Input* in, int parameter) {
  int zeros = 0;
  while (in->Bits(1) == 0) {
    if (++zeros + parameter > 48) {
      throw Bad();
    }
  }
  if (zeros + parameter > 48) {
    throw Bad();
  }
  const uint64_t high = (uint64_t{1} << zeros) + in->Bits(zeros) - 1;
  const uint64_t low = in->Bits(parameter);
  const uint64_t token = (high << parameter) + low;
  if (token >= uint64_t{1} << 48) {
    throw Bad();
  }
  return token;
}

}  // namespace

absl::StatusCode ReferenceSampleDecoder::Decode(std::string_view frame) {
  if (frame.size() > 1 << 20 || frame.size() < 5) {
    return absl::StatusCode::kDataLoss;
  }
  const std::string_view body = frame.substr(0, frame.size() - 4);
  if (Input(frame.substr(body.size())).Little(4) != BitwiseCrc(body)) {
    return absl::StatusCode::kDataLoss;
  }
  const ReferenceSampleDecoder before = *this;
  try {
    Input in(body);
    const int first = in.Byte();
    if (first / 16 > 1 || first % 16 > 4) {
      return absl::StatusCode::kUnimplemented;
    }
    const int kind = first % 16;
    const uint64_t group = in.Varint();
    const uint64_t seq = in.Varint();
    if (first / 16 == 0 || kind == 0 || group > UINT32_MAX || seq == 0) {
      throw Bad();
    }
    uint64_t back = 0;
    if (kind == 2 || kind == 4) {
      back = in.Varint();
      if (back == 0 || back >= seq) {
        throw Bad();
      }
    }
    const std::string_view payload = body.substr(body.size() - in.left());
    if (kind > 2) {
      throw Bad();
    }
    if (kind == 2 && (frames_ == 0 || seq - back != seq_ || group != group_)) {
      return absl::StatusCode::kFailedPrecondition;
    }
    if (kind == 1 ? !DecodeKey(payload) : !DecodeDelta(payload)) {
      throw Bad();
    }
    group_ = group;
    seq_ = seq;
  } catch (const Bad&) {
    *this = before;
    return absl::StatusCode::kDataLoss;
  }
  return absl::StatusCode::kOk;
}

bool ReferenceSampleDecoder::DecodeKey(std::string_view payload) {
  Input in(payload);
  in.Little(8);
  in.Little(8);
  for (int i = 0; i < 3; ++i) {
    in.Text(1024);
  }
  t_ms_ = static_cast<int64_t>(in.Signed());
  const uint64_t n = in.Varint();
  if (n > 10'000) {
    return false;
  }
  frames_ = 1;
  step_ms_ = 1000;
  series_.clear();
  values_.clear();
  changed_.clear();
  for (uint32_t i = 0; i < n; ++i) {
    const int byte = in.Byte();
    Series s;
    double value = DoubleOf(kNoSample);
    const int unit = byte % 64;
    s.steps = byte >= 64;
    if (byte >= 128) {
      return false;
    }
    if (unit == 16) {
      value = DoubleOf(in.Little(8));
    } else if (unit != 17) {
      s.unit = unit;
      s.integer = Integer(in.Signed());
      value = Value(unit, s.integer);
    }
    series_.push_back(s);
    values_.push_back(value);
    changed_.push_back(i);
  }
  return in.left() == 0;
}

bool ReferenceSampleDecoder::DecodeDelta(std::string_view payload) {
  if (++frames_ > 120) {
    return false;
  }
  Input in(payload);
  const Wide step = in.Signed() + step_ms_;
  const Wide t = step + t_ms_;
  if (step <= 0 || step > Wide{INT64_MAX} || t > Wide{INT64_MAX}) {
    return false;
  }
  step_ms_ = static_cast<int64_t>(step);
  t_ms_ = static_cast<int64_t>(t);

  const size_t groups = (values_.size() + 7) / 8;
  std::vector<int> top;
  for (size_t i = 0; i < (groups + 7) / 8; ++i) {
    top.push_back(in.Byte());
  }
  changed_.clear();
  for (size_t g = 0; g < top.size() * 8; ++g) {
    if ((top[g / 8] >> (g % 8)) % 2 == 0) {
      continue;
    }
    if (g >= groups) {
      return false;
    }
    const int map = in.Byte();
    if (map == 0) {
      return false;
    }
    for (size_t i = 0; i < 8; ++i) {
      if ((map >> i) % 2 != 0) {
        changed_.push_back(static_cast<uint32_t>(g * 8 + i));
      }
    }
  }
  for (const uint32_t i : changed_) {
    if (i >= values_.size()) {
      return false;
    }
    Series& s = series_[i];
    double value = 0;
    const uint64_t token = Token(&in, (s.width + 8) / 16);
    if (token > 0) {
      const Wide by = Input::ZigZag(token - 1) + (s.steps ? s.step : 0);
      const int64_t integer = Integer(s.integer + by);
      s.step = static_cast<int64_t>(by);
      s.integer = integer;
      s.width += FloorDiv4(16 * FloorLog2(token) - s.width);
      value = Value(s.unit, s.integer);
    } else {
      const uint64_t escape = in.Bits(2);
      if (escape == 0) {
        const uint64_t low = in.Bits(32);
        value = DoubleOf(low + (in.Bits(32) << 32));
        s.width += FloorDiv4(-s.width);
      } else if (escape == 1) {
        value = DoubleOf(kNoSample);
      } else if (escape == 2) {
        s.unit = static_cast<int>(in.Bits(6));
        const int length = static_cast<int>(in.Bits(6));
        if (s.unit == 16 || s.unit == 17 || length > 54) {
          return false;
        }
        s.integer = Integer(Input::ZigZag(in.Bits(length)));
        s.step = 0;
        s.width = 64;
        value = Value(s.unit, s.integer);
      } else {
        return false;
      }
    }
    if (BitsOf(value) == BitsOf(values_[i])) {
      return false;
    }
    values_[i] = value;
  }
  return in.left() == 0 && in.PaddingIsZero();
}

}  // namespace ronda
