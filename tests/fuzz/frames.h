// Cuts a fuzzer's input into frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/codec/frame_format.h"

namespace ronda {

// Each frame is a little-endian 16-bit number and so many bytes (its lower 15 bits; less at the end
// of the input). With the top bit clear a right checksum is appended, so that the fuzzer gets past
// it; else the bytes are the frame as they are.
template <typename F>
void ForEachFrame(const uint8_t* data, size_t size, F visit) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  while (input.size() >= 2) {
    const unsigned head = static_cast<uint8_t>(input[0]) + 256U * static_cast<uint8_t>(input[1]);
    input.remove_prefix(2);
    std::string frame(input.substr(0, head & 0x7fff));
    input.remove_prefix(frame.size());
    if ((head & 0x8000) == 0) {
      codec::PutFrameCrc(0, &frame);
    }
    visit(frame);
  }
}

}  // namespace ronda
