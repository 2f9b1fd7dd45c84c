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
    "0204010001000c010e0f2482e858388e2004d998cc98fff71f9a03008702caa501b57c5316b0101d688253993a3c"
    "472081d16c9fc5d5c1912b19a41400e137539e134509cfdf21e0c900510fbc0b04b23c227c2d2c3bd2ad9665b64a"
    "0d99cba313bb383cf1f8048866e598e15b559231b8a2d6f4ad2f6c5f2f9c3d08ee45fed72afcedce114ad3a6e546"
    "cabcba55bedaca45647b3830b06b419840bec682a28a61fb38c3d9dc4ac6c2f4748ecdd4ab7b3cf5367e96c3050a"
    "af040ff0b44330318ba744f6f76e7b7e8528d6df161299c5c792526bed9e122f25747db3dc2170123ec9fcf2ded4"
    "fee8401ebe0bd26484cb0800ad3f06a9bd0a74859ff4e2ea695ee6bf668594e60eadc5da3e37722ea371af1a7b9f"
    "989addf5ebd280e8f1f5aad2ef186dca00a43af4d5f48b421459ecff090cc29ca12fca";
constexpr char kCodedValuesHex[] =
    "00040080c03e8004000c000d3422ead8783888989390b120088c038103423101000cb4b473c3ebe24896e563ff9f"
    "dcef693ae089d253cd8819f66b31f3ea144d2d08fc637520b3bc573e8fa635b80cf224071e5d991d2ed3b5f20b2c"
    "85bca59a1495f8a6c1b2b9e533d96a5221beed066a718c546714e7e673301958239c68a344e45045b86cc5a884c5"
    "2b37285db87bcabe64c6176b4b25365d821ea5c4f298571f3ddb2cff8cf6b9a69cb8bc127b619ff4ea1fe649ab01"
    "2c2f533a7bd4cf54455cbe837458bf0c07df4025ba6a80ba880c8f7773fe622538e99601f99403192e0b069e74eb"
    "5400";
constexpr char kCodedStepsOfStepsHex[] =
    "0406d20f010c00068e1887c5e405c00100d40f10f2ae4913bb0198c04809ecd9f270f2ff0ebbca8863f227dc0029"
    "baa9fa1beec7f16d43306d82c01a4a95b30b385e9731e4f0e012ea6448ddd15c2e920297fef0a66e35f495606afd"
    "9507fd18bc5a2f75fa743f698fb0d86b37432ea4fad8badab9e8abbeac9e726ba776ec6c15003c73ff6961304041"
    "a514c5fc62474c9f53e7a91bee8821faf3dc7f83d3260ba2b8dbcf7bce33df9adfea51a0e6abbccdffe3173f9a84"
    "cc226d98d3d973dec198aea419a2ced7f038c3625a68dd946120efe412023dbeb75ff7809e16bc16fc0e94f2639a"
    "09cef1e42d0d97a442f0";

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

TEST(ColumnGolden, Exceptions) {
  ExpectBothWays("40020001cd3b7f669ea0f63f0001cd3b7f669ea0f6bf0000",
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
  for (int i = 0; i < 900; ++i) {
    const uint32_t r = numbers.Next();
    v += i / 100 % 2 == 0 ? r / 64000 : 20 + r % 32;
    values.push_back(static_cast<double>(v) / 100);
  }
  ExpectDecodes(kCodedStepsHex, values);
}

TEST(ColumnGolden, CodedValuesOfAStride) {
  Numbers numbers;
  std::vector<double> values;
  for (int i = 0; i < 610; ++i) {
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
