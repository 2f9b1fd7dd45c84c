#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <numeric>
#include <vector>

#include "common/codec/bits.h"
#include "common/codec/column_coded.h"
#include "common/codec/column_ints.h"
#include "common/codec/column_model.h"
#include "common/codec/varint.h"

namespace ronda::codec {
namespace {

// A residual as it is coded.
struct Coded {
  uint64_t number;
  uint16_t score;
};

// What is tried: how the numbers of a column come from its values.
struct Candidate {
  CodedHead head;
  double bits = 0;
  int detail = 0;
};

// The greatest common divisor of all values less the first.
uint64_t StrideOf(std::span<const int64_t> values) {
  uint64_t any = 0;
  for (const int64_t v : values) {
    any |= static_cast<uint64_t>(WrappingSub(v, values[0]));
  }
  const int zeros = std::countr_zero(any);
  uint64_t odd = 0;
  for (const int64_t v : values) {
    const int64_t d = WrappingSub(v, values[0]) >> zeros;
    const uint64_t magnitude = d < 0 ? 0 - static_cast<uint64_t>(d) : static_cast<uint64_t>(d);
    if (odd == 0 || magnitude % odd != 0) {
      odd = std::gcd(odd, magnitude);
      if (odd == 1) {
        break;
      }
    }
  }
  return zeros == 63 ? 1 : odd << zeros;
}

uint64_t NumberOf(const CodedHead& head, const int64_t* y) {
  int64_t r = y[0];
  if (head.order >= 1) {
    r = WrappingSub(r, y[-1]);
  }
  if (head.order == 2) {
    r = WrappingSub(r, WrappingSub(y[-1], y[-2]));
  }
  return head.zigzag ? ZigZag(r) : static_cast<uint64_t>(WrappingSub(r, head.least));
}

// Calls f(i) for each value that is coded: all but those that the directory tells.
template <typename F>
void ForEachCoded(size_t n, int order, F f) {
  for (size_t start = 0; start < n; start += kRestartValues) {
    const size_t end = std::min(n, start + kRestartValues);
    for (size_t i = start + static_cast<size_t>(order); i < end; ++i) {
      f(i);
    }
  }
}

// Finer symbols than this are not counted.
constexpr int kDetail = 4;
constexpr size_t kFineSymbols = (64 - kDetail + 1) << kDetail;

// The detail, and about the bits, that suit a candidate best without contexts.
void Rate(const std::vector<int64_t>& y, Candidate* candidate) {
  std::array<uint32_t, kFineSymbols> fine{};
  uint32_t total = 0;
  ForEachCoded(y.size(), candidate->head.order, [&](size_t i) {
    ++fine[TokenOf(NumberOf(candidate->head, &y[i]), kDetail).symbol];
    ++total;
  });
  candidate->bits = 1e300;
  for (int detail = kDetail; detail >= 0; --detail) {
    std::vector<uint32_t> counts(kFineSymbols);
    double bits = 0;
    size_t symbols = 0;
    for (uint32_t s = 0; s < kFineSymbols; ++s) {
      if (fine[s] > 0) {
        const ColumnToken token = TokenOf(TokenBase(s, kDetail), detail);
        counts[token.symbol] += fine[s];
        bits += static_cast<double>(fine[s]) * token.bits;
        symbols = token.symbol + 1;
      }
    }
    if (symbols > kColumnSymbols) {
      continue;
    }
    bits += TableBits(counts.data(), nullptr, symbols, total);
    if (bits < candidate->bits) {
      candidate->bits = bits;
      candidate->detail = detail;
    }
  }
}

std::vector<Coded> NumbersOf(const std::vector<int64_t>& y, const Candidate& candidate) {
  std::vector<Coded> numbers(y.size());
  int last = 0;
  int before = 0;
  ForEachCoded(y.size(), candidate.head.order, [&](size_t i) {
    if (i % kRestartValues == static_cast<size_t>(candidate.head.order)) {
      last = before = 0;
    }
    const uint64_t number = NumberOf(candidate.head, &y[i]);
    numbers[i] = {number, static_cast<uint16_t>(ContextScore(last, before))};
    before = last;
    last = static_cast<int>(std::bit_width(number));
  });
  return numbers;
}

struct Share {
  uint32_t frequency;
  uint32_t below;  // the frequencies of all symbols before it
};

// Writes one block: symbols backwards through the coder, then all forwards as a reader meets them.
void PutBlock(const ColumnModel& model,
              const std::vector<std::array<Share, kColumnSymbols>>& shares,
              std::span<const Coded> numbers, std::string* out) {
  std::array<int32_t, kRestartValues> words;
  uint32_t state = kCoderLow;
  for (size_t i = numbers.size(); i-- > 0;) {
    const uint32_t symbol = TokenOf(numbers[i].number, model.detail).symbol;
    const Share share = shares[model.context[numbers[i].score]][symbol];
    words[i] = -1;
    if (state >= static_cast<uint64_t>(share.frequency) << (32 - model.precision)) {
      words[i] = static_cast<int32_t>(state & 0xffff);
      state >>= 16;
    }
    state = ((state / share.frequency) << model.precision) + state % share.frequency + share.below;
  }
  std::array<char, kRestartValues * 10 + 32> buffer;
  BitWriter bits(buffer.data());
  bits.Put(state, 32);
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (words[i] >= 0) {
      bits.Put(static_cast<uint64_t>(words[i]), 16);
    }
    const int rest = TokenOf(numbers[i].number, model.detail).bits;
    const uint64_t low = numbers[i].number & ((uint64_t{1} << rest) - 1);
    if (rest > 40) {
      bits.Put(low & 0xffffffff, 32);
      bits.Put(low >> 32, rest - 32);
    } else {
      bits.Put(low, rest);
    }
  }
  out->append(buffer.data(), static_cast<size_t>(bits.Finish() - buffer.data()));
}

void PutBlocks(const std::vector<int64_t>& y, const Candidate& candidate, const ColumnModel& model,
               std::span<const Coded> numbers, std::string* out) {
  std::vector<std::array<Share, kColumnSymbols>> shares(model.frequency.size());
  for (size_t c = 0; c < shares.size(); ++c) {
    uint32_t below = 0;
    for (size_t s = 0; s < kColumnSymbols; ++s) {
      shares[c][s] = {model.frequency[c][s], below};
      below += model.frequency[c][s];
    }
  }
  std::string blocks;
  int64_t last_bytes = 0;
  int64_t last_value = 0;
  int64_t last_step = 0;
  const auto order = static_cast<size_t>(candidate.head.order);
  for (size_t start = 0; start < y.size(); start += kRestartValues) {
    const size_t size = std::min(kRestartValues, y.size() - start);
    const size_t begin = blocks.size();
    const size_t told = std::min(order, size);
    PutBlock(model, shares, numbers.subspan(start + told, size - told), &blocks);
    const auto size_bytes = static_cast<int64_t>(blocks.size() - begin);
    PutSigned(out, size_bytes - last_bytes);
    last_bytes = size_bytes;
    if (order >= 1) {
      PutSigned(out, WrappingSub(y[start], last_value));
      last_value = y[start];
    }
    if (order == 2) {
      const int64_t step = size > 1 ? WrappingSub(y[start + 1], y[start]) : 0;
      PutSigned(out, WrappingSub(step, last_step));
      last_step = step;
    }
  }
  out->append(blocks);
}

std::vector<Candidate> CandidatesFor(std::span<const int64_t> values, std::vector<int64_t>* y) {
  const uint64_t stride = StrideOf(values);
  const int64_t lowest = *std::min_element(values.begin(), values.end());
  const int zeros = std::countr_zero(stride);
  const auto odd = static_cast<int64_t>(stride >> zeros);
  y->resize(values.size());
  std::array<int64_t, 3> least;
  least.fill(std::numeric_limits<int64_t>::max());
  for (size_t i = 0; i < values.size(); ++i) {
    const auto d = static_cast<uint64_t>(WrappingSub(values[i], lowest)) >> zeros;
    (*y)[i] =
        odd == 1 ? static_cast<int64_t>(d) : static_cast<int64_t>(d / static_cast<uint64_t>(odd));
    if (i >= 1) {
      least[1] = std::min(least[1], WrappingSub((*y)[i], (*y)[i - 1]));
    }
  }
  return {{{0, false, lowest, stride, 0}},
          {{1, true, lowest, stride, 0}},
          {{1, false, lowest, stride, least[1]}},
          {{2, true, lowest, stride, 0}}};
}

}  // namespace

void EncodeCoded(std::span<const int64_t> values, std::string* out) {
  std::vector<int64_t> y;
  std::vector<Candidate> candidates = CandidatesFor(values, &y);
  for (Candidate& candidate : candidates) {
    Rate(y, &candidate);
  }
  const Candidate& first =
      *std::min_element(candidates.begin(), candidates.end(),
                        [](const Candidate& a, const Candidate& b) { return a.bits < b.bits; });
  Candidate best = first;
  ColumnModel model;
  double least = 1e300;
  for (const Candidate& cand : candidates) { if (cand.bits > 1.10 * first.bits) continue;
  const std::vector<Coded> numbers = NumbersOf(y, cand);
  for (int detail = cand.detail; detail >= 0 && detail >= cand.detail - 2; --detail) {
    std::vector<uint32_t> counts(kColumnScores * kColumnSymbols);
    double bits = 0;
    ForEachCoded(y.size(), cand.head.order, [&](size_t i) {
      const ColumnToken token = TokenOf(numbers[i].number, detail);
      ++counts[numbers[i].score * size_t{kColumnSymbols} + token.symbol];
      bits += token.bits;
    });
    ColumnModel tried;
    bits += FitModel(detail, counts, &tried);
    if (bits < least) {
      least = bits;
      model = std::move(tried); best = cand;
    }
  }
  }
  const std::vector<Coded> numbers = NumbersOf(y, best);
  out->push_back(static_cast<char>(IntEncoding::kCoded));
  out->push_back(static_cast<char>(best.head.order | (best.head.zigzag ? kCodedZigZag : 0)));
  PutSigned(out, best.head.origin);
  PutVarint(out, best.head.stride);
  if (!best.head.zigzag) {
    PutSigned(out, best.head.least);
  }
  PutModel(model, out);
  PutBlocks(y, best, model, numbers, out);
}

}  // namespace ronda::codec
