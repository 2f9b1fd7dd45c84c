// The hot path allocates nothing: counted at operator new.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "common/codec/sample_run.h"
#include "common/model/sample.h"

namespace {
std::atomic<size_t> allocations{0};
}  // namespace

// Not inlined: else GCC takes the free() below for a mismatch.
__attribute__((noinline)) void* operator new(size_t size) {
  ++allocations;
  if (void* p = std::malloc(size)) {
    return p;
  }
  throw std::bad_alloc();
}
// std::stable_sort takes its buffer this way, and gives it back to the delete below.
__attribute__((noinline)) void* operator new(size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size);
}
__attribute__((noinline)) void operator delete(void* p) noexcept { std::free(p); }
__attribute__((noinline)) void operator delete(void* p, size_t) noexcept { std::free(p); }

namespace ronda::codec {
namespace {

TEST(Allocation, NoneAfterTheFirstFrames) {
  auto schema = std::make_shared<Schema>();
  schema->metrics = {{"c_total", MetricType::kCounter, "", ""}, {"g", MetricType::kGauge, "", ""}};
  for (uint32_t i = 0; i < 300; ++i) {
    schema->series.push_back({i % 2, Labels(std::vector<Label>{{"i", std::to_string(i)}})});
  }
  SampleRunEncoder encoder(1, {"a group with a long name, longer than a string holds", "node", ""});
  SampleRunDecoder decoder;
  encoder.StartRun(schema);
  std::vector<double> values(300);
  std::string frame;
  size_t before = 0;
  for (uint64_t seq = 1; seq <= 1000; ++seq) {
    if (seq == 3 * kMaxRunFrames) {
      before = allocations;
      ASSERT_GT(before, 0U);
    }
    if (seq % 300 == 0) {
      encoder.StartRun(schema);
    }
    for (size_t i = 0; i < values.size(); ++i) {
      const auto x = static_cast<double>(seq * i % 97);
      values[i] = i % 50 == 7 && seq % 5 == 0 ? StaleMarker() : x / (i % 7 == 3 ? 3 : 100);
    }
    frame.clear();
    encoder.Encode(seq, static_cast<int64_t>(seq) * 1000, values, &frame);
    ASSERT_TRUE(decoder.Decode(frame).ok());
  }
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace ronda::codec
