#include "common/codec/column_packed.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <vector>

#include "common/codec/bits.h"
#include "common/codec/column_ints.h"
#include "common/codec/varint.h"

namespace ronda::codec {
namespace {

constexpr size_t kOrders = 3;

// The residuals of one order: their least, and the bits that the rest need.
struct Residuals {
  int64_t least = std::numeric_limits<int64_t>::max();
  int64_t most = std::numeric_limits<int64_t>::min();

  void Add(int64_t r) {
    least = std::min(least, r);
    most = std::max(most, r);
  }
  int width() const {
    return least > most
               ? 0
               : static_cast<int>(std::bit_width(static_cast<uint64_t>(WrappingSub(most, least))));
  }
};

void PutBits(uint64_t v, int width, BitWriter* out) {
  if (width > 32) {
    out->Put(v & 0xffffffff, 32);
    out->Put(v >> 32, width - 32);
  } else {
    out->Put(v, width);
  }
}

uint64_t GetBits(int width, BitReader* in) {
  if (width > 32) {
    const uint64_t low = in->Get(32);
    return low | in->Get(width - 32) << 32;
  }
  return in->Get(width);
}

}  // namespace

void EncodePacked(std::span<const int64_t> values, std::string* out) {
  std::array<Residuals, kOrders> residuals;
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t at = i % kRestartValues;
    residuals[0].Add(values[i]);
    if (at >= 1) {
      const int64_t step = WrappingSub(values[i], values[i - 1]);
      residuals[1].Add(step);
      if (at >= 2) {
        residuals[2].Add(WrappingSub(step, WrappingSub(values[i - 1], values[i - 2])));
      }
    }
  }
  size_t order = 0;
  for (size_t i = 1; i < kOrders; ++i) {
    order = residuals[i].width() < residuals[order].width() ? i : order;
  }
  const int width = residuals[order].width();
  const int64_t least = residuals[order].least;

  out->push_back(static_cast<char>(IntEncoding::kPacked));
  out->push_back(static_cast<char>(order << 6 | static_cast<size_t>(std::min(width, 63))));
  PutSigned(out, least);
  std::vector<char> block(kRestartValues * 8 + 16);
  for (size_t start = 0; start < values.size(); start += kRestartValues) {
    const std::span<const int64_t> part =
        values.subspan(start, std::min(kRestartValues, values.size() - start));
    BitWriter bits(block.data());
    const size_t told = std::min(order, part.size());
    for (size_t i = 0; i < told; ++i) {
      bits.Put64(static_cast<uint64_t>(part[i]));
    }
    for (size_t i = told; i < part.size(); ++i) {
      int64_t r = part[i];
      if (order >= 1) {
        r = WrappingSub(r, part[i - 1]);
      }
      if (order == 2) {
        r = WrappingSub(r, WrappingSub(part[i - 1], part[i - 2]));
      }
      PutBits(static_cast<uint64_t>(WrappingSub(r, least)), width == 63 ? 64 : width, &bits);
    }
    out->append(block.data(), static_cast<size_t>(bits.Finish() - block.data()));
  }
}

bool DecodePacked(std::string_view bytes, size_t n, size_t first, std::span<int64_t> out) {
  ByteReader in(bytes);
  const uint8_t head = in.U8();
  const size_t order = head >> 6;
  const int width = (head & 63) == 63 ? 64 : head & 63;
  const int64_t least = in.Signed();
  if (!in.ok() || order >= kOrders) {
    return false;
  }
  const std::string_view blocks = in.Take(in.remaining());
  const auto block_bytes = [&](size_t count) {
    const size_t told = std::min(order, count);
    return (told * 64 + (count - told) * static_cast<size_t>(width) + 7) / 8;
  };
  const size_t full = n / kRestartValues;
  if (blocks.size() != full * block_bytes(kRestartValues) + block_bytes(n % kRestartValues)) {
    return false;
  }
  const size_t end = first + out.size();
  for (size_t b = first / kRestartValues; b * kRestartValues < end; ++b) {
    const size_t start = b * kRestartValues;
    const size_t count = std::min(kRestartValues, n - start);
    BitReader bits(blocks.substr(b * block_bytes(kRestartValues), block_bytes(count)));
    int64_t value = 0;
    int64_t step = 0;
    for (size_t i = 0; i < count && start + i < end; ++i) {
      if (i < order) {
        const auto told = static_cast<int64_t>(bits.Get64());
        step = WrappingSub(told, value);
        value = told;
      } else {
        const int64_t r = WrappingAdd(static_cast<int64_t>(GetBits(width, &bits)), least);
        step = order == 2 ? WrappingAdd(step, r) : r;
        value = order == 0 ? r : WrappingAdd(value, step);
      }
      if (start + i >= first) {
        out[start + i - first] = value;
      }
    }
    if (start + count <= end && !bits.AtEnd()) {
      return false;
    }
  }
  return true;
}

}  // namespace ronda::codec
