#include "common/codec/column_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/codec/bits.h"
#include "common/codec/residual.h"

namespace ronda::codec {
namespace {

using Weights = ColumnModel::Weights;
using Frequencies = ColumnModel::Frequencies;

// n * log2(n).
double NLogN(uint32_t n) {
  static const std::vector<float>* const kTable = [] {
    auto* table = new std::vector<float>(8192);
    for (size_t i = 1; i < table->size(); ++i) {
      (*table)[i] = static_cast<float>(static_cast<double>(i) * std::log2(static_cast<double>(i)));
    }
    return table;
  }();
  return n < kTable->size() ? (*kTable)[n] : n * std::log2(n);
}

// Neighbouring scores that share a context.
struct Group {
  int first_score = 0;
  uint32_t total = 0;
  double bits = 0;
  std::vector<uint32_t> counts;  // by symbol
};

std::vector<Group> GroupsOf(const std::vector<uint32_t>& counts) {
  std::vector<Group> groups;
  for (int score = 0; score < kColumnScores; ++score) {
    const auto row = counts.begin() + score * kColumnSymbols;
    const uint32_t total = std::accumulate(row, row + kColumnSymbols, 0U);
    if (total > 0) {
      groups.push_back({score, total, 0, {row, row + kColumnSymbols}});
    }
  }
  size_t symbols = 1;
  for (const Group& group : groups) {
    for (size_t i = symbols; i < group.counts.size(); ++i) {
      symbols = group.counts[i] > 0 ? i + 1 : symbols;
    }
  }
  for (Group& group : groups) {
    group.counts.resize(symbols);
    group.bits = TableBits(group.counts.data(), nullptr, symbols, group.total);
  }
  return groups;
}

// Joins neighbours as long as that saves bits, the best first.
void JoinGroups(std::vector<Group>* groups) {
  std::vector<double> joined;
  const auto cost = [&](size_t i) {
    const Group& a = (*groups)[i];
    const Group& b = (*groups)[i + 1];
    return TableBits(a.counts.data(), b.counts.data(), a.counts.size(), a.total + b.total);
  };
  for (size_t i = 0; i + 1 < groups->size(); ++i) {
    joined.push_back(cost(i));
  }
  while (groups->size() > 1) {
    size_t best = 0;
    double most = -1e300;
    for (size_t i = 0; i < joined.size(); ++i) {
      const double saved = (*groups)[i].bits + (*groups)[i + 1].bits - joined[i];
      if (saved > most) {
        most = saved;
        best = i;
      }
    }
    if (most < 0 && groups->size() <= kMaxContexts) {
      return;
    }
    Group& a = (*groups)[best];
    const Group& b = (*groups)[best + 1];
    for (size_t i = 0; i < a.counts.size(); ++i) {
      a.counts[i] += b.counts[i];
    }
    a.total += b.total;
    a.bits = joined[best];
    groups->erase(groups->begin() + static_cast<ptrdiff_t>(best) + 1);
    joined.erase(joined.begin() + static_cast<ptrdiff_t>(best));
    if (best > 0) {
      joined[best - 1] = cost(best - 1);
    }
    if (best < joined.size()) {
      joined[best] = cost(best);
    }
  }
}

// How a weight is told: its binary digits, and the first of those after the leading one; more for
// the large, whose share must be known better.
int MantissaBits(int digits) { return std::clamp((digits - 3) / 2, 0, 5); }

// The nearest weight that can be told.
uint32_t Rounded(uint32_t n) {
  const auto digits = static_cast<int>(std::bit_width(n));
  const int dropped = std::max(0, digits - 1 - MantissaBits(digits));
  return dropped == 0 ? n : n >> dropped << dropped | 1U << (dropped - 1);
}

int GammaBits(uint32_t v) { return 2 * static_cast<int>(std::bit_width(v + 1)) - 1; }

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

bool GetWeights(int detail, BitReader* in, Weights* weights) {
  uint64_t more;
  if (!GetToken(0, in, &more) || more >= kColumnSymbols) {
    return false;
  }
  uint64_t symbol = 0;
  int64_t digits = 0;
  for (uint64_t i = 0; i <= more; ++i, ++symbol) {
    uint64_t gap;
    uint64_t change;
    if (!GetToken(0, in, &gap) || gap >= kColumnSymbols - symbol || !GetToken(0, in, &change)) {
      return false;
    }
    symbol += gap;
    digits += UnZigZag(change);
    if (digits < 1 || digits > kWeightDigits || !IsToken(static_cast<uint32_t>(symbol), detail)) {
      return false;
    }
    const int mantissa = MantissaBits(static_cast<int>(digits));
    const auto dropped = static_cast<int>(digits) - 1 - mantissa;
    const auto told = static_cast<uint32_t>(in->Get(mantissa)) | 1U << mantissa;
    (*weights)[symbol] = dropped == 0 ? told : told << dropped | 1U << (dropped - 1);
    if (symbol + 1 == kColumnSymbols && i < more) {
      return false;
    }
  }
  return true;
}

// Frequencies in proportion to the weights that add up to 2^precision; none 0 whose weight is not.
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

}  // namespace

double TableBits(const uint32_t* a, const uint32_t* b, size_t symbols, uint32_t total) {
  double bits = NLogN(total);
  int table = GammaBits(static_cast<uint32_t>(symbols) / 2);
  uint32_t gap = 0;
  int last = 0;
  for (size_t i = 0; i < symbols; ++i) {
    const uint32_t n = a[i] + (b == nullptr ? 0 : b[i]);
    if (n == 0) {
      ++gap;
      continue;
    }
    bits -= NLogN(n);
    const auto digits = static_cast<int>(std::bit_width(n));
    table += GammaBits(gap) + GammaBits(static_cast<uint32_t>(ZigZag(digits - last))) +
             MantissaBits(digits);
    gap = 0;
    last = digits;
  }
  return bits + table;
}

double FitModel(int detail, const std::vector<uint32_t>& counts, ColumnModel* model) {
  std::vector<Group> groups = GroupsOf(counts);
  JoinGroups(&groups);
  model->detail = detail;
  model->precision = kMaxPrecision;
  while (static_cast<int>(groups.size()) << model->precision > kMaxModelSlots) {
    --model->precision;
  }
  model->frequency.resize(groups.size());
  model->weights.resize(groups.size());
  double bits = 0;
  for (size_t i = 0; i < groups.size(); ++i) {
    Weights& weights = model->weights[i];
    weights.fill(0);
    std::transform(groups[i].counts.begin(), groups[i].counts.end(), weights.begin(), Rounded);
    Normalise(weights, model->precision, &model->frequency[i]);
    const int begin = i == 0 ? 0 : groups[i].first_score;
    std::fill(model->context.begin() + begin, model->context.end(), static_cast<uint8_t>(i));
    bits += groups[i].bits;
  }
  return bits;
}

void PutModel(const ColumnModel& model, std::string* out) {
  out->push_back(static_cast<char>(model.detail << 4 | model.precision));
  out->push_back(static_cast<char>(model.contexts() - 1));
  int score = 0;
  for (int c = 1; c < model.contexts(); ++c) {
    const int begin = score;
    while (model.context[static_cast<size_t>(score)] < c) {
      ++score;
    }
    out->push_back(static_cast<char>(score - begin - 1));
  }
  std::vector<char> buffer(static_cast<size_t>(model.contexts()) * kColumnSymbols * 8 + 32);
  BitWriter bits(buffer.data());
  for (const Weights& weights : model.weights) {
    PutWeights(weights, &bits);
  }
  const auto size = static_cast<size_t>(bits.Finish() - buffer.data());
  PutVarint(out, size);
  out->append(buffer.data(), size);
}

bool GetModel(ByteReader* in, ColumnModel* model) {
  const uint8_t head = in->U8();
  model->detail = head >> 4;
  model->precision = head & 15;
  const int contexts = in->U8() + 1;
  if (!in->ok() || model->detail > kMaxDetail || model->precision < kMinPrecision ||
      model->precision > kMaxPrecision || contexts > kMaxContexts ||
      contexts << model->precision > kMaxModelSlots) {
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
  model->frequency.resize(static_cast<size_t>(contexts));
  for (auto& frequency : model->frequency) {
    Weights weights{};
    if (!GetWeights(model->detail, &bits, &weights)) {
      return false;
    }
    Normalise(weights, model->precision, &frequency);
  }
  return in->ok() && bits.AtEnd();
}

}  // namespace ronda::codec
