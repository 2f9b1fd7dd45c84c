// libFuzzer's entry for one target.
#include <cstddef>
#include <cstdint>

int RONDA_FUZZ_FUNCTION(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return RONDA_FUZZ_FUNCTION(data, size);
}
