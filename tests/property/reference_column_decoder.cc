#include "tests/property/reference_column_decoder.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>

namespace ronda {
namespace {

struct Bad {};

void Check(bool ok) {
  if (!ok) {
    throw Bad();
  }
}

class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }
  size_t size() const { return bytes_.size(); }
  std::string_view Take(uint64_t n) {
    Check(n <= bytes_.size());
    const std::string_view taken = bytes_.substr(0, n);
    bytes_.remove_prefix(n);
    return taken;
  }
  uint8_t Byte() { return static_cast<uint8_t>(Take(1)[0]); }
  uint64_t Word() {
    uint64_t v = 0;
    for (int i = 0; i < 8; ++i) {
      v |= uint64_t{Byte()} << (8 * i);
    }
    return v;
  }
  uint64_t Varint() {
    uint64_t v = 0;
    for (int i = 0;; ++i) {
      const uint8_t b = Byte();
      Check(i < 9 || b <= 1);
      v |= uint64_t{b & 127U} << (7 * i);
      if (b < 128) {
        Check(b != 0 || i == 0);
        return v;
      }
    }
  }
  uint64_t Signed() {
    const uint64_t v = Varint();
    return v % 2 == 0 ? v / 2 : ~(v / 2);
  }

 private:
  std::string_view bytes_;
};

class Bits {
 public:
  explicit Bits(std::string_view bytes) : bytes_(bytes) {}

  uint64_t Read(int n) {
    uint64_t v = 0;
    for (int i = 0; i < n; ++i, ++at_) {
      Check(at_ / 8 < bytes_.size());
      v |= uint64_t{static_cast<uint8_t>(bytes_[at_ / 8]) >> (at_ % 8) & 1U} << i;
    }
    return v;
  }
  uint64_t Gamma() {
    int zeros = 0;
    while (Read(1) == 0) {
      Check(++zeros <= 48);
    }
    const uint64_t v = ((uint64_t{1} << zeros) | Read(zeros)) - 1;
    Check(v < uint64_t{1} << 48);
    return v;
  }
  void End() {
    Check(bytes_.size() * 8 - at_ < 8);
    Check(Read(static_cast<int>(bytes_.size() * 8 - at_)) == 0);
  }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
};

uint64_t UnZigZag(uint64_t v) { return v % 2 == 0 ? v / 2 : ~(v / 2); }

int Digits(uint64_t v) {
  int digits = 0;
  for (; v > 0; v /= 2) {
    ++digits;
  }
  return digits;
}

// The order of residuals undone: y from r and what came before it.
struct History {
  uint64_t value = 0;
  uint64_t step = 0;

  uint64_t Next(int order, uint64_t r) {
    step = order == 2 ? step + r : r;
    value = order == 0 ? r : value + step;
    return value;
  }
};

std::vector<uint64_t> Packed(Bytes in, size_t n) {
  const uint8_t head = in.Byte();
  const int order = head / 64;
  const int width = head % 64 == 63 ? 64 : head % 64;
  Check(order <= 2);
  const uint64_t least = in.Signed();
  std::vector<uint64_t> out;
  for (size_t start = 0; start < n; start += 1200) {
    const size_t size = std::min<size_t>(1200, n - start);
    const size_t told = std::min<size_t>(static_cast<size_t>(order), size);
    Bits bits(in.Take((64 * told + static_cast<size_t>(width) * (size - told) + 7) / 8));
    History history;
    for (size_t i = 0; i < size; ++i) {
      if (i < told) {
        const uint64_t v = bits.Read(64);
        history = {v, v - history.value};
        out.push_back(v);
      } else {
        out.push_back(history.Next(order, bits.Read(width) + least));
      }
    }
    bits.End();
  }
  Check(in.empty());
  return out;
}

struct Symbol {
  int cls;
  uint64_t base;
  int rest;
};

struct Model {
  int precision = 0;
  std::vector<int> first_score;
  std::vector<Symbol> symbols;
  std::vector<std::vector<uint64_t>> frequency;
};

// `before`: of encoding 4.
std::vector<Symbol> ReadSymbols(bool before, Bits* bits) {
  std::vector<Symbol> symbols;
  const uint64_t classes = bits->Gamma() + 1;
  Check(classes <= 65);
  uint64_t cls = 0;
  for (uint64_t i = 0; i < classes; ++i, ++cls) {
    cls += bits->Gamma();
    Check(cls <= 64);
    const uint64_t finest = cls < 2 ? 0 : std::min<uint64_t>(cls - 1, 5);
    const uint64_t detail = bits->Read(before ? 3 : Digits(finest));
    Check(detail <= finest);
    for (uint64_t top = 0; top < uint64_t{1} << detail; ++top) {
      const int rest = cls == 0 ? 0 : static_cast<int>(cls - 1 - detail);
      const uint64_t base = cls == 0 ? 0 : ((uint64_t{1} << detail) + top) << rest;
      symbols.push_back({static_cast<int>(cls), base, rest});
    }
  }
  Check(symbols.size() <= 256);
  return symbols;
}

uint64_t ReadWeight(int64_t digits, Bits* bits) {
  Check(digits >= 1 && digits <= 21);
  const auto m = static_cast<int>(digits);
  const int told = m < 4 ? 0 : std::min(5, (m - 4) / 2);
  const int untold = m - 1 - told;
  const uint64_t weight = ((uint64_t{1} << told) + bits->Read(told)) << untold;
  return weight + (untold > 0 ? uint64_t{1} << (untold - 1) : 0);
}

std::vector<uint64_t> ReadWeights(size_t symbols, Bits* bits) {
  std::vector<uint64_t> weight(symbols);
  int64_t digits = 0;
  for (uint64_t& w : weight) {
    const uint64_t change = bits->Gamma();
    digits = static_cast<int64_t>(digits == 0 ? change
                                              : static_cast<uint64_t>(digits) + UnZigZag(change));
    w = digits == 0 ? 0 : ReadWeight(digits, bits);
  }
  return weight;
}

std::vector<uint64_t> ReadWeightsBefore(size_t symbols, Bits* bits) {
  std::vector<uint64_t> weight(symbols);
  const uint64_t used = bits->Gamma() + 1;
  Check(used <= symbols);
  uint64_t at = 0;
  int64_t digits = 0;
  for (uint64_t i = 0; i < used; ++i, ++at) {
    at += bits->Gamma();
    Check(at < symbols);
    digits += static_cast<int64_t>(UnZigZag(bits->Gamma()));
    weight[at] = ReadWeight(digits, bits);
  }
  return weight;
}

std::vector<uint64_t> FrequenciesOf(const std::vector<uint64_t>& weight, int precision) {
  uint64_t sum_w = 0;
  for (const uint64_t w : weight) {
    sum_w += w;
  }
  const uint64_t target = uint64_t{1} << precision;
  uint64_t sum = 0;
  Check(sum_w > 0);
  std::vector<uint64_t> f(weight.size());
  for (size_t i = 0; i < f.size(); ++i) {
    if (weight[i] > 0) {
      f[i] = std::max<uint64_t>(1, (weight[i] * target + sum_w / 2) / sum_w);
    }
    sum += f[i];
  }
  while (sum != target) {
    uint64_t& largest = *std::max_element(f.begin(), f.end());
    if (sum < target) {
      largest += target - sum;
      sum = target;
    } else {
      const uint64_t less = std::min(sum - target, (largest + 7) / 8);
      largest -= less;
      sum -= less;
    }
  }
  return f;
}

Model ReadModel(Bytes* in) {
  Model model;
  Bits bits(in->Take(in->Varint()));
  model.precision = 8 + static_cast<int>(bits.Read(3));
  const int contexts = 1 + static_cast<int>(bits.Read(4));
  Check(model.precision <= 12 && contexts << model.precision <= 8192);
  model.first_score = {0};
  for (int c = 1; c < contexts; ++c) {
    const uint64_t more = bits.Gamma();
    Check(more < 272 - static_cast<uint64_t>(model.first_score.back()));
    model.first_score.push_back(model.first_score.back() + static_cast<int>(more) + 1);
  }
  model.symbols = ReadSymbols(false, &bits);
  for (int c = 0; c < contexts; ++c) {
    model.frequency.push_back(
        FrequenciesOf(ReadWeights(model.symbols.size(), &bits), model.precision));
  }
  bits.End();
  return model;
}

Model ReadModelBefore(Bytes* in) {
  Model model;
  model.precision = in->Byte();
  const int contexts = in->Byte() + 1;
  Check(model.precision >= 8 && model.precision <= 12 && contexts <= 16);
  Check(contexts << model.precision <= 8192);
  model.first_score = {0};
  for (int c = 1; c < contexts; ++c) {
    model.first_score.push_back(model.first_score.back() + in->Byte() + 1);
    Check(model.first_score.back() <= 256);
  }
  Bits bits(in->Take(in->Varint()));
  model.symbols = ReadSymbols(true, &bits);
  for (int c = 0; c < contexts; ++c) {
    model.frequency.push_back(
        FrequenciesOf(ReadWeightsBefore(model.symbols.size(), &bits), model.precision));
  }
  bits.End();
  return model;
}

// The numbers of one block.
std::vector<uint64_t> ReadBlock(const Model& model, bool before, size_t count,
                                std::string_view bytes) {
  Bits bits(bytes);
  uint64_t x = bits.Read(32);
  int a = 0;
  int b = 0;
  int zeros = 0;
  std::vector<uint64_t> numbers;
  for (size_t i = 0; i < count; ++i) {
    const int score = before ? 3 * a + b : a + b == 0 ? 16 - zeros : 16 + 3 * a + b;
    const auto context = static_cast<size_t>(
        std::upper_bound(model.first_score.begin(), model.first_score.end(), score) -
        model.first_score.begin() - 1);
    const std::vector<uint64_t>& f = model.frequency[context];
    const uint64_t slot = x % (uint64_t{1} << model.precision);
    uint64_t below = 0;
    size_t s = 0;
    while (slot >= below + f[s]) {
      below += f[s++];
    }
    x = f[s] * (x >> model.precision) + slot - below;
    if (x < 65536) {
      x = x * 65536 + bits.Read(16);
    }
    numbers.push_back(model.symbols[s].base + bits.Read(model.symbols[s].rest));
    b = a;
    a = Digits(numbers.back());
    zeros = a == 0 ? std::min(zeros + 1, 16) : 0;
  }
  Check(x == 65536);
  bits.End();
  return numbers;
}

// The digits of the magnitude, with the sign behind the first.
uint64_t UnfoldSign(uint64_t u) {
  if (u < 2) {
    return u == 0 ? 0 : uint64_t{1} << 63;
  }
  const int low = Digits(u) - 2;
  const uint64_t magnitude = (uint64_t{1} << low) + u % (uint64_t{1} << low);
  return (u >> low) % 2 == 0 ? magnitude : 0 - magnitude;
}

std::vector<uint64_t> Coded(Bytes in, bool before, size_t n) {
  const size_t block_values = before ? 1200 : 7200;
  const uint8_t flags = in.Byte();
  const int order = flags % 4;
  const bool is_signed = (flags & 4) != 0;
  Check(flags < 8 && order <= 2);
  const uint64_t origin = in.Signed();
  const uint64_t stride = in.Varint();
  const uint64_t least = is_signed ? 0 : in.Signed();
  const Model model = before ? ReadModelBefore(&in) : ReadModel(&in);
  struct Block {
    uint64_t bytes;
    History start;
  };
  std::vector<Block> blocks;
  Block last{};
  uint64_t all = 0;
  for (size_t start = 0; start < n; start += block_values) {
    last.bytes += before || start + block_values < n ? in.Signed() : 0;
    Check(last.bytes <= in.size());
    all += last.bytes;
    last.start.value += order >= 1 ? in.Signed() : 0;
    last.start.step += order == 2 ? in.Signed() : 0;
    blocks.push_back(last);
  }
  if (!before) {
    all -= blocks.back().bytes;
    Check(all <= in.size());
    blocks.back().bytes = in.size() - all;
  }
  std::vector<uint64_t> out;
  for (const Block& block : blocks) {
    const size_t size = std::min(block_values, n - out.size());
    const size_t told = std::min<size_t>(static_cast<size_t>(order), size);
    History history = block.start;
    for (size_t i = 0; i < told; ++i) {
      history.value += i == 1 ? history.step : 0;
      out.push_back(history.value);
    }
    for (const uint64_t u : ReadBlock(model, before, size - told, in.Take(block.bytes))) {
      const uint64_t r = !is_signed ? u + least : before ? UnZigZag(u) : UnfoldSign(u);
      out.push_back(history.Next(order, r));
    }
  }
  Check(in.empty());
  for (uint64_t& v : out) {
    v = origin + stride * v;
  }
  return out;
}

std::vector<uint64_t> Integers(Bytes in, size_t n) {
  switch (in.Byte()) {
    case 0: {
      std::vector<uint64_t> out(n, in.Signed());
      Check(in.empty());
      return out;
    }
    case 1: {
      std::vector<uint64_t> out(n, in.Signed());
      const uint64_t step = in.Signed();
      Check(in.empty());
      for (size_t i = 0; i < n; ++i) {
        out[i] += i * step;
      }
      return out;
    }
    case 2: {
      std::vector<uint64_t> out;
      uint64_t value = 0;
      while (out.size() < n) {
        value += in.Signed();
        const uint64_t more = in.Varint();
        Check(more < n - out.size());
        out.insert(out.end(), more + 1, value);
      }
      Check(in.empty());
      return out;
    }
    case 3:
      return Packed(in, n);
    case 4:
      return Coded(in, true, n);
    case 5:
      return Coded(in, false, n);
    default:
      throw Bad();
  }
}

struct Run {
  uint64_t first;
  uint64_t end;
  uint64_t bits;
};

std::vector<Run> ReadExceptions(Bytes* in, size_t n) {
  const uint64_t count = in->Varint();
  Check(count >= 1);
  std::vector<Run> runs;
  uint64_t end = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t gap = in->Varint();
    const uint64_t length = in->Varint();
    const uint64_t bits = length % 2 == 1 ? in->Word() : 0x7ff0000000000002ULL;
    Check(gap <= n - end && length / 2 < n - end - gap);
    runs.push_back({end + gap, end + gap + length / 2 + 1, bits});
    end = runs.back().end;
  }
  return runs;
}

uint64_t ValueOf(int scale, uint64_t x) {
  if (scale == 16) {
    return static_cast<int64_t>(x) >= 0 ? x : x ^ 0x7fffffffffffffffULL;
  }
  const auto v = static_cast<double>(static_cast<int64_t>(x));
  return std::bit_cast<uint64_t>(v / std::pow(10.0, scale));
}

std::vector<uint64_t> Doubles(Bytes in, size_t n) {
  const uint8_t first = in.Byte();
  const int scale = first & ~64;
  Check(scale <= 16);
  const std::vector<Run> runs = (first & 64) != 0 ? ReadExceptions(&in, n) : std::vector<Run>();
  std::vector<uint64_t> out = Integers(in, n);
  for (uint64_t& v : out) {
    v = ValueOf(scale, v);
  }
  for (const Run& run : runs) {
    std::fill(out.begin() + static_cast<ptrdiff_t>(run.first),
              out.begin() + static_cast<ptrdiff_t>(run.end), run.bits);
  }
  return out;
}

}  // namespace

std::optional<std::vector<uint64_t>> ReferenceDecodeColumn(std::string_view bytes, size_t n) {
  try {
    Check(n > 0 || bytes.empty());
    return n == 0 ? std::vector<uint64_t>() : Doubles(Bytes(bytes), n);
  } catch (const Bad&) {
    return std::nullopt;
  }
}

std::optional<std::vector<int64_t>> ReferenceDecodeIntColumn(std::string_view bytes, size_t n) {
  try {
    Check(n > 0 || bytes.empty());
    const std::vector<uint64_t> values =
        n == 0 ? std::vector<uint64_t>() : Integers(Bytes(bytes), n);
    return std::vector<int64_t>(values.begin(), values.end());
  } catch (const Bad&) {
    return std::nullopt;
  }
}

}  // namespace ronda
