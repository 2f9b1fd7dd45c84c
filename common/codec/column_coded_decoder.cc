#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <vector>

#include "common/codec/bits.h"
#include "common/codec/column_coded.h"
#include "common/codec/column_ints.h"
#include "common/codec/column_model.h"
#include "common/codec/varint.h"

namespace ronda::codec {
namespace {

// A slot of a decoding table, from the lowest bit: frequency - 1, the slot's place within the
// symbol, and the symbol.
constexpr int kSlotFieldBits = 12;
constexpr uint32_t kSlotFieldMask = (1U << kSlotFieldBits) - 1;

struct Symbol {
  uint64_t base = 0;  // the least number
  uint64_t mask = 0;  // of the rest
  int bits = 0;       // that the rest has
};

// What follows from the numbers before, and how it goes on: of each such state a row, which has for
// each class of the next number the table that the one after it is in, and the next row.
constexpr int kRowShift = 16;
constexpr uint32_t kTableMask = (1U << kRowShift) - 1;

struct Tables {
  CodedHead head;
  int precision = 0;
  bool contexts = false;
  uint32_t first_table = 0;
  std::unique_ptr<uint32_t[]> slots;
  // With contexts alone:
  std::unique_ptr<uint8_t[]> classes;  // of each slot, as places in a row
  std::vector<uint32_t> rows;
  std::array<Symbol, kColumnSymbols> symbols;
};

// The place in a row of each symbol's class; returns how many classes there are.
size_t BuildSymbols(const ColumnAlphabet& alphabet, std::array<Symbol, kColumnSymbols>* symbols,
                    std::array<uint8_t, kColumnSymbols>* class_of) {
  size_t symbol = 0;
  size_t classes = 0;
  for (int cls = 0; cls < kColumnClasses; ++cls) {
    const int detail = alphabet.detail[static_cast<size_t>(cls)];
    for (uint64_t top = 0; detail != kClassUnused && top < uint64_t{1} << detail; ++top) {
      const int rest = RestBits(cls, detail);
      const uint64_t base = cls == 0 ? 0 : (uint64_t{1} << detail | top) << rest;
      (*class_of)[symbol] = static_cast<uint8_t>(classes);
      (*symbols)[symbol++] = {base, (uint64_t{1} << rest) - 1, rest};
    }
    classes += detail != kClassUnused ? 1 : 0;
  }
  return classes;
}

// Rows 0 to kMostZeros are after so many zeros in a row, of which 0 is where a block begins; then
// comes one for each class.
void BuildRows(const ColumnModel& model, size_t classes, std::vector<uint32_t>* rows) {
  std::vector<int> used;
  for (int cls = 0; cls < kColumnClasses; ++cls) {
    if (model.alphabet.detail[static_cast<size_t>(cls)] != kClassUnused) {
      used.push_back(cls);
    }
  }
  rows->resize((kMostZeros + 1 + classes) * classes);
  uint32_t* out = rows->data();
  const auto put = [&](int score, size_t row) {
    const uint32_t table = uint32_t{model.context[static_cast<size_t>(score)]} << model.precision;
    *out++ = table | static_cast<uint32_t>(row * classes) << kRowShift;
  };
  const auto put_row = [&](int before, int zeros) {
    for (size_t i = 0; i < classes; ++i) {
      const int more = used[i] > 0 ? 0 : std::min(zeros + 1, kMostZeros);
      put(ContextScore(used[i], before, more),
          used[i] > 0 ? kMostZeros + 1 + i : static_cast<size_t>(more));
    }
  };
  for (int zeros = 0; zeros <= kMostZeros; ++zeros) {
    put_row(0, zeros);
  }
  for (const int cls : used) {
    put_row(cls, 0);
  }
}

void BuildTables(const ColumnModel& model, Tables* tables) {
  std::array<uint8_t, kColumnSymbols> class_of;
  const size_t classes = BuildSymbols(model.alphabet, &tables->symbols, &class_of);
  tables->precision = model.precision;
  tables->contexts = model.contexts() > 1;
  const size_t slots = model.frequency.size() << model.precision;
  tables->slots = std::make_unique_for_overwrite<uint32_t[]>(slots);
  if (tables->contexts) {
    tables->classes = std::make_unique_for_overwrite<uint8_t[]>(slots);
    BuildRows(model, classes, &tables->rows);
  }
  size_t at = 0;
  for (const auto& frequency : model.frequency) {
    const size_t end = at + (size_t{1} << model.precision);
    for (uint32_t symbol = 0; at < end; ++symbol) {
      const uint32_t f = frequency[symbol];
      const uint32_t first = (f - 1) | symbol << (2 * kSlotFieldBits);
      for (uint32_t i = 0; i < f; ++i) {
        tables->slots[at + i] = first + (i << kSlotFieldBits);
      }
      if (tables->contexts) {
        std::fill_n(&tables->classes[at], f, class_of[symbol]);
      }
      at += f;
    }
  }
  tables->first_table = uint32_t{model.context[kMostZeros]} << model.precision;
}

// `a` if the condition is true, else `b`, without a jump: it would be mispredicted every few
// numbers.
inline uint32_t Choose(bool condition, uint32_t a, uint32_t b) {
  asm("" : "+r"(a), "+r"(b));  // both are there: what is left to choose is a register
  return condition ? a : b;
}

// What a block starts with, from the directory.
struct Anchor {
  int64_t value = 0;
  int64_t step = 0;
};

// The numbers of a block. False if the block has another end than its last number.
template <bool kContexts>
[[gnu::noinline]] bool DecodeNumbers(const Tables& tables, std::string_view bytes, bool to_end,
                                     std::span<uint64_t> out) {
  BitReader in(bytes);
  uint32_t state = static_cast<uint32_t>(in.Get(32));
  const int precision = tables.precision;
  const uint32_t mask = (1U << precision) - 1;
  const uint32_t* const slots = tables.slots.get();
  const uint8_t* const classes = tables.classes.get();
  const uint32_t* const rows = tables.rows.data();
  const Symbol* const symbols = tables.symbols.data();
  uint32_t table = tables.first_table;
  uint32_t row = 0;
  for (uint64_t& number : out) {
    const uint32_t at = table + (state & mask);
    const uint32_t slot = slots[at];
    if (kContexts) {
      const uint32_t next = rows[row + classes[at]];
      table = next & kTableMask;
      row = next >> kRowShift;
    }
    const Symbol& symbol = symbols[slot >> (2 * kSlotFieldBits)];
    // The frequency is one more than what the slot has: so the product waits for nothing.
    const uint32_t x = state >> precision;
    state = (slot & kSlotFieldMask) * x + (x + ((slot >> kSlotFieldBits) & kSlotFieldMask));
    uint64_t bits = in.Peek();
    const bool more = state < kCoderLow;
    const int taken = static_cast<int>(more) << 4;
    state = Choose(more, state << 16 | static_cast<uint32_t>(bits & 0xffff), state);
    bits >>= taken;
    if (symbol.bits <= 40) {
      number = symbol.base + (bits & symbol.mask);
      in.Skip(taken + symbol.bits);
    } else {
      in.Skip(taken);
      const uint64_t low = in.Get(32);
      number = symbol.base + (low | in.Get(symbol.bits - 32) << 32);
    }
  }
  return !to_end || (state == kCoderLow && in.AtEnd());
}

// How a residual becomes a number.
enum class Form { kLessLeast, kSigned, kZigZag };

// FoldSign() undone: the sign is behind the leading digit.
uint64_t UnfoldSign(uint64_t u) {
  if (u == 1) [[unlikely]] {
    return u << 63;
  }
  const uint64_t half = (uint64_t{1} << (63 - std::countl_zero(u | 1))) >> 1;
  return (u & half) != 0 ? 2 * half - u : u - half;
}

// Makes numbers, which are in *out from place `order` on, values.
template <int kOrder, Form kForm>
void NumbersToValues(const CodedHead& head, Anchor anchor, std::span<int64_t> out) {
  const auto origin = static_cast<uint64_t>(head.origin);
  const auto least = static_cast<uint64_t>(head.least);
  auto value = static_cast<uint64_t>(anchor.value);
  auto step = static_cast<uint64_t>(anchor.step);
  size_t i = 0;
  for (; i < std::min<size_t>(kOrder, out.size()); ++i) {
    value += i == 0 ? 0 : step;
    out[i] = static_cast<int64_t>(origin + head.stride * value);
  }
  for (; i < out.size(); ++i) {
    const auto u = static_cast<uint64_t>(out[i]);
    const uint64_t r = kForm == Form::kSigned   ? UnfoldSign(u)
                       : kForm == Form::kZigZag ? static_cast<uint64_t>(UnZigZag(u))
                                                : u + least;
    step = kOrder == 2 ? step + r : r;
    value = kOrder == 0 ? r : value + step;
    out[i] = static_cast<int64_t>(origin + head.stride * value);
  }
}

template <int kOrder>
void NumbersToValues(Form form, const CodedHead& head, Anchor anchor, std::span<int64_t> out) {
  switch (form) {
    case Form::kLessLeast:
      return NumbersToValues<kOrder, Form::kLessLeast>(head, anchor, out);
    case Form::kSigned:
      return NumbersToValues<kOrder, Form::kSigned>(head, anchor, out);
    case Form::kZigZag:
      return NumbersToValues<kOrder, Form::kZigZag>(head, anchor, out);
  }
}

// The first values of a block of `size`.
bool DecodeBlock(const Tables& tables, Form form, std::string_view bytes, Anchor anchor,
                 size_t size, std::span<int64_t> out) {
  const int order = tables.head.order;
  const size_t told = std::min<size_t>(static_cast<size_t>(order), out.size());
  // The numbers go where the values come: an int64 may be looked at as a uint64.
  const std::span<uint64_t> numbers(reinterpret_cast<uint64_t*>(out.data()) + told,
                                    out.size() - told);
  const bool to_end = out.size() == size;
  if (!(tables.contexts ? DecodeNumbers<true>(tables, bytes, to_end, numbers)
                        : DecodeNumbers<false>(tables, bytes, to_end, numbers))) {
    return false;
  }
  switch (order) {
    case 0:
      NumbersToValues<0>(form, tables.head, anchor, out);
      break;
    case 1:
      NumbersToValues<1>(form, tables.head, anchor, out);
      break;
    default:
      NumbersToValues<2>(form, tables.head, anchor, out);
  }
  return true;
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
    if (!DecodeBlock(tables, form, block, blocks[b].anchor, size, {to, count})) {
      return false;
    }
    if (skipped > 0) {
      std::copy(part.begin() + static_cast<ptrdiff_t>(skipped), part.end(), out.begin());
    }
  }
  return true;
}

}  // namespace ronda::codec
