#include "common/codec/column_model.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <span>
#include <string_view>

#include "common/codec/bits.h"
#include "common/codec/residual.h"

namespace ronda::codec {
namespace {

using Weights = ColumnModel::Weights;
using Frequencies = ColumnModel::Frequencies;

constexpr int kPrecisionBits = 3;
constexpr int kContextBits = 4;
constexpr int kDetailBitsBefore = 3;

// How finely a class may be told apart, and the bits that say how finely it is.
int FinestDetail(uint64_t cls) {
  return cls < 2 ? 0 : std::min(static_cast<int>(cls) - 1, kMaxDetail);
}
int DetailBits(uint64_t cls) {
  return static_cast<int>(std::bit_width(static_cast<unsigned>(FinestDetail(cls))));
}

void PutWeights(std::span<const uint32_t> weights, BitWriter* out) {
  int last = 0;
  for (const uint32_t weight : weights) {
    const auto digits = static_cast<int>(std::bit_width(weight));
    PutToken(DigitsChange(last, digits), 0, out);
    last = digits;
    if (weight > 0) {
      const int told = MantissaBits(digits);
      out->Put(weight >> (digits - 1 - told) & ((1U << told) - 1), told);
    }
  }
}

bool GetWeights(int symbols, BitReader* in, Weights* weights) {
  int64_t digits = 0;
  bool any = false;
  for (int i = 0; i < symbols; ++i) {
    uint64_t change;
    if (!GetToken(0, in, &change)) {
      return false;
    }
    digits = digits == 0 ? static_cast<int64_t>(change) : digits + UnZigZag(change);
    if (digits < 0 || digits > kWeightDigits) {
      return false;
    }
    if (digits > 0) {
      (*weights)[static_cast<size_t>(i)] = GetWeight(static_cast<int>(digits), in);
      any = true;
    }
  }
  return any;
}

void PutAlphabet(const ColumnAlphabet& alphabet, BitWriter* out) {
  const auto used = std::count_if(alphabet.detail.begin(), alphabet.detail.end(),
                                  [](uint8_t d) { return d != kClassUnused; });
  PutToken(static_cast<uint64_t>(used - 1), 0, out);
  uint64_t gap = 0;
  for (uint64_t cls = 0; cls < kColumnClasses; ++cls) {
    const uint8_t detail = alphabet.detail[cls];
    if (detail == kClassUnused) {
      ++gap;
      continue;
    }
    PutToken(gap, 0, out);
    out->Put(detail, DetailBits(cls));
    gap = 0;
  }
}

}  // namespace

bool GetAlphabet(bool before, BitReader* in, ColumnAlphabet* alphabet) {
  alphabet->detail.fill(kClassUnused);
  uint64_t more;
  if (!GetToken(0, in, &more) || more >= kColumnClasses) {
    return false;
  }
  uint64_t cls = 0;
  for (uint64_t i = 0; i <= more; ++i, ++cls) {
    uint64_t gap;
    if (!GetToken(0, in, &gap) || cls >= kColumnClasses || gap >= kColumnClasses - cls) {
      return false;
    }
    cls += gap;
    const uint64_t detail = in->Get(before ? kDetailBitsBefore : DetailBits(cls));
    if (detail > static_cast<uint64_t>(FinestDetail(cls))) {
      return false;
    }
    alphabet->detail[cls] = static_cast<uint8_t>(detail);
  }
  return alphabet->Number();
}

uint32_t GetWeight(int digits, BitReader* in) {
  const int told = MantissaBits(digits);
  const int dropped = digits - 1 - told;
  const uint32_t weight = static_cast<uint32_t>(in->Get(told)) | 1U << told;
  return dropped == 0 ? weight : weight << dropped | 1U << (dropped - 1);
}

uint32_t RoundWeight(uint32_t n) {
  const auto digits = static_cast<int>(std::bit_width(n));
  const int dropped = std::max(0, digits - 1 - MantissaBits(digits));
  return dropped == 0 ? n : n >> dropped << dropped | 1U << (dropped - 1);
}

void Normalise(std::span<const uint32_t> weights, int precision, Frequencies* out) {
  // Exact: a quotient of such numbers is no nearer to a whole one than a double can tell.
  const uint64_t total = std::accumulate(weights.begin(), weights.end(), uint64_t{0});
  const auto divisor = static_cast<double>(total);
  const int target = 1 << precision;
  int sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto dividend = static_cast<int64_t>((uint64_t{weights[i]} << precision) + total / 2);
    const int share = static_cast<int>(static_cast<double>(dividend) / divisor);
    const int frequency = weights[i] > 0 ? std::max(share, 1) : 0;
    (*out)[i] = static_cast<uint16_t>(frequency);
    sum += frequency;
  }
  std::fill(out->begin() + static_cast<ptrdiff_t>(weights.size()), out->end(), uint16_t{0});
  // The largest bear the rest: there it costs least.
  const auto last = out->begin() + static_cast<ptrdiff_t>(weights.size());
  while (sum != target) {
    const auto largest = std::max_element(out->begin(), last);
    const int step = sum < target ? target - sum : -std::min(sum - target, (*largest + 7) / 8);
    *largest = static_cast<uint16_t>(*largest + step);
    sum += step;
  }
}

void PutModel(const ColumnModel& model, std::string* out) {
  std::vector<char> buffer(static_cast<size_t>(model.contexts()) * kColumnSymbols * 8 +
                           kColumnClasses * 4 + 64);
  BitWriter bits(buffer.data());
  bits.Put(static_cast<uint64_t>(model.precision - kMinPrecision), kPrecisionBits);
  bits.Put(static_cast<uint64_t>(model.contexts() - 1), kContextBits);
  int score = 0;
  for (int c = 1; c < model.contexts(); ++c) {
    const int begin = score;
    while (model.context[static_cast<size_t>(score)] < c) {
      ++score;
    }
    PutToken(static_cast<uint64_t>(score - begin - 1), 0, &bits);
  }
  PutAlphabet(model.alphabet, &bits);
  for (const Weights& weights : model.weights) {
    PutWeights(std::span(weights).first(static_cast<size_t>(model.alphabet.symbols)), &bits);
  }
  PutBytes(out,
           std::string_view(buffer.data(), static_cast<size_t>(bits.Finish() - buffer.data())));
}

bool GetModel(ByteReader* in, ColumnModel* model) {
  BitReader bits(in->Bytes());
  model->precision = kMinPrecision + static_cast<int>(bits.Get(kPrecisionBits));
  const int contexts = 1 + static_cast<int>(bits.Get(kContextBits));
  if (!in->ok() || model->precision > kMaxPrecision ||
      contexts << model->precision > kMaxModelSlots) {
    return false;
  }
  uint64_t score = 0;
  for (int c = 1; c < contexts; ++c) {
    uint64_t more;
    if (!GetToken(0, &bits, &more) || more >= kColumnScores - 1 - score) {
      return false;
    }
    score += more + 1;
    std::fill(model->context.begin() + static_cast<ptrdiff_t>(score), model->context.end(),
              static_cast<uint8_t>(c));
  }
  if (!GetAlphabet(false, &bits, &model->alphabet)) {
    return false;
  }
  model->frequency.resize(static_cast<size_t>(contexts));
  for (auto& frequency : model->frequency) {
    Weights weights{};
    if (!GetWeights(model->alphabet.symbols, &bits, &weights)) {
      return false;
    }
    Normalise(std::span(weights).first(static_cast<size_t>(model->alphabet.symbols)),
              model->precision, &frequency);
  }
  return bits.AtEnd();
}

}  // namespace ronda::codec
