#include "common/codec/column_ints.h"

#include <algorithm>

#include "common/codec/column_coded.h"
#include "common/codec/column_packed.h"
#include "common/codec/varint.h"

namespace ronda::codec {
namespace {

// How many equal values `values` begin with.
size_t EqualPrefix(std::span<const int64_t> values) {
  size_t i = 1;
  while (i < values.size() && values[i] == values[0]) {
    ++i;
  }
  return i;
}

bool IsLinear(std::span<const int64_t> values, int64_t step) {
  for (size_t i = 2; i < values.size(); ++i) {
    if (WrappingSub(values[i], values[i - 1]) != step) {
      return false;
    }
  }
  return true;
}

// A coded column is hardly ever shorter: head, model, and for each block the coder's state.
size_t LeastCodedBytes(size_t n) {
  return 11 + 4 * ((n + kCodedBlockValues - 1) / kCodedBlockValues);
}

// Appends the runs unless they take `limit` bytes or more.
bool PutRuns(std::span<const int64_t> values, size_t limit, std::string* out) {
  const size_t begin = out->size();
  out->push_back(static_cast<char>(IntEncoding::kRuns));
  int64_t last = 0;
  size_t i = 0;
  while (i < values.size()) {
    const size_t count = EqualPrefix(values.subspan(i));
    PutSigned(out, WrappingSub(values[i], last));
    PutVarint(out, count - 1);
    last = values[i];
    i += count;
    if (out->size() - begin >= limit) {
      out->resize(begin);
      return false;
    }
  }
  return true;
}

bool GetRuns(ByteReader in, size_t n, size_t first, std::span<int64_t> out) {
  int64_t value = 0;
  size_t at = 0;
  const size_t end = first + out.size();
  while (at < n) {
    value = WrappingAdd(value, in.Signed());
    const uint64_t more = in.Varint();
    if (!in.ok() || more >= n - at) {
      return false;
    }
    const size_t next = at + static_cast<size_t>(more) + 1;
    const size_t begin = std::max(at, first);
    if (begin < std::min(next, end)) {
      std::fill_n(out.begin() + static_cast<ptrdiff_t>(begin - first), std::min(next, end) - begin,
                  value);
    }
    at = next;
  }
  return in.done();
}

}  // namespace

void EncodeInts(std::span<const int64_t> values, std::string* out) {
  if (values.empty()) {
    return;
  }
  if (EqualPrefix(values) == values.size()) {
    out->push_back(static_cast<char>(IntEncoding::kConstant));
    PutSigned(out, values[0]);
    return;
  }
  const int64_t step = WrappingSub(values[1], values[0]);
  if (IsLinear(values, step)) {
    out->push_back(static_cast<char>(IntEncoding::kLinear));
    PutSigned(out, values[0]);
    PutSigned(out, step);
    return;
  }
  const size_t begin = out->size();
  EncodePacked(values, out);
  const auto keep_shorter = [&](size_t middle) {
    if (out->size() - middle < middle - begin) {
      out->erase(begin, middle - begin);
    } else {
      out->resize(middle);
    }
  };
  const size_t packed_end = out->size();
  if (PutRuns(values, packed_end - begin, out)) {
    keep_shorter(packed_end);
  }
  const size_t simple_end = out->size();
  if (simple_end - begin > LeastCodedBytes(values.size())) {
    EncodeCoded(values, out);
    keep_shorter(simple_end);
  }
}

bool DecodeConstant(std::string_view bytes, int64_t* value) {
  if (bytes.empty() || bytes[0] != static_cast<char>(IntEncoding::kConstant)) {
    return false;
  }
  ByteReader in(bytes.substr(1));
  *value = in.Signed();
  return in.done();
}

bool DecodeInts(std::string_view bytes, size_t n, size_t first, std::span<int64_t> out) {
  if (n == 0) {
    return bytes.empty();
  }
  ByteReader in(bytes);
  switch (static_cast<IntEncoding>(in.U8())) {
    case IntEncoding::kConstant: {
      std::fill(out.begin(), out.end(), in.Signed());
      return in.done();
    }
    case IntEncoding::kLinear: {
      const auto start = static_cast<uint64_t>(in.Signed());
      const auto step = static_cast<uint64_t>(in.Signed());
      for (size_t i = 0; i < out.size(); ++i) {
        out[i] = static_cast<int64_t>(start + step * (first + i));
      }
      return in.done();
    }
    case IntEncoding::kRuns:
      return GetRuns(in, n, first, out);
    case IntEncoding::kPacked:
      return DecodePacked(bytes.substr(1), n, first, out);
    case IntEncoding::kCodedBefore:
    case IntEncoding::kCoded:
      return DecodeCoded(static_cast<IntEncoding>(bytes[0]), bytes.substr(1), n, first, out);
  }
  return false;
}

}  // namespace ronda::codec
