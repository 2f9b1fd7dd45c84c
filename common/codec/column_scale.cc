#include "common/codec/column_scale.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "common/codec/units.h"
#include "common/model/sample.h"

namespace ronda::codec {
namespace {

// In the list of exceptions: the stale marker, or 8 bytes of another.
constexpr uint8_t kExceptionStale = 0;
constexpr uint8_t kExceptionBits = 1;

void AddException(size_t at, uint64_t bits, ScaledColumn* out) {
  if (!out->exceptions.empty()) {
    ColumnException& last = out->exceptions.back();
    if (last.bits == bits && last.first + last.count == at) {
      ++last.count;
      return;
    }
  }
  out->exceptions.push_back({at, 1, bits});
}

// Exceptions take the integer before them, the first ones that of the first value after them.
void FillLeadingExceptions(ScaledColumn* out) {
  size_t lead = 0;
  for (const ColumnException& e : out->exceptions) {
    if (e.first != lead) {
      break;
    }
    lead += e.count;
  }
  if (lead < out->integers.size()) {
    std::fill_n(out->integers.begin(), lead, out->integers[lead]);
  }
}

uint8_t ShortestExponent(std::span<const double> values) {
  uint8_t unit = 0;
  size_t unfit = 0;
  double last = std::numeric_limits<double>::quiet_NaN();
  for (const double value : values) {
    int64_t m;
    if (SameBits(value, last) || FitsUnit(unit, value, &m)) {
      continue;
    }
    last = value;
    uint8_t longer = unit + 1;
    while (longer <= kUnitMaxDecimal && !FitsUnit(longer, value, &m)) {
      ++longer;
    }
    if (longer <= kUnitMaxDecimal) {
      unit = longer;
    } else if (!IsStale(value) && ++unfit > values.size() / 2) {
      break;  // Whatever it is, it will not do.
    }
  }
  return unit;
}

}  // namespace

void ScaleToDecimal(std::span<const double> values, ScaledColumn* out) {
  out->scale = ShortestExponent(values);
  out->integers.resize(values.size());
  out->exceptions.clear();
  out->unfit = 0;
  int64_t last = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    int64_t m;
    if (FitsUnit(out->scale, values[i], &m)) {
      last = m;
    } else {
      AddException(i, std::bit_cast<uint64_t>(values[i]), out);
      out->unfit += IsStale(values[i]) ? 0 : 1;
    }
    out->integers[i] = last;
  }
  FillLeadingExceptions(out);
}

void ScaleToBits(std::span<const double> values, ScaledColumn* out) {
  out->scale = kScaleBits;
  out->integers.resize(values.size());
  out->exceptions.clear();
  out->unfit = 0;
  int64_t last = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const auto bits = std::bit_cast<uint64_t>(values[i]);
    if (bits == kStaleBits) {
      AddException(i, bits, out);
    } else {
      last = OrderedBits(values[i]);
    }
    out->integers[i] = last;
  }
  FillLeadingExceptions(out);
}

void PutScale(const ScaledColumn& column, std::string* out) {
  const bool exceptions = !column.exceptions.empty();
  out->push_back(static_cast<char>(column.scale | (exceptions ? kScaleExceptions : 0)));
  if (!exceptions) {
    return;
  }
  PutVarint(out, column.exceptions.size());
  size_t end = 0;
  for (const ColumnException& e : column.exceptions) {
    const bool stale = e.bits == kStaleBits;
    PutVarint(out, e.first - end);
    PutVarint(out, (e.count - 1) << 1 | (stale ? kExceptionStale : kExceptionBits));
    if (!stale) {
      PutU64(out, e.bits);
    }
    end = e.first + e.count;
  }
}

bool GetScale(size_t n, ByteReader* in, uint8_t* scale, std::vector<ColumnException>* exceptions) {
  const uint8_t first = in->U8();
  *scale = first & static_cast<uint8_t>(~kScaleExceptions);
  if (!in->ok() || *scale > kScaleBits) {
    return false;
  }
  if ((first & kScaleExceptions) == 0) {
    return true;
  }
  const uint64_t count = in->Varint();
  // Each takes at least two bytes.
  if (!in->ok() || count == 0 || count > in->remaining() / 2) {
    return false;
  }
  exceptions->reserve(count);
  size_t end = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t gap = in->Varint();
    const uint64_t length = in->Varint();
    const uint64_t bits = (length & 1) == kExceptionBits ? in->U64() : kStaleBits;
    if (!in->ok() || gap > n - end || (length >> 1) >= n - end - gap) {
      return false;
    }
    const size_t at = end + gap;
    end = at + (length >> 1) + 1;
    exceptions->push_back({at, end - at, bits});
  }
  return true;
}

int64_t OrderedBits(double value) {
  const auto v = std::bit_cast<int64_t>(value);
  return v < 0 ? v ^ std::numeric_limits<int64_t>::max() : v;
}

double UnscaleOne(uint8_t scale, int64_t integer) {
  if (scale == kScaleBits) {
    return std::bit_cast<double>(integer < 0 ? integer ^ std::numeric_limits<int64_t>::max()
                                             : integer);
  }
  return FromUnit(scale, integer);
}

void Unscale(uint8_t scale, std::span<const ColumnException> exceptions, size_t first,
             std::span<const int64_t> integers, std::span<double> out) {
  if (scale == kScaleBits) {
    std::transform(integers.begin(), integers.end(), out.begin(),
                   [](int64_t v) { return UnscaleOne(kScaleBits, v); });
  } else if (scale == 0) {
    std::transform(integers.begin(), integers.end(), out.begin(),
                   [](int64_t v) { return static_cast<double>(v); });
  } else {
    const double divisor = kPowersOfTen[scale];
    std::transform(integers.begin(), integers.end(), out.begin(),
                   [divisor](int64_t v) { return static_cast<double>(v) / divisor; });
  }
  for (const ColumnException& e : exceptions) {
    const size_t begin = std::max(e.first, first);
    const size_t end = std::min(e.first + e.count, first + out.size());
    if (begin < end) {
      std::fill_n(out.begin() + static_cast<ptrdiff_t>(begin - first), end - begin,
                  std::bit_cast<double>(e.bits));
    }
  }
}

}  // namespace ronda::codec
