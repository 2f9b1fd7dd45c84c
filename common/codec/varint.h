// Bytes in and out: LEB128 varints, zigzag, little-endian words. Readers are bounds-checked.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace ronda::codec {

inline uint64_t ZigZag(int64_t v) {
  return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63);
}
inline int64_t UnZigZag(uint64_t v) { return static_cast<int64_t>((v >> 1) ^ (~(v & 1) + 1)); }

// Two's complement without undefined behaviour: what one side takes away the other adds back.
inline int64_t WrappingSub(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
inline int64_t WrappingAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

inline void PutVarint(std::string* out, uint64_t v) {
  char buffer[10];
  size_t n = 0;
  while (v >= 0x80) {
    buffer[n++] = static_cast<char>(v | 0x80);
    v >>= 7;
  }
  buffer[n++] = static_cast<char>(v);
  out->append(buffer, n);
}
inline void PutSigned(std::string* out, int64_t v) { PutVarint(out, ZigZag(v)); }

inline void PutU32(std::string* out, uint32_t v) {
  static_assert(std::endian::native == std::endian::little);
  out->append(reinterpret_cast<const char*>(&v), sizeof(v));
}
inline void PutU64(std::string* out, uint64_t v) {
  out->append(reinterpret_cast<const char*>(&v), sizeof(v));
}
inline void PutBytes(std::string* out, std::string_view bytes) {
  PutVarint(out, bytes.size());
  out->append(bytes);
}

// Reads from the front of a buffer. After the first read that does not fit (or a varint that is
// longer than its value needs, or than 64 bits) ok() is false and all reads give 0 or "".
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : p_(bytes.data()), end_(p_ + bytes.size()) {}

  bool ok() const { return ok_; }
  bool done() const { return ok_ && p_ == end_; }
  size_t remaining() const { return static_cast<size_t>(end_ - p_); }

  uint8_t U8() {
    if (p_ == end_) {
      return Bad();
    }
    return static_cast<uint8_t>(*p_++);
  }

  uint64_t Varint() {
    uint64_t v = 0;
    for (int shift = 0; shift < 64 && p_ != end_; shift += 7) {
      const auto b = static_cast<uint8_t>(*p_++);
      if (shift == 63 && b > 1) {
        break;
      }
      v |= uint64_t{b & 0x7fU} << shift;
      if (b < 0x80) {
        // One value has one spelling, so that equal content has equal bytes and hashes.
        return b == 0 && shift > 0 ? Bad() : v;
      }
    }
    return Bad();
  }
  int64_t Signed() { return UnZigZag(Varint()); }

  uint32_t U32() { return Word<uint32_t>(); }
  uint64_t U64() { return Word<uint64_t>(); }

  std::string_view Take(size_t n) {
    if (!ok_ || n > remaining()) {
      Bad();
      return {};
    }
    const std::string_view out(p_, n);
    p_ += n;
    return out;
  }
  std::string_view Bytes() { return Take(static_cast<size_t>(Varint())); }

 private:
  template <typename T>
  T Word() {
    const std::string_view raw = Take(sizeof(T));
    T v = 0;
    if (raw.size() == sizeof(T)) {
      std::memcpy(&v, raw.data(), sizeof(T));
    }
    return v;
  }
  uint8_t Bad() {
    ok_ = false;
    p_ = end_;
    return 0;
  }

  const char* p_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace ronda::codec
