#include "collector/promql/eval/series_hash.h"

#include <bit>
#include <cstring>
#include <string>

namespace ronda::promql {
namespace {

// The constants and steps of the XXH64 specification (github.com/Cyan4973/xxHash, doc/).
constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87ULL;
constexpr uint64_t kPrime2 = 0xC2B2AE3D27D4EB4FULL;
constexpr uint64_t kPrime3 = 0x165667B19E3779F9ULL;
constexpr uint64_t kPrime4 = 0x85EBCA77C2B2AE63ULL;
constexpr uint64_t kPrime5 = 0x27D4EB2F165667C5ULL;

template <typename T>
uint64_t Read(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

uint64_t Round(uint64_t lane, uint64_t input) {
  return std::rotl(lane + input * kPrime2, 31) * kPrime1;
}

uint64_t MergeLane(uint64_t hash, uint64_t lane) {
  return (hash ^ Round(0, lane)) * kPrime1 + kPrime4;
}

void AppendSized(std::string_view text, std::string* out) {
  if (text.size() < 255) {
    out->push_back(static_cast<char>(text.size()));
  } else {
    out->push_back('\xff');
    for (int shift = 0; shift < 24; shift += 8) {
      out->push_back(static_cast<char>(text.size() >> shift));
    }
  }
  out->append(text);
}

}  // namespace

uint64_t XxHash64(std::string_view bytes) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  uint64_t hash = kPrime5;
  if (bytes.size() >= 32) {
    uint64_t lanes[4] = {kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};
    for (; end - at >= 32; at += 32) {
      for (int i = 0; i < 4; ++i) {
        lanes[i] = Round(lanes[i], Read<uint64_t>(at + i * 8));
      }
    }
    hash = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) +
           std::rotl(lanes[3], 18);
    for (const uint64_t lane : lanes) {
      hash = MergeLane(hash, lane);
    }
  }
  hash += bytes.size();
  for (; end - at >= 8; at += 8) {
    hash = std::rotl(hash ^ Round(0, Read<uint64_t>(at)), 27) * kPrime1 + kPrime4;
  }
  if (end - at >= 4) {
    hash = std::rotl(hash ^ (Read<uint32_t>(at) * kPrime1), 23) * kPrime2 + kPrime3;
    at += 4;
  }
  for (; at < end; ++at) {
    hash = std::rotl(hash ^ (Read<uint8_t>(at) * kPrime5), 11) * kPrime1;
  }
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

uint64_t SeriesHash(const Labels& labels) {
  std::string bytes;
  for (const Label& label : labels.all()) {
    AppendSized(label.name, &bytes);
    AppendSized(label.value, &bytes);
  }
  return XxHash64(bytes);
}

}  // namespace ronda::promql
