// Sample frames: the decoder and the reference must agree about every frame, and what was decoded
// must survive being encoded again.
#include <algorithm>
#include <memory>
#include <span>
#include <string>

#include "common/base/check.h"
#include "common/codec/sample_run.h"
#include "common/codec/units.h"
#include "tests/fuzz/frames.h"
#include "tests/property/reference_sample_decoder.h"

namespace {

using ronda::codec::SameBits;

template <typename A, typename B>
bool SameValues(const A& a, const B& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), SameBits);
}

// Gives the values to an encoder, and its frames to a decoder.
class Again {
 public:
  void Send(int64_t t_ms, std::span<const double> values) {
    if (schema_ == nullptr || schema_->series.size() != values.size()) {
      auto schema = std::make_shared<ronda::Schema>();
      schema->metrics = {{"c", ronda::MetricType::kCounter, "", ""},
                         {"g", ronda::MetricType::kGauge, "", ""}};
      for (uint32_t i = 0; i < values.size(); ++i) {
        schema->series.push_back({i % 2, {}});
      }
      schema_ = schema;
      encoder_.StartRun(schema_);
    }
    frame_.clear();
    encoder_.Encode(++seq_, t_ms, values, &frame_);
    RONDA_CHECK(decoder_.Decode(frame_).ok());
    RONDA_CHECK(decoder_.t_ms() == t_ms);
    RONDA_CHECK(SameValues(decoder_.values(), values));
  }

 private:
  std::shared_ptr<const ronda::Schema> schema_;
  ronda::codec::SampleRunEncoder encoder_{1, {"g", "j", "i"}};
  ronda::codec::SampleRunDecoder decoder_;
  std::string frame_;
  uint64_t seq_ = 0;
};

}  // namespace

int Fuzz_sample_decode(const uint8_t* data, size_t size) {
  ronda::codec::SampleRunDecoder decoder;
  ronda::ReferenceSampleDecoder reference;
  Again again;
  ronda::ForEachFrame(data, size, [&](const std::string& frame) {
    const absl::Status status = decoder.Decode(frame);
    RONDA_CHECK(reference.Decode(frame) == status.code());
    // After an error both must be as before.
    RONDA_CHECK(reference.t_ms() == decoder.t_ms());
    RONDA_CHECK(SameValues(reference.values(), decoder.values()));
    RONDA_CHECK(std::equal(reference.changed().begin(), reference.changed().end(),
                           decoder.changed().begin(), decoder.changed().end()));
    if (status.ok()) {
      again.Send(decoder.t_ms(), decoder.values());
    }
  });
  return 0;
}
