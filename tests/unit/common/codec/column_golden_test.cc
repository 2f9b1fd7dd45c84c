// What a column of each encoding looks like, as common/codec/FORMAT.md says. The bytes must stay
// readable; that the writer still makes the same of them is checked where it has no choice.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/digest.h"
#include "common/codec/column.h"
#include "common/codec/units.h"
#include "common/model/sample.h"

namespace ronda::codec {
namespace {

constexpr char kCodedStepsHex[] =
    "0204010001000c0113102482e850612d4af4ff1a931b73dbb601b80600a505d0c90288989003a4803f2ef252832a"
    "5c3920e12761f7d69d6178c819062d0499a3616e419bcb1e1e2f446821714051cb73333c9c4222cc4529ed2089b6"
    "6f5c9adbe2ce7bc2b2f048b6bb3aa1a450bbc35a85db3174d3dd641b272c6ad69c9501ec5556c6eac1eaced196d0"
    "8699598addcc55b296cbb5e454b88a616b4086438e009d626491fb60c4d94ccaeac214e45e842f3085a55dd77696"
    "f09a0bf0900f442272607d3a65f89cf492d96fe5ca8a9cddcf96217e87e2025a9f7ca322a86d772cdcd251de05fe"
    "db17f26ee7f2dcb429defcf766a40725fcbdd37f7e5785724fe2dace676689fe85a2c00d9d88e37e749d2ec7a4ac"
    "5e238bd891cdf5a4d38178e8fceaff4218d825018434f185a68b42946eedef0900a25018c655c3bfd44e9bd810cb"
    "0391e7924aebf53f8e2fe7b9ef418c658d2da0efedf879a0488faea9531f9b24ba4dcef49bd9153f327c6f32fbc3"
    "7b81d91ffba20109b0b04f064aae47cf7f3725d881e13bfc944fb0773853fc2545889439050962fd65eafed784a8"
    "23877c2889fed1cf66aa0b0acfd5c62d07d21efb149ff0262b1dc31ace4074c6f42a13299d78b37f1efadec941df"
    "02a81542695cd67ac557b09fbf72dc7b2ccb23aa9a05a311ea864d89a16c69f289a4e7e58683f2195eadca419466"
    "ccc3f95bd124ff9bebfecc76e7";
constexpr char kCodedValuesHex[] =
    "00040080c03e8004000c000d3422ead87858486524e42c080afe05ef05c541a11a9a455aa0db7196cf357bbe9dbc"
    "d9142ce7c681c09879c78afaa29268f8b1693a9a4926e78e8e012d64d91ef13bf6911e1554953b988b0895422fde"
    "bd98fa7f88ff33aa05d73af2342aa22dfa49dd789865a69dff2333fd5e772aaedaea4fa5c14af679199d854511d0"
    "961da6f88d86d89f257b5213d44cb223e81c70041a4b0ddfa7b8f7f640425c158842f13519f252c827a8e5882998"
    "a29e4dda720c4141a19b66eb044bbe3e204bc25aa9ba6616928bb3ddc970b0d4a78020fd4eec10118694803a6c54"
    "694cfd575d635d17e3e1b03a4fd5051d3b9722037ae9c1762b552c2f0c6bd6287a6af2011c8183e2013989a40749"
    "2dc71c8d26f1c3b44ba41b2f604be67993d0c3be07b5be1996d2f6c33c15d8e568d2cd6d51f161eccee8198b957b"
    "0de5dd33662d3455812b316e5941a266d0394db9f878d6ccce6abc5a641f90a9f35dcf074fd92515c011ae01b422"
    "3971cb0941a123e49711c0133a58be9140b998a16e2f41c8b76606f3c243b3843160114ebd27fa7f01a2cd2dd95a"
    "7c0091b603";
constexpr char kCodedStepsOfStepsHex[] =
    "0406d20f010c00068e1887c5e4058c0300d40ff7028aef91011da9c905015ce58cfbf4f898d4a2270a8344365aaa"
    "7f8e34a65ef8d6fbba90f01b15c1c4b2ddd56ea4559f855601c9abb8a482199ba1856fa791478b3b8b015f49cf57"
    "76114d117906a81519027f2c1f625c329e12ce44db4659741ebd206084ba7e253c73ff6961304041a514c5fc6247"
    "4c9f53e7a91bee8821faf3dc7f83d3260ba2b8dbcf7bce33df9adfea51a0e6abbccdffe3173f9a84cc226d98d3d9"
    "73dec198aea419a2ced7f038c3625a68dd946120efe412023dbeb75ff7809e16bc16fc0e94f2639a09cef1e42d0d"
    "97a442f0";

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

void ExpectDecodes(std::string_view hex, const std::vector<double>& values) {
  std::vector<double> out(values.size());
  ASSERT_TRUE(DecodeColumn(FromHex(hex), out).ok());
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_TRUE(SameBits(out[i], values[i])) << i << ": " << out[i];
  }
}

void ExpectDecodes(std::string_view hex, const std::vector<int64_t>& values) {
  std::vector<int64_t> out(values.size());
  ASSERT_TRUE(DecodeIntColumn(FromHex(hex), out).ok());
  ASSERT_EQ(out, values);
}

void ExpectBothWays(std::string_view hex, const std::vector<double>& values) {
  std::string bytes;
  EncodeColumn(values, &bytes);
  EXPECT_EQ(ToHex(bytes), hex);
  ExpectDecodes(hex, values);
}

void ExpectBothWays(std::string_view hex, const std::vector<int64_t>& values) {
  std::string bytes;
  EncodeIntColumn(values, &bytes);
  EXPECT_EQ(ToHex(bytes), hex);
  ExpectDecodes(hex, values);
}

// 16 bits a call, the same for ever.
class Numbers {
 public:
  uint32_t Next() {
    state_ = state_ * 1664525 + 1013904223;
    return state_ >> 16;
  }

 private:
  uint32_t state_ = 1;
};

TEST(ColumnGolden, Constant) { ExpectBothWays("0200a413", std::vector<double>(5, 12.34)); }

TEST(ColumnGolden, Linear) {
  ExpectBothWays("0180f085e4be68d00f",
                 std::vector<int64_t>{1795132800000, 1795132801000, 1795132802000, 1795132803000});
}

TEST(ColumnGolden, RunsWithExceptions) {
  ExpectBothWays("4002060200010000000000000080020a030405",
                 std::vector<double>{5, 5, 5, 5, 7, 7, StaleMarker(), StaleMarker(), -0.0, 7});
}

TEST(ColumnGolden, Bits) {
  ExpectBothWays("10019aeff9e7cca7d0f67fb5def3cf99cfa0edff01",
                 std::vector<double>{std::sqrt(2.0), -std::sqrt(2.0)});
}

TEST(ColumnGolden, PackedValues) {
  ExpectBothWays("030200874f", std::vector<int64_t>{3, 1, 0, 2, 3, 3, 0, 1});
}

TEST(ColumnGolden, PackedSteps) {
  ExpectBothWays("0343c40164000000000000006300", std::vector<int64_t>{100, 201, 303, 402, 500});
}

TEST(ColumnGolden, CodedValuesOfTheDocument) {
  Numbers numbers;
  std::vector<int64_t> values;
  for (int i = 0; i < 60; ++i) {
    const uint32_t r = numbers.Next() / 4096;
    values.push_back(r == 15 ? 9 : r > 11 ? 1 : 0);
  }
  ExpectDecodes("04000001000c00058eb01c2b2916e1346a589f0c77d43e4136", values);
}

TEST(ColumnGolden, CodedStepsInContexts) {
  Numbers numbers;
  std::vector<double> values;
  int64_t v = 0;
  for (int i = 0; i < 1500; ++i) {
    const uint32_t r = numbers.Next();
    v += i / 100 % 2 == 0 ? r / 64000 : 20 + r % 32;
    values.push_back(static_cast<double>(v) / 100);
  }
  ExpectDecodes(kCodedStepsHex, values);
}

TEST(ColumnGolden, CodedValuesOfAStride) {
  Numbers numbers;
  std::vector<double> values;
  for (int i = 0; i < 1210; ++i) {
    const uint32_t r = numbers.Next();
    values.push_back((1000 + r % 4 * (r / 256 % 4) + (r > 65000 ? 300 : 0)) * 512.0);
  }
  ExpectDecodes(kCodedValuesHex, values);
}

TEST(ColumnGolden, CodedStepsOfSteps) {
  Numbers numbers;
  std::vector<int64_t> values;
  int64_t v = 0;
  int64_t step = 1000;
  for (int i = 0; i < 1250; ++i) {
    const uint32_t r = numbers.Next() / 4096;
    step += r < 3 ? -1 : r < 6 ? 1 : 0;
    values.push_back(v += step);
  }
  ExpectDecodes(kCodedStepsOfStepsHex, values);
}

}  // namespace
}  // namespace ronda::codec
