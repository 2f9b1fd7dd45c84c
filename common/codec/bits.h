// Bits in and out, lowest bit of each byte first.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace ronda::codec {

// Writes to a buffer that the caller made large enough, with 8 bytes to spare.
class BitWriter {
 public:
  explicit BitWriter(char* p) : p_(p) {}

  // `v` must be below 2^bits; bits <= 56.
  void Put(uint64_t v, int bits) {
    static_assert(std::endian::native == std::endian::little);
    pending_ |= v << count_;
    count_ += bits;
    std::memcpy(p_, &pending_, sizeof(pending_));
    p_ += count_ >> 3;
    pending_ >>= count_ & ~7;
    count_ &= 7;
  }
  void Put64(uint64_t v) {
    Put(v & 0xffffffff, 32);
    Put(v >> 32, 32);
  }

  // The end of what was written; unused bits of the last byte are 0.
  char* Finish() {
    if (count_ > 0) {
      *p_++ = static_cast<char>(pending_);
    }
    return p_;
  }

 private:
  char* p_;
  uint64_t pending_ = 0;
  int count_ = 0;
};

// Past the end it reads zeros, without touching memory there: check overrun() at the end.
class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes) {}

  // The next bits, at least 57 of them valid.
  uint64_t Peek() const {
    const size_t at = position_ >> 3;
    uint64_t v;
    if (at + 8 <= bytes_.size()) [[likely]] {
      std::memcpy(&v, bytes_.data() + at, 8);
    } else {
      v = AtTail(bytes_, at);
    }
    return v >> (position_ & 7);
  }
  void Skip(int bits) { position_ += static_cast<size_t>(bits); }

  // bits <= 56.
  uint64_t Get(int bits) {
    const uint64_t v = Peek() & ((uint64_t{1} << bits) - 1);
    Skip(bits);
    return v;
  }
  uint64_t Get64() {
    const uint64_t low = Get(32);
    return low | Get(32) << 32;
  }

  bool overrun() const { return position_ > bytes_.size() * 8; }
  // All was read but for less than a byte of zeros.
  bool AtEnd() const {
    return !overrun() && bytes_.size() * 8 - position_ < 8 && (Peek() & 0xff) == 0;
  }

 private:
  // Apart, so that loops stay small.
  [[gnu::noinline]] static uint64_t AtTail(std::string_view bytes, size_t at) {
    uint64_t v = 0;
    if (at < bytes.size()) {
      std::memcpy(&v, bytes.data() + at, bytes.size() - at);
    }
    return v;
  }

  std::string_view bytes_;
  size_t position_ = 0;
};

}  // namespace ronda::codec
