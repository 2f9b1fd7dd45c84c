#include "common/codec/column_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/codec/bits.h"
#include "common/codec/residual.h"

namespace ronda::codec {
namespace {

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

// Frequencies that add up to 2^precision, none 0 that is needed.
void Normalise(const Group& group, int precision, std::array<uint16_t, kColumnSymbols>* out) {
  out->fill(0);
  const int target = 1 << precision;
  int sum = 0;
  for (size_t i = 0; i < group.counts.size(); ++i) {
    if (group.counts[i] > 0) {
      const double share = static_cast<double>(group.counts[i]) * target / group.total;
      (*out)[i] = static_cast<uint16_t>(std::max(1, static_cast<int>(share + 0.5)));
      sum += (*out)[i];
    }
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
  double digits = 0;
  const float scale = 2048.0F / static_cast<float>(total);
  for (size_t i = 0; i < symbols; ++i) {
    const uint32_t n = a[i] + (b == nullptr ? 0 : b[i]);
    if (n > 0) {
      bits -= NLogN(n);
      digits += 2 + std::bit_width(static_cast<uint32_t>(static_cast<float>(n) * scale));
    } else {
      digits += 0.6;
    }
  }
  return bits + digits;
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
  double bits = 0;
  for (size_t i = 0; i < groups.size(); ++i) {
    Normalise(groups[i], model->precision, &model->frequency[i]);
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
  std::vector<char> buffer(static_cast<size_t>(model.contexts()) * kColumnSymbols * 5 + 16);
  BitWriter bits(buffer.data());
  for (const auto& frequency : model.frequency) {
    TokenWidth width;
    int left = 1 << model.precision;
    for (size_t symbol = 0; left > 0; ++symbol) {
      PutToken(frequency[symbol], width.parameter(), &bits);
      width.Follow(frequency[symbol]);
      left -= frequency[symbol];
    }
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
    TokenWidth width;
    int left = 1 << model->precision;
    for (uint32_t symbol = 0; left > 0; ++symbol) {
      uint64_t f;
      if (symbol >= kColumnSymbols || !GetToken(width.parameter(), &bits, &f) ||
          f > static_cast<uint64_t>(left) || (f > 0 && !IsToken(symbol, model->detail))) {
        return false;
      }
      width.Follow(f);
      frequency[symbol] = static_cast<uint16_t>(f);
      left -= static_cast<int>(f);
    }
  }
  return in->ok() && bits.AtEnd();
}

}  // namespace ronda::codec
