// Remote-write requests for tests: encoded by hand, since no protobuf library reads what the
// receiver reads.
#pragma once

#include <snappy.h>

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/codec/varint.h"

namespace ronda {

struct PushedSeries {
  std::vector<std::pair<std::string, std::string>> labels;  // in the order in which they are sent
  std::vector<std::pair<int64_t, double>> samples;          // (ms, value)
};

struct PushedMetadata {
  int type = 0;
  std::string family;
  std::string help;
  std::string unit;
};

inline void PutProtoText(int field, std::string_view text, std::string* out) {
  codec::PutVarint(out, static_cast<uint64_t>(field) << 3 | 2);
  codec::PutBytes(out, text);
}

inline std::string EncodeSeries(const PushedSeries& series) {
  std::string out;
  for (const auto& [name, value] : series.labels) {
    std::string label;
    PutProtoText(1, name, &label);
    PutProtoText(2, value, &label);
    PutProtoText(1, label, &out);
  }
  for (const auto& [t_ms, value] : series.samples) {
    std::string sample = "\x09";
    codec::PutU64(&sample, std::bit_cast<uint64_t>(value));
    sample += '\x10';
    codec::PutVarint(&sample, static_cast<uint64_t>(t_ms));
    PutProtoText(2, sample, &out);
  }
  return out;
}

// The protobuf message.
inline std::string EncodePush(const std::vector<PushedSeries>& series,
                              const std::vector<PushedMetadata>& metadata = {}) {
  std::string out;
  for (const PushedSeries& one : series) {
    PutProtoText(1, EncodeSeries(one), &out);
  }
  for (const PushedMetadata& one : metadata) {
    std::string entry = "\x08";
    codec::PutVarint(&entry, static_cast<uint64_t>(one.type));
    PutProtoText(2, one.family, &entry);
    PutProtoText(4, one.help, &entry);
    PutProtoText(5, one.unit, &entry);
    PutProtoText(3, entry, &out);
  }
  return out;
}

inline std::string Snappy(std::string_view bytes) {
  std::string out;
  snappy::Compress(bytes.data(), bytes.size(), &out);
  return out;
}

}  // namespace ronda
