#include "common/codec/column_model.h"

#include <algorithm>
#include <numeric>

#include "common/codec/bits.h"
#include "common/codec/residual.h"

namespace ronda::codec {
namespace {

using Weights = ColumnModel::Weights;
using Frequencies = ColumnModel::Frequencies;

constexpr int kDetailBits = 3;

void PutWeights(const Weights& weights, BitWriter* out) {
  const auto used = std::count_if(weights.begin(), weights.end(), [](uint32_t w) { return w > 0; });
  PutToken(static_cast<uint64_t>(used - 1), 0, out);
  uint64_t gap = 0;
  int last = 0;
  for (const uint32_t weight : weights) {
    if (weight == 0) {
      ++gap;
      continue;
    }
    const auto digits = static_cast<int>(std::bit_width(weight));
    const int mantissa = MantissaBits(digits);
    PutToken(gap, 0, out);
    PutToken(ZigZag(digits - last), 0, out);
    out->Put(weight >> (digits - 1 - mantissa) & ((1U << mantissa) - 1), mantissa);
    gap = 0;
    last = digits;
  }
}

bool GetWeights(int symbols, BitReader* in, Weights* weights) {
  const auto limit = static_cast<uint64_t>(symbols);
  uint64_t more;
  if (!GetToken(0, in, &more) || more >= limit) {
    return false;
  }
  uint64_t symbol = 0;
  int64_t digits = 0;
  for (uint64_t i = 0; i <= more; ++i, ++symbol) {
    uint64_t gap;
    uint64_t change;
    if (!GetToken(0, in, &gap) || symbol >= limit || gap >= limit - symbol ||
        !GetToken(0, in, &change)) {
      return false;
    }
    symbol += gap;
    digits += UnZigZag(change);
    if (digits < 1 || digits > kWeightDigits) {
      return false;
    }
    const int mantissa = MantissaBits(static_cast<int>(digits));
    const auto dropped = static_cast<int>(digits) - 1 - mantissa;
    const auto told = static_cast<uint32_t>(in->Get(mantissa)) | 1U << mantissa;
    (*weights)[symbol] = dropped == 0 ? told : told << dropped | 1U << (dropped - 1);
  }
  return true;
}

void PutAlphabet(const ColumnAlphabet& alphabet, BitWriter* out) {
  const auto used = std::count_if(alphabet.detail.begin(), alphabet.detail.end(),
                                  [](uint8_t d) { return d != kClassUnused; });
  PutToken(static_cast<uint64_t>(used - 1), 0, out);
  uint64_t gap = 0;
  for (const uint8_t detail : alphabet.detail) {
    if (detail == kClassUnused) {
      ++gap;
      continue;
    }
    PutToken(gap, 0, out);
    out->Put(detail, kDetailBits);
    gap = 0;
  }
}

bool GetAlphabet(BitReader* in, ColumnAlphabet* alphabet) {
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
    const uint64_t detail = in->Get(kDetailBits);
    if (detail > kMaxDetail || (detail > 0 && detail >= cls)) {
      return false;
    }
    alphabet->detail[cls] = static_cast<uint8_t>(detail);
  }
  return alphabet->Number();
}

}  // namespace

uint32_t RoundWeight(uint32_t n) {
  const auto digits = static_cast<int>(std::bit_width(n));
  const int dropped = std::max(0, digits - 1 - MantissaBits(digits));
  return dropped == 0 ? n : n >> dropped << dropped | 1U << (dropped - 1);
}

void Normalise(const Weights& weights, int precision, Frequencies* out) {
  const uint64_t total = std::accumulate(weights.begin(), weights.end(), uint64_t{0});
  const int target = 1 << precision;
  int sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const uint64_t share = ((uint64_t{weights[i]} << precision) + total / 2) / total;
    (*out)[i] = static_cast<uint16_t>(weights[i] > 0 ? std::max<uint64_t>(share, 1) : 0);
    sum += (*out)[i];
  }
  // The largest bear the rest: there it costs least.
  while (sum != target) {
    const auto largest = std::max_element(out->begin(), out->end());
    const int step = sum < target ? target - sum : -std::min(sum - target, (*largest + 7) / 8);
    *largest = static_cast<uint16_t>(*largest + step);
    sum += step;
  }
}

void PutModel(const ColumnModel& model, std::string* out) {
  out->push_back(static_cast<char>(model.precision));
  out->push_back(static_cast<char>(model.contexts() - 1));
  int score = 0;
  for (int c = 1; c < model.contexts(); ++c) {
    const int begin = score;
    while (model.context[static_cast<size_t>(score)] < c) {
      ++score;
    }
    out->push_back(static_cast<char>(score - begin - 1));
  }
  std::vector<char> buffer(static_cast<size_t>(model.contexts()) * kColumnSymbols * 8 +
                           kColumnClasses * 4 + 32);
  BitWriter bits(buffer.data());
  PutAlphabet(model.alphabet, &bits);
  for (const Weights& weights : model.weights) {
    PutWeights(weights, &bits);
  }
  const auto size = static_cast<size_t>(bits.Finish() - buffer.data());
  PutVarint(out, size);
  out->append(buffer.data(), size);
}

bool GetModel(ByteReader* in, ColumnModel* model) {
  const uint8_t head = in->U8();
  model->precision = head;
  const int contexts = in->U8() + 1;
  if (!in->ok() || model->precision < kMinPrecision || model->precision > kMaxPrecision ||
      contexts > kMaxContexts || contexts << model->precision > kMaxModelSlots) {
    return false;
  }
  int score = 0;
  for (int c = 1; c < contexts; ++c) {
    score += in->U8() + 1;
    if (!in->ok() || score >= kColumnScores) {
      return false;
    }
    std::fill(model->context.begin() + score, model->context.end(), static_cast<uint8_t>(c));
  }
  BitReader bits(in->Bytes());
  if (!GetAlphabet(&bits, &model->alphabet)) {
    return false;
  }
  model->frequency.resize(static_cast<size_t>(contexts));
  for (auto& frequency : model->frequency) {
    Weights weights{};
    if (!GetWeights(model->alphabet.symbols, &bits, &weights)) {
      return false;
    }
    Normalise(weights, model->precision, &frequency);
  }
  return in->ok() && bits.AtEnd();
}

}  // namespace ronda::codec
