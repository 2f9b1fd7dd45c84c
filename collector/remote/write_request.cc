// Tested by tests/unit/collector/remote/write_request_test.cc; fuzzed by write_request_fuzz.
#include "collector/remote/write_request.h"

#include <snappy.h>

#include <bit>
#include <cstring>
#include <utility>

#include "common/base/status.h"

namespace ronda::remote {
namespace {

absl::Status Damaged(std::string_view what) {
  return Fail(absl::StatusCode::kInvalidArgument, "the body is no WriteRequest: {}", what);
}

absl::Status TooMany(std::string_view what, size_t limit) {
  return Fail(absl::StatusCode::kInvalidArgument,
              "the request holds more than {} {}: send smaller ones", limit, what);
}

// The fields of a protobuf message. Unknown ones are the caller's to pass over: Next() has read
// them whole.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : p_(bytes.data()), end_(p_ + bytes.size()) {}

  // False at the end, and where the bytes are no message: then ok() is false.
  bool Next() {
    if (p_ == end_ || !ok_) {
      return false;
    }
    start_ = p_;
    const uint64_t tag = Varint();
    number_ = static_cast<uint32_t>(tag >> 3);
    type_ = static_cast<uint32_t>(tag & 7);
    ok_ = ok_ && tag >> 3 != 0 && tag >> 3 < (1U << 29);
    switch (type_) {
      case 0:
        word_ = Varint();
        break;
      case 1:
        word_ = Fixed(8);
        break;
      case 2:
        text_ = Take(Varint());
        break;
      case 5:
        word_ = Fixed(4);
        break;
      default:  // groups are not in use since 2008
        ok_ = false;
    }
    return ok_;
  }

  bool ok() const { return ok_; }
  // Whether the field is this one, with this wire type.
  bool Is(uint32_t number, uint32_t type) const { return number_ == number && type_ == type; }
  uint64_t word() const { return word_; }
  std::string_view text() const { return text_; }
  const char* start() const { return start_; }
  const char* end() const { return p_; }

 private:
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && p_ != end_; shift += 7) {
      const auto byte = static_cast<uint8_t>(*p_++);
      value |= uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) {
        return value;
      }
    }
    ok_ = false;
    return 0;
  }
  std::string_view Take(uint64_t size) {
    if (!ok_ || size > static_cast<uint64_t>(end_ - p_)) {
      ok_ = false;
      return {};
    }
    const std::string_view out(p_, static_cast<size_t>(size));
    p_ += size;
    return out;
  }
  uint64_t Fixed(size_t size) {
    static_assert(std::endian::native == std::endian::little);
    const std::string_view raw = Take(size);
    uint64_t value = 0;
    if (!raw.empty()) {  // cut short: null, which memcpy may not be given
      std::memcpy(&value, raw.data(), raw.size());
    }
    return value;
  }

  const char* p_;
  const char* const end_;
  const char* start_ = nullptr;
  uint32_t number_ = 0;
  uint32_t type_ = 0;
  uint64_t word_ = 0;
  std::string_view text_;
  bool ok_ = true;
};

constexpr uint32_t kVarint = 0;
constexpr uint32_t kDouble = 1;
constexpr uint32_t kBytes = 2;
constexpr size_t kMaxLabels = 64;  // of a series; more than the store takes
constexpr size_t kMaxMetadata = 100'000;

bool ReadLabel(std::string_view bytes, LabelView* out) {
  Fields fields(bytes);
  while (fields.Next()) {
    if (fields.Is(1, kBytes)) {
      out->name = fields.text();
    } else if (fields.Is(2, kBytes)) {
      out->value = fields.text();
    }
  }
  return fields.ok();
}

bool ReadSample(std::string_view bytes, Sample* out) {
  Fields fields(bytes);
  while (fields.Next()) {
    if (fields.Is(1, kDouble)) {
      out->value = std::bit_cast<double>(fields.word());
    } else if (fields.Is(2, kVarint)) {
      out->t_ms = static_cast<int64_t>(fields.word());
    }
  }
  return fields.ok();
}

absl::Status ReadSeries(std::string_view bytes, const WriteLimits& limits, WriteRequest* out) {
  SeriesView series;
  series.first_label = out->labels.size();
  series.first_sample = out->samples.size();
  const char* key_end = nullptr;
  bool scattered = false;
  Fields fields(bytes);
  while (fields.Next()) {
    if (fields.Is(1, kBytes)) {
      if (++series.labels > kMaxLabels) {
        return TooMany("labels in a series", kMaxLabels);
      }
      if (!ReadLabel(fields.text(), &out->labels.emplace_back())) {
        return Damaged("a label cannot be read");
      }
      scattered = scattered || (key_end != nullptr && key_end != fields.start());
      if (key_end == nullptr) {
        series.key = {fields.start(), 0};
      }
      key_end = fields.end();
    } else if (fields.Is(2, kBytes)) {
      if (out->samples.size() >= limits.max_samples) {
        return TooMany("samples", limits.max_samples);
      }
      if (!ReadSample(fields.text(), &out->samples.emplace_back())) {
        return Damaged("a sample cannot be read");
      }
      ++series.samples;
    } else if (fields.Is(3, kBytes)) {
      ++out->exemplars;
    } else if (fields.Is(4, kBytes)) {
      ++series.histograms;
    }
  }
  if (!fields.ok()) {
    return Damaged("a series cannot be read");
  }
  if (scattered) {
    // Rare: as text in which no label can look like two.
    std::string& key = out->scattered_keys.emplace_back("scattered");
    for (size_t i = series.first_label; i < out->labels.size(); ++i) {
      key += fmt::format("{} {}={}{}", out->labels[i].name.size(), out->labels[i].value.size(),
                         out->labels[i].name, out->labels[i].value);
    }
  } else if (key_end != nullptr) {
    series.key = {series.key.data(), static_cast<size_t>(key_end - series.key.data())};
  }
  if (scattered) {
    series.key = {};  // set at the end, when the list of texts moves no more
  }
  out->series.push_back(series);
  return absl::OkStatus();
}

bool ReadMetadata(std::string_view bytes, MetadataView* out) {
  Fields fields(bytes);
  while (fields.Next()) {
    if (fields.Is(1, kVarint)) {
      out->type =
          fields.word() <= 7 ? static_cast<FamilyType>(fields.word()) : FamilyType::kUnknown;
    } else if (fields.Is(2, kBytes)) {
      out->family = fields.text();
    } else if (fields.Is(4, kBytes)) {
      out->help = fields.text();
    } else if (fields.Is(5, kBytes)) {
      out->unit = fields.text();
    }
  }
  return fields.ok();
}

absl::Status Uncompress(std::string_view body, const WriteLimits& limits,
                        std::vector<char>* bytes) {
  size_t length = 0;
  if (!snappy::GetUncompressedLength(body.data(), body.size(), &length)) {
    return Fail(absl::StatusCode::kInvalidArgument, "the body is no snappy block");
  }
  if (length > limits.max_bytes) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "the body says that it has {} bytes when decompressed, {} are allowed", length,
                limits.max_bytes);
  }
  if (!snappy::IsValidCompressedBuffer(body.data(), body.size())) {
    return Fail(absl::StatusCode::kInvalidArgument, "the body is no snappy block");
  }
  bytes->resize(length);
  return snappy::RawUncompress(body.data(), body.size(), bytes->data())
             ? absl::OkStatus()
             : Fail(absl::StatusCode::kInvalidArgument, "the body is no snappy block");
}

}  // namespace

std::string_view ToString(FamilyType type) {
  constexpr std::string_view kNames[] = {"unknown",        "counter", "gauge", "histogram",
                                         "gaugehistogram", "summary", "info",  "stateset"};
  return kNames[static_cast<size_t>(type)];
}

absl::StatusOr<WriteRequest> DecodeWriteRequest(std::string_view body, const WriteLimits& limits) {
  WriteRequest out;
  RONDA_RETURN_IF_ERROR(Uncompress(body, limits, &out.bytes));
  Fields fields({out.bytes.data(), out.bytes.size()});
  std::vector<size_t> scattered;
  while (fields.Next()) {
    if (fields.Is(1, kBytes)) {
      if (out.series.size() >= limits.max_series) {
        return TooMany("series", limits.max_series);
      }
      const size_t before = out.scattered_keys.size();
      RONDA_RETURN_IF_ERROR(ReadSeries(fields.text(), limits, &out));
      if (out.scattered_keys.size() > before) {
        scattered.push_back(out.series.size() - 1);
      }
    } else if (fields.Is(3, kBytes)) {
      if (out.metadata.size() >= kMaxMetadata) {
        return TooMany("descriptions of metrics", kMaxMetadata);
      }
      if (!ReadMetadata(fields.text(), &out.metadata.emplace_back())) {
        return Damaged("a metric's description cannot be read");
      }
    }
  }
  if (!fields.ok()) {
    return Damaged("its fields cannot be read");
  }
  for (size_t i = 0; i < scattered.size(); ++i) {
    out.series[scattered[i]].key = out.scattered_keys[i];
  }
  return out;
}

}  // namespace ronda::remote
