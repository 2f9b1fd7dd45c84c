// The shortest way through the digits that each symbol's weight may have (A. Viterbi, 1967): a step
// costs the token that tells the change of digits, and what the numbers lose by a weight that is
// not their count. Tested by column_test.cc.
#include "common/codec/column_weights.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

namespace ronda::codec {
namespace {

// Digits further from the count's own are not tried.
constexpr int kFarthest = 2;

struct Step {
  int from = 0;  // digits of the weight before
  uint32_t weight = 0;
};
using Steps = std::array<Step, kWeightDigits + 1>;
using Costs = std::array<double, kWeightDigits + 1>;
constexpr double kImpossible = 1e300;

// What tells the digits of a weight, by those of the one before.
using TokenBits = std::array<Costs, kWeightDigits + 1>;
const TokenBits& BitsOfTokens() {
  static const TokenBits kBits = [] {
    TokenBits bits;
    for (int from = 0; from <= kWeightDigits; ++from) {
      for (int to = 0; to <= kWeightDigits; ++to) {
        bits[static_cast<size_t>(to)][static_cast<size_t>(from)] =
            GammaBits(static_cast<uint32_t>(DigitsChange(from, to)));
      }
    }
    return bits;
  }();
  return kBits;
}

// The weight of so many digits that suits a count best.
uint32_t NearestWeight(int digits, uint32_t count) {
  if (digits == 0) {
    return 0;
  }
  const uint32_t least = 1U << (digits - 1);
  return RoundWeight(std::clamp(count, least, 2 * least - 1));
}

// Bits that `count` numbers, and all others, lose if the share of the table is w and not count.
double LossOf(uint32_t count, uint32_t w) {
  constexpr double kBitsOfE = 1.4426950408889634;
  const double others = (static_cast<double>(w) - static_cast<double>(count)) * kBitsOfE;
  return count == 0 ? others : others + count * std::log2(static_cast<double>(count) / w);
}

}  // namespace

void ChooseWeights(std::span<const uint32_t> counts, ColumnModel::Weights* weights) {
  const auto largest =
      static_cast<int>(std::bit_width(*std::max_element(counts.begin(), counts.end())));
  const int most = std::min(largest + 1, kWeightDigits);
  std::vector<Steps> steps(counts.size());
  Costs costs;
  costs.fill(kImpossible);
  costs[0] = 0;
  const TokenBits& tokens = BitsOfTokens();
  size_t from_least = 0;  // of the digits that the weight before may have
  size_t from_most = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    Costs next;
    next.fill(kImpossible);
    const auto own = static_cast<int>(std::bit_width(counts[i]));
    const int first = counts[i] == 0 ? 0 : std::max(1, own - kFarthest);
    const int last = std::min(own + kFarthest, most);
    for (int digits = first; digits <= last; ++digits) {
      Step& step = steps[i][static_cast<size_t>(digits)];
      double& cost = next[static_cast<size_t>(digits)];
      const Costs& bits = tokens[static_cast<size_t>(digits)];
      for (size_t from = from_least; from <= from_most; ++from) {
        const double with = costs[from] + bits[from];
        if (with < cost) {
          cost = with;
          step.from = static_cast<int>(from);
        }
      }
      step.weight = NearestWeight(digits, counts[i]);
      cost += MantissaBits(digits) + LossOf(counts[i], step.weight);
    }
    costs = next;
    from_least = static_cast<size_t>(first);
    from_most = static_cast<size_t>(last);
  }
  auto digits = static_cast<size_t>(std::min_element(costs.begin(), costs.end()) - costs.begin());
  for (size_t i = counts.size(); i-- > 0;) {
    const Step& step = steps[i][digits];
    (*weights)[i] = step.weight;
    digits = static_cast<size_t>(step.from);
  }
}

}  // namespace ronda::codec
