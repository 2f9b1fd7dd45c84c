#include <algorithm>
#include <array>
#include <vector>

#include "common/codec/bits.h"
#include "common/codec/column_coded.h"
#include "common/codec/column_ints.h"
#include "common/codec/column_model.h"
#include "common/codec/varint.h"

namespace ronda::codec {
namespace {

// A slot of a decoding table: symbol, frequency - 1, and the slot's place within the symbol.
constexpr int kSlotSymbolBits = 8;
constexpr uint64_t kLeastNumber = uint64_t{1} << 63;
constexpr int kSlotFieldBits = 12;

struct Symbol {
  uint64_t base = 0;
  uint64_t half = 0;     // of numbers with a sign: the leading digit of the magnitude
  uint8_t sign_at = 63;  // the sign's digit
  uint8_t bits = 0;
  uint8_t score = 0;  // 3 * class
  uint8_t cls = 0;
};

struct Tables {
  CodedHead head;
  int precision = 0;
  bool contexts = false;
  std::vector<uint32_t> slots;
  std::array<Symbol, kColumnSymbols> symbols;
  std::array<uint32_t, kColumnScores> start;  // of a score's context in `slots`
};

void BuildTables(const ColumnModel& model, Tables* tables) {
  tables->precision = model.precision;
  tables->contexts = model.contexts() > 1;
  tables->slots.resize(model.frequency.size() << model.precision);
  uint32_t* slot = tables->slots.data();
  for (const auto& frequency : model.frequency) {
    const uint32_t* end = slot + (size_t{1} << model.precision);
    for (uint32_t symbol = 0; slot < end; ++symbol) {
      const uint32_t f = frequency[symbol];
      const uint32_t common = symbol | (f - 1) << kSlotSymbolBits;
      for (uint32_t i = 0; i < f; ++i) {
        slot[i] = common | i << (kSlotSymbolBits + kSlotFieldBits);
      }
      slot += f;
    }
  }
  size_t symbol = 0;
  for (int cls = 0; cls < kColumnClasses; ++cls) {
    const int detail = model.alphabet.detail[static_cast<size_t>(cls)];
    for (uint64_t top = 0; detail != kClassUnused && top < uint64_t{1} << detail; ++top) {
      const int rest = RestBits(cls, detail);
      const uint64_t base = cls == 0 ? 0 : (uint64_t{1} << detail | top) << rest;
      Symbol& s = tables->symbols[symbol++];
      s = {.base = base,
           .bits = static_cast<uint8_t>(rest),
           .score = static_cast<uint8_t>(3 * cls),
           .cls = static_cast<uint8_t>(cls)};
      if (cls == 1) {
        s.half = 1 - kLeastNumber;
      } else if (cls > 1) {
        s.half = uint64_t{1} << (cls - 2);
        s.sign_at = static_cast<uint8_t>(cls - 2);
      }
    }
  }
  for (size_t score = 0; score < tables->start.size(); ++score) {
    tables->start[score] = static_cast<uint32_t>(model.context[score]) << model.precision;
  }
}

// What a block starts with, from the directory.
struct Anchor {
  int64_t value = 0;
  int64_t step = 0;
};

// How a residual becomes a number.
enum class Form { kLessLeast, kSigned, kZigZag };

// FoldSign() undone.
uint64_t UnfoldSign(const Symbol& symbol, uint64_t u) {
  const bool negative = (u >> symbol.sign_at & 1) != 0;
  return negative ? 2 * symbol.half - u : u - symbol.half;
}

// The first `count` values of a block of `size`.
template <int kOrder, Form kForm, bool kContexts>
bool DecodeBlock(const Tables& tables, std::string_view bytes, Anchor anchor, size_t size,
                 size_t count, int64_t* out) {
  BitReader in(bytes);
  uint32_t state = static_cast<uint32_t>(in.Get(32));
  const uint32_t mask = (1U << tables.precision) - 1;
  const auto origin = static_cast<uint64_t>(tables.head.origin);
  const uint64_t stride = tables.head.stride;
  const auto least = static_cast<uint64_t>(tables.head.least);
  auto value = static_cast<uint64_t>(anchor.value);
  auto step = static_cast<uint64_t>(anchor.step);
  size_t i = 0;
  if (kOrder >= 1 && count > 0) {
    out[i++] = static_cast<int64_t>(origin + stride * value);
  }
  if (kOrder == 2 && count > 1) {
    value += step;
    out[i++] = static_cast<int64_t>(origin + stride * value);
  }
  const uint32_t* slots = tables.slots.data() + tables.start[kMostZeros];
  uint32_t before = 0;
  uint32_t zeros = 0;
  for (; i < count; ++i) {
    const uint32_t slot = slots[state & mask];
    const Symbol& symbol = tables.symbols[slot & ((1U << kSlotSymbolBits) - 1)];
    const uint32_t f = ((slot >> kSlotSymbolBits) & ((1U << kSlotFieldBits) - 1)) + 1;
    state = f * (state >> tables.precision) + (slot >> (kSlotSymbolBits + kSlotFieldBits));
    if (kContexts) {
      zeros = symbol.cls == 0 ? std::min<uint32_t>(zeros + 1, kMostZeros) : 0;
      const uint32_t score = symbol.score + before;
      slots = tables.slots.data() + tables.start[kMostZeros + score - (score == 0 ? zeros : 0)];
      before = symbol.cls;
    }
    uint64_t bits = in.Peek();
    const bool more = state < kCoderLow;
    state = more ? state << 16 | static_cast<uint32_t>(bits & 0xffff) : state;
    bits = more ? bits >> 16 : bits;
    in.Skip(more ? 16 : 0);
    uint64_t r = symbol.base;
    if (symbol.bits <= 40) {
      r += bits & ((uint64_t{1} << symbol.bits) - 1);
      in.Skip(symbol.bits);
    } else {
      const uint64_t low = in.Get(32);
      r += low | in.Get(symbol.bits - 32) << 32;
    }
    r = kForm == Form::kSigned   ? UnfoldSign(symbol, r)
        : kForm == Form::kZigZag ? static_cast<uint64_t>(UnZigZag(r))
                                 : r + least;
    step = kOrder == 2 ? step + r : r;
    value = kOrder == 0 ? r : value + step;
    out[i] = static_cast<int64_t>(origin + stride * value);
  }
  return count < size || (state == kCoderLow && in.AtEnd());
}

using BlockDecoder = bool (*)(const Tables&, std::string_view, Anchor, size_t, size_t, int64_t*);

template <int kOrder, Form kForm>
BlockDecoder ChooseDecoder(bool contexts) {
  return contexts ? DecodeBlock<kOrder, kForm, true> : DecodeBlock<kOrder, kForm, false>;
}

template <int kOrder>
BlockDecoder ChooseDecoder(Form form, bool contexts) {
  switch (form) {
    case Form::kLessLeast:
      return ChooseDecoder<kOrder, Form::kLessLeast>(contexts);
    case Form::kSigned:
      return ChooseDecoder<kOrder, Form::kSigned>(contexts);
    default:
      return ChooseDecoder<kOrder, Form::kZigZag>(contexts);
  }
}

BlockDecoder ChooseDecoder(int order, Form form, bool contexts) {
  switch (order) {
    case 0:
      return ChooseDecoder<0>(form, contexts);
    case 1:
      return ChooseDecoder<1>(form, contexts);
    default:
      return ChooseDecoder<2>(form, contexts);
  }
}

bool GetHead(ByteReader* in, CodedHead* head) {
  const uint8_t flags = in->U8();
  head->order = flags & kCodedOrderMask;
  head->is_signed = (flags & kCodedSigned) != 0;
  head->origin = in->Signed();
  head->stride = in->Varint();
  head->least = head->is_signed ? 0 : in->Signed();
  return in->ok() && head->order <= 2 && flags <= (kCodedSigned | kCodedOrderMask);
}

struct Block {
  size_t bytes = 0;
  Anchor anchor;
};

// `before`: of IntEncoding::kCodedBefore, where the last block's length is told too.
bool GetDirectory(ByteReader* in, int order, size_t count, bool before,
                  std::vector<Block>* blocks) {
  if (count > in->remaining()) {
    return false;
  }
  blocks->resize(count);
  size_t total = 0;
  int64_t last_bytes = 0;
  Anchor last;
  for (Block& block : *blocks) {
    const bool is_told = before || &block != &blocks->back();
    last_bytes = is_told ? WrappingAdd(last_bytes, in->Signed()) : 0;
    if (order >= 1) {
      last.value = WrappingAdd(last.value, in->Signed());
    }
    if (order == 2) {
      last.step = WrappingAdd(last.step, in->Signed());
    }
    if (!in->ok() || last_bytes < 0 || static_cast<uint64_t>(last_bytes) > in->remaining()) {
      return false;
    }
    block = {static_cast<size_t>(last_bytes), last};
    total += block.bytes;
  }
  if (!before && total <= in->remaining()) {
    blocks->back().bytes = in->remaining() - total;
    return true;
  }
  return total == in->remaining();
}

}  // namespace

bool DecodeCoded(IntEncoding encoding, std::string_view bytes, size_t n, size_t first,
                 std::span<int64_t> out) {
  const bool before = encoding == IntEncoding::kCodedBefore;
  const size_t block_values = before ? kRestartValues : kCodedBlockValues;
  ByteReader in(bytes);
  Tables tables;
  ColumnModel model;
  std::vector<Block> blocks;
  if (!GetHead(&in, &tables.head) ||
      !(before ? GetModelBefore(&in, &model) : GetModel(&in, &model)) ||
      !GetDirectory(&in, tables.head.order, (n + block_values - 1) / block_values, before,
                    &blocks)) {
    return false;
  }
  BuildTables(model, &tables);
  const Form form = !tables.head.is_signed ? Form::kLessLeast
                    : before               ? Form::kZigZag
                                           : Form::kSigned;
  const BlockDecoder decode = ChooseDecoder(tables.head.order, form, tables.contexts);
  const size_t end = first + out.size();
  std::vector<int64_t> part;
  for (size_t b = 0; b < blocks.size() && b * block_values < end; ++b) {
    const size_t start = b * block_values;
    const std::string_view block = in.Take(blocks[b].bytes);
    const size_t size = std::min(block_values, n - start);
    const size_t count = std::min(size, end - start);
    if (start + count <= first) {
      continue;
    }
    const size_t skipped = start < first ? first - start : 0;
    if (skipped > 0) {
      part.resize(count);
    }
    int64_t* const to = skipped > 0 ? part.data() : out.data() + (start - first);
    if (!decode(tables, block, blocks[b].anchor, size, count, to)) {
      return false;
    }
    if (skipped > 0) {
      std::copy(part.begin() + static_cast<ptrdiff_t>(skipped), part.end(), out.begin());
    }
  }
  return true;
}

}  // namespace ronda::codec
