// A range asymmetric numeral system (J. Duda, "Asymmetric numeral systems", arXiv:1311.2540): the
// coder's state is a number to which a symbol of frequency f adds log2(2^p / f) bits. What was put
// in last comes out first, so the writer goes backwards. Huffman codes would spend a bit on each
// value that did not change; an adaptive coder needs a multiplication and an update a bit.
#include "common/codec/column_blocks.h"

#include <algorithm>
#include <array>

#include "common/codec/bits.h"
#include "common/codec/column_ints.h"
#include "common/codec/varint.h"

namespace ronda::codec {
namespace {

struct Share {
  uint32_t frequency;
  uint32_t below;  // the frequencies of all symbols before it
};

// Writes one block: symbols backwards through the coder, then all forwards as a reader meets them.
void PutBlock(const ColumnModel& model,
              const std::vector<std::array<Share, kColumnSymbols>>& shares,
              std::span<const Coded> numbers, std::string* out) {
  std::vector<int32_t> words(numbers.size());
  uint32_t state = kCoderLow;
  for (size_t i = numbers.size(); i-- > 0;) {
    const uint32_t symbol = TokenOf(model.alphabet, numbers[i].number).symbol;
    const Share share = shares[model.context[numbers[i].score]][symbol];
    words[i] = -1;
    if (state >= static_cast<uint64_t>(share.frequency) << (32 - model.precision)) {
      words[i] = static_cast<int32_t>(state & 0xffff);
      state >>= 16;
    }
    state = ((state / share.frequency) << model.precision) + state % share.frequency + share.below;
  }
  std::vector<char> buffer(numbers.size() * 10 + 32);
  BitWriter bits(buffer.data());
  bits.Put(state, 32);
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (words[i] >= 0) {
      bits.Put(static_cast<uint64_t>(words[i]), 16);
    }
    const int rest = TokenOf(model.alphabet, numbers[i].number).bits;
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

}  // namespace

void PutBlocks(std::span<const int64_t> y, const CodedHead& head, const ColumnModel& model,
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
  const auto order = static_cast<size_t>(head.order);
  for (size_t start = 0; start < y.size(); start += kCodedBlockValues) {
    const size_t size = std::min(kCodedBlockValues, y.size() - start);
    const size_t begin = blocks.size();
    const size_t told = std::min(order, size);
    PutBlock(model, shares, numbers.subspan(start + told, size - told), &blocks);
    const auto size_bytes = static_cast<int64_t>(blocks.size() - begin);
    if (start + size < y.size()) {  // the last one ends where the column does
      PutSigned(out, size_bytes - last_bytes);
    }
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

}  // namespace ronda::codec
