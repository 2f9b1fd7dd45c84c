// Record frames: no input breaks the decoder, and what it takes survives being encoded again.
#include <bit>
#include <memory>
#include <span>
#include <string>
#include <variant>

#include "common/base/check.h"
#include "common/codec/record_run.h"
#include "tests/fuzz/frames.h"

namespace {

// operator== would find a NaN unlike itself.
bool SameRows(std::span<const ronda::Record> a, std::span<const ronda::Record> b) {
  if (a.size() != b.size()) {
    return false;
  }
  for (size_t r = 0; r < a.size(); ++r) {
    if (a[r].t_ms != b[r].t_ms || a[r].values.size() != b[r].values.size()) {
      return false;
    }
    for (size_t c = 0; c < a[r].values.size(); ++c) {
      const auto* x = std::get_if<double>(&a[r].values[c]);
      const auto* y = std::get_if<double>(&b[r].values[c]);
      const bool same = x != nullptr && y != nullptr
                            ? std::bit_cast<uint64_t>(*x) == std::bit_cast<uint64_t>(*y)
                            : a[r].values[c] == b[r].values[c];
      if (!same) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace

int Fuzz_record_decode(const uint8_t* data, size_t size) {
  ronda::codec::RecordRunDecoder decoder;
  ronda::codec::RecordRunDecoder second;
  std::unique_ptr<ronda::codec::RecordRunEncoder> encoder;
  uint64_t seq = 0;
  ronda::ForEachFrame(data, size, [&](const std::string& frame) {
    if (!decoder.Decode(frame).ok()) {
      return;
    }
    if (IsKey(decoder.header().kind)) {
      encoder = std::make_unique<ronda::codec::RecordRunEncoder>(1, decoder.kind());
    }
    std::span<const ronda::Record> rows = decoder.rows();
    while (!rows.empty()) {
      const size_t n = encoder->RowsThatFit(rows);
      std::string again;
      encoder->Encode(++seq, rows.first(n), &again);
      RONDA_CHECK(second.Decode(again).ok());
      RONDA_CHECK(second.kind() == decoder.kind());
      RONDA_CHECK(SameRows(second.rows(), rows.first(n)));
      rows = rows.subspan(n);
    }
  });
  return 0;
}
