// Models as they were written until November 2026: IntEncoding::kCodedBefore. FORMAT.md, "Column:
// coded before".
#include <algorithm>
#include <span>

#include "common/codec/column_model.h"
#include "common/codec/residual.h"

namespace ronda::codec {
namespace {

bool GetWeights(int symbols, BitReader* in, ColumnModel::Weights* weights) {
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
    (*weights)[symbol] = GetWeight(static_cast<int>(digits), in);
  }
  return true;
}

}  // namespace

bool GetModelBefore(ByteReader* in, ColumnModel* model) {
  model->precision = in->U8();
  const int contexts = in->U8() + 1;
  if (!in->ok() || model->precision < kMinPrecision || model->precision > kMaxPrecision ||
      contexts > kMaxContexts || contexts << model->precision > kMaxModelSlots) {
    return false;
  }
  // Zeros were not counted: scores began at what is kMostZeros now.
  int score = kMostZeros;
  for (int c = 1; c < contexts; ++c) {
    score += in->U8() + 1;
    if (!in->ok() || score >= kColumnScores) {
      return false;
    }
    std::fill(model->context.begin() + score, model->context.end(), static_cast<uint8_t>(c));
  }
  BitReader bits(in->Bytes());
  if (!GetAlphabet(true, &bits, &model->alphabet)) {
    return false;
  }
  model->frequency.resize(static_cast<size_t>(contexts));
  for (auto& frequency : model->frequency) {
    ColumnModel::Weights weights{};
    if (!GetWeights(model->alphabet.symbols, &bits, &weights)) {
      return false;
    }
    Normalise(std::span(weights).first(static_cast<size_t>(model->alphabet.symbols)),
              model->precision, &frequency);
  }
  return in->ok() && bits.AtEnd();
}

}  // namespace ronda::codec
