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

constexpr char kCodedStepsHexBefore[] =
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
constexpr char kCodedValuesHexBefore[] =
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
constexpr char kCodedStepsOfStepsHexBefore[] =
    "0406d20f010c00068e1887c5e4058c0300d40ff7028aef91011da9c905015ce58cfbf4f898d4a2270a8344365aaa"
    "7f8e34a65ef8d6fbba90f01b15c1c4b2ddd56ea4559f855601c9abb8a482199ba1856fa791478b3b8b015f49cf57"
    "76114d117906a81519027f2c1f625c329e12ce44db4659741ebd206084ba7e253c73ff6961304041a514c5fc6247"
    "4c9f53e7a91bee8821faf3dc7f83d3260ba2b8dbcf7bce33df9adfea51a0e6abbccdffe3173f9a84cc226d98d3d9"
    "73dec198aea419a2ced7f038c3625a68dd946120efe412023dbeb75ff7809e16bc16fc0e94f2639a09cef1e42d0d"
    "97a442f0";

constexpr char kCodedStepsHex[] =
    "0205010001000f0c6864a2c30d85f8f50c11b1aa420f0013161100f943ef9e92d8830a5d3320a6b761371a9ce17f"
    "c159da200443a5619e44928b2d222fbf5920b13e5b8b30273cd441224c2f242dd4acb6ec1c9a6beecabbf1a2f017"
    "5fb807a0e9281aa15b2ddf3084d9d5244f2b2c5d169c3584edd54ceaeaf0dbce4188d5864a458a701d555256cbb5"
    "e840b824d26be4b741cef8a8629fe2fbd8c7db8c9bf2c21b006f53fc41a03d9d95769688a50b0a520f80be7f30ba"
    "3ea5cf4cf49e186f852fbfdc29ba96a9b887b221529f427e22102f76dcdcd3d1de35fef651f1bee8f19cc02dde80"
    "b6643c24cd5c6a6e7d89ab8592bfe35aa5fd66059887bea20e1debcb7ec2552f5f9da61e229fd8056df430458bf8"
    "5ac6eae0e11910a8073497c6854dab424cacee4f7623a228b0defbf57494b5b5d8ff2a03f18996ba63cd3fb311e5"
    "71a0474c34a6edb583eda03ba298a0a32983299b095b4fda2d96d9491f320a3732bb267c81f427fb91f2099cdc4e"
    "2e4cbea8f7e7373571823d7cf174e085773b04fcf9a28f847b2909fcfd6536ecdbe45723877f59894e51cd866421"
    "ca8d83c63d88d2de230f1f14e22b5dc8187e4b46c64520d6a54070fe98dd092dcf02f42542a1f6db2a887eb0d4be"
    "728c062d8b32829a7f85119a634b99d144e90665a4c7f8878307029e5a6641c7b0cc8b5c40d1aaf49bfed5cf0a4d";
constexpr char kCodedValuesHex[] =
    "00050080c03e80040010047a3d1b6a8241a031418880fe19e20315122500a04832fe528fb38117401cef81ddb877"
    "4fc0819152fb8b99f5a78be9a6125dd170f0a5193e5e548c3aad9b253ea00a4e2cbdb6a25c2171e48a4bd2137fd6"
    "6ac5d216a5b932b88e433fa6aea26cf26021bbd93b530d49f49360ba270e869c23074af27c95086c2707321d5547"
    "dd72afbbac24de171bf9811951a2b674645d37b65fe3a39bface925937dcada8a77b518ef3be02651d87066cfc88"
    "7a6b97edc48064a4336884624a42dac1fb99ca8bb2750c7ff04d3dd13eb4a7f3adbecfd01d3019c6345861421da1"
    "594463810ce1f7e0ed3ed9f53f9b06311e57a9f2e6c04e9c8d85ed5d2cf89d62e97b3f153895b862391b4bdf1221"
    "1b589d25ad8c762eab880a36fc74c716cebf167c4dedd4a7c0bc9100893ba5be3c068f774f088c394e3c3e92aa71"
    "34054522c98fe9f12eee502a3ba8f4a00d76e7e2f027b09171a598608c6fe9070e8557cb47a97894f554d3952107"
    "9358364b69b227e44eda3052cff68acdd8e725086fc7f1666baea6d33a920e301f9d82cc55291346098f6a781e00";
constexpr char kCodedStepsOfStepsHex[] =
    "0506d20f010404151c3500d40fb186c501c51280759e54420d6bde543f8f365a1c2ad400adea5d86e91b6cb19f36"
    "3c272fa32b1a50245a918d3c3a0bbc19a2b7f4c798c0119290e6eda08b8038832c6debb737a540b365552ccdd411"
    "550436bfe1bb5d8ccebc484079d3ed273ccd79ce372f914cd2307f75e359f8ba4719524287507c1019a8d297ef9e"
    "96f9628850e513d47977fcbeda61d4816c10510bf63210e5251b6bfab8c29f64705b9e3f8f27696d885e9b724a80"
    "27c961f79f61d90ba03c233cc99b491b13927c9fad93a9520e3eed9119acb4b203301601";
constexpr char kCodedTwoBlocksHex[] =
    "0501040100088c3e34a119f2d002820200da036b170d6829a69108d8de93ab67c533c6cd54f4dbae46ca130e0970"
    "9de3c8f5ee83937fbc80c43034c9e9c5fbc56dd90aa4e36929833b51590a9d92768748cfd50b5682acbcdce2f450"
    "c80ee0f353deb825d9c3385fc45f8b3bf1b1c9c848f60e582cceea1dda6d1d5df8969190e67516e74f55a63c3845"
    "cbc56322dd4e1715a00100000100";

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
  ExpectDecodes("050000010005046f399a0e04b52d20d1ac55358f333b", values);
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
  ExpectDecodes(kCodedStepsHexBefore, values);
}

TEST(ColumnGolden, CodedValuesOfAStride) {
  Numbers numbers;
  std::vector<double> values;
  for (int i = 0; i < 1210; ++i) {
    const uint32_t r = numbers.Next();
    values.push_back((1000 + r % 4 * (r / 256 % 4) + (r > 65000 ? 300 : 0)) * 512.0);
  }
  ExpectDecodes(kCodedValuesHex, values);
  ExpectDecodes(kCodedValuesHexBefore, values);
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
  ExpectDecodes(kCodedStepsOfStepsHexBefore, values);
}

// A change each minute, and a second block.
TEST(ColumnGolden, CodedAfterZeros) {
  Numbers numbers;
  std::vector<int64_t> values;
  int64_t v = 0;
  for (int i = 0; i < 7210; ++i) {
    const uint32_t r = numbers.Next();
    values.push_back(v += i % 60 == 0 ? 1 + r % 3 : 0);
  }
  ExpectDecodes(kCodedTwoBlocksHex, values);
}

// Steps of 0 and of the least int64, which wraps.
TEST(ColumnGolden, CodedLeastNumber) {
  Numbers numbers;
  std::vector<int64_t> values;
  uint64_t v = 0;
  for (int i = 0; i < 100; ++i) {
    v += numbers.Next() % 3 == 0 ? uint64_t{1} << 63 : 0;
    values.push_back(static_cast<int64_t>(v));
  }
  ExpectDecodes(
      "0505ffffffffffffffffff01010304cd07ffffffffffffffffff01b902d63e0d9596324647932152d4", values);
}

}  // namespace
}  // namespace ronda::codec
